/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a transfer tells the user while it runs, and in the end. */
#pragma once

#include "cli/cli.h"
#include "transfer/session.h"

typedef struct _VfFigures VfFigures;

/* image: what the user called it; done: "sent", "pulled". */
VfFigures *vf_figures_new (const VfCli *cli, const char *image, const char *done);
/* NAME:VERSION@ARCH, once it is known. */
void vf_figures_name (VfFigures *figures, const char *name, guint64 bytes);
void vf_figures_free (VfFigures *figures);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfFigures, vf_figures_free)

/* A VfFiguresFunc; user_data: VfFigures. */
void vf_figures_tell (const struct vmforge_transfer *transfer, gpointer user_data);
/* A warning, on standard error. */
void vf_figures_warn (VfFigures *figures, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* It has failed: says, where the user stopped it, how it goes on. Returns FALSE. */
gboolean vf_figures_stop (GError **error);
/* It has succeeded. */
void vf_figures_end (VfFigures *figures);
