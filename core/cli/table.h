/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Aligned columns, for lists. The heading is printed on terminals only, so that scripts see records alone. */
#pragma once

#include <glib.h>
#include <stdio.h>

typedef struct _VfTable VfTable;

/* heading: the columns' names, NULL terminated; one that begins with '>' is aligned to the right. */
VfTable *vf_table_new (const char *const *heading);
/* As many strings as columns; copied. NULL and "" are shown as "-". */
void vf_table_add (VfTable *table, ...);
/* The same of an array of them. */
void vf_table_add_cells (VfTable *table, const char *const *cells);
/* always_heading: also where file is no terminal. */
void vf_table_print (const VfTable *table, FILE *file, gboolean always_heading);
void vf_table_free (VfTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfTable, vf_table_free)

/* At most width columns of text, without control characters. Free the result. */
char *vf_text_clip (const char *text, int width);
