/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What `vmforge diff` does. */
#pragma once

#include "cli/cli.h"
#include "image/diff.h"

/* What hashes may take in memory at once: those of 64 GiB that images hold. */
#define VF_DIFF_MEMORY (G_GUINT64_CONSTANT (128) << 20)

/* NAME:VERSION@ARCH, or the stage's key, shortened. Free the result. */
char *vf_diff_label (const VfImage *image);
/* Of all blocks, some: 0 … 100. Of none it is all. */
double vf_diff_percent (guint64 some, guint64 all);

/* ---- cmd-diff-blocks.c: what two images share, and what sending b to who has a would take. rehearse: by
 * trying it; both stores are open with their storage then. */
gboolean vf_diff_blocks (VfCli *cli, const VfDiffSide *a, const VfDiffSide *b, gboolean rehearse,
                         GError **error);

/* ---- cmd-diff-matrix.c: what each image has of each other one. words: images; none: all that are current */
gboolean vf_diff_matrix (VfCli *cli, VmforgeStore *store, char **words, GError **error);
