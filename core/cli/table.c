/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/table.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

struct _VfTable {
  guint n_columns;
  GPtrArray *rows; /* of GStrv; the first is the heading */
};

VfTable *
vf_table_new (const char *const *heading)
{
  VfTable *table = g_new (VfTable, 1);
  table->n_columns = g_strv_length ((char **)heading);
  table->rows = g_ptr_array_new_with_free_func ((GDestroyNotify)g_strfreev);
  g_ptr_array_add (table->rows, g_strdupv ((char **)heading));
  return table;
}

void
vf_table_free (VfTable *table)
{
  if (table == NULL)
    return;
  g_ptr_array_unref (table->rows);
  g_free (table);
}

void
vf_table_add_cells (VfTable *table, const char *const *cells)
{
  char **row = g_new0 (char *, table->n_columns + 1);
  for (guint i = 0; i < table->n_columns; i++)
    row[i] = vf_text_clip (cells[i] == NULL || *cells[i] == '\0' ? "-" : cells[i], G_MAXINT);
  g_ptr_array_add (table->rows, row);
}

void
vf_table_add (VfTable *table, ...)
{
  g_autofree const char **cells = g_new (const char *, table->n_columns);
  va_list words;
  va_start (words, table);
  for (guint i = 0; i < table->n_columns; i++)
    cells[i] = va_arg (words, const char *);
  va_end (words);
  vf_table_add_cells (table, cells);
}

/* Columns that text takes on a terminal. */
static int
text_width (const char *text)
{
  int width = 0;
  for (; *text != '\0'; text = g_utf8_next_char (text)) {
    gunichar c = g_utf8_get_char (text);
    width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
  }
  return width;
}

char *
vf_text_clip (const char *text, int width)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *clipped = g_string_new (NULL);
  int used = 0;
  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    if (g_unichar_iscntrl (c))
      c = ' ';
    used += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
    if (used > width)
      break;
    g_string_append_unichar (clipped, c);
  }
  return g_string_free (clipped, FALSE);
}

static gboolean
is_right (const VfTable *table, guint column)
{
  return ((char **)table->rows->pdata[0])[column][0] == '>';
}

static const char *
get_cell (const VfTable *table, guint row, guint column)
{
  const char *cell = ((char **)table->rows->pdata[row])[column];
  return row == 0 && is_right (table, column) ? cell + 1 : cell;
}

static void
print_row (const VfTable *table, guint row, const int *widths, FILE *file)
{
  for (guint i = 0; i < table->n_columns; i++) {
    const char *cell = get_cell (table, row, i);
    int padding = widths[i] - text_width (cell);
    gboolean last = i + 1 == table->n_columns;
    if (is_right (table, i))
      fprintf (file, "%*s%s%s", padding, "", cell, last ? "" : "  ");
    else
      fprintf (file, "%s%*s", cell, last ? 0 : padding + 2, "");
  }
  fputc ('\n', file);
}

void
vf_table_print (const VfTable *table, FILE *file, gboolean always_heading)
{
  guint first = always_heading || isatty (fileno (file)) ? 0 : 1;
  g_autofree int *widths = g_new0 (int, table->n_columns);
  if (table->rows->len == 1)
    return;
  for (guint row = first; row < table->rows->len; row++)
    for (guint i = 0; i < table->n_columns; i++)
      widths[i] = MAX (widths[i], text_width (get_cell (table, row, i)));
  for (guint row = first; row < table->rows->len; row++)
    print_row (table, row, widths, file);
}
