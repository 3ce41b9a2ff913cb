/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "store/store.h"

/* Versions of the host tools that write content into a volume (part of the Core key): {"mke2fs": "1.47.0",
 * …}. more: programs of the package plugin, left out where they are absent. Asked of a tool once; later runs
 * see by the file's inode, size and time that it is the same one. */
VfJson *vf_tools_versions (VmforgeStore *store, const char *filesystem, const char *const *more,
                           GError **error);
