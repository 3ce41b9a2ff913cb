/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where two block indexes differ: goes down only where they do, so the cost goes with that. */
#pragma once

#include "blocks/index.h"

/* A page of level 0 that differs. FALSE with error ends the walk. */
typedef gboolean (*VfBlockCompareFunc) (guint64 page, const VfBlockPage *before, const VfBlockPage *after,
                                        gpointer user_data, GError **error);
/* Ascending. before: NULL for one of zeros. Pages behind the end of after are not looked at. */
gboolean vf_block_compare (const VfBlockIndex *before, const VfBlockIndex *after, VfBlockCompareFunc func,
                           gpointer user_data, GError **error);
