/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The parts of an installation. */
#pragma once

#include "yum.h"

/* An error names the first archive that is not signed with one of the keys. archives: paths on the host. */
int yum_verify (Call *call, const Yum *yum, GPtrArray *keys, GPtrArray *archives,
                const struct vmforge_package *const *packages);
/* The first files of a root filesystem, so that its own rpm can run. */
int yum_bootstrap (Call *call, const Yum *yum, const struct vmforge_root *root, GPtrArray *archives,
                   const struct vmforge_package *const *packages);
