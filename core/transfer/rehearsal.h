/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a transfer would take, by making it to a receiver of our own that has one image and keeps nothing. */
#pragma once

#include "store/store.h"
#include "vmforge/plugin.h"

/* Sends `image` of `store` to who has `there` of store_there, which may be the same store. Both are open with
 * their storage. The program ignores SIGPIPE. */
gboolean vf_rehearse (VmforgeStore *store, const VfImage *image, const VmforgeStore *store_there,
                      const VfImage *there, struct vmforge_transfer *figures, GError **error);
