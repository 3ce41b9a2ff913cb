/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What each image has of each other one, by their block indexes. */
#include "cli/cmd-diff.h"

#include "blocks/shares.h"
#include "store/stage-index.h"
#include "support/error.h"

typedef struct {
  GPtrArray *images;  /* VfImage */
  GPtrArray *indexes; /* VfBlockIndex, one for each */
  VfBlockTotals *totals;
  guint64 *shared; /* [i * n + j]: blocks of j that i has too */
} Matrix;

static void
matrix_clear (Matrix *matrix)
{
  g_clear_pointer (&matrix->images, g_ptr_array_unref);
  g_clear_pointer (&matrix->indexes, g_ptr_array_unref);
  g_free (matrix->totals);
  g_free (matrix->shared);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Matrix, matrix_clear)

/* Takes image. */
static gboolean
add (Matrix *matrix, VmforgeStore *store, VfImage *image, GError **error)
{
  g_ptr_array_add (matrix->images, image);
  VfBlockIndex *index = vf_image_index_open (store, image, error);
  if (index == NULL)
    return FALSE;
  g_ptr_array_add (matrix->indexes, index);
  return TRUE;
}

static gboolean
add_named (Matrix *matrix, VmforgeStore *store, char **words, GError **error)
{
  for (; *words != NULL; words++) {
    VfImage *image = vf_store_find_image (store, *words, error);
    if (image == NULL || !add (matrix, store, image, error))
      return FALSE;
  }
  return TRUE;
}

/* Nobody asked for those that cannot be compared: they are left out, and told. */
static gboolean
add_all (Matrix *matrix, VmforgeStore *store, GError **error)
{
  g_autoptr (GPtrArray) images = vf_store_list_images (store, error);
  if (images == NULL)
    return FALSE;
  while (images->len > 0) {
    g_autoptr (GError) failure = NULL;
    VfImage *image = g_ptr_array_steal_index (images, 0);
    g_autofree char *label = vf_diff_label (image);
    if (!image->current) {
      vf_image_free (image);
      continue;
    }
    if (add (matrix, store, image, &failure))
      continue;
    g_ptr_array_set_size (matrix->images, (int)matrix->indexes->len);
    fprintf (stderr, "vmforge: warning: %s is left out: %s\n", label, failure->message);
  }
  return TRUE;
}

static double
share (const Matrix *matrix, guint of, guint in)
{
  return vf_diff_percent (matrix->shared[(gsize)in * matrix->images->len + of], matrix->totals[of].blocks);
}

/* Columns are numbered like rows: names would make it too wide. */
static void
print_table (const Matrix *matrix)
{
  guint n = matrix->images->len;
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (cells, g_strdup (">"));
  g_ptr_array_add (cells, g_strdup ("of, in"));
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (cells, g_strdup_printf (">%u", i + 1));
  g_ptr_array_add (cells, NULL);
  g_autoptr (VfTable) table = vf_table_new ((const char *const *)cells->pdata);
  for (guint i = 0; i < n; i++) {
    g_ptr_array_set_size (cells, 0);
    g_ptr_array_add (cells, g_strdup_printf ("%u", i + 1));
    g_ptr_array_add (cells, vf_diff_label (matrix->images->pdata[i]));
    for (guint j = 0; j < n; j++)
      g_ptr_array_add (cells, g_strdup_printf ("%.2f%%", share (matrix, i, j)));
    vf_table_add_cells (table, (const char *const *)cells->pdata);
  }
  vf_table_print (table, stdout, TRUE);
}

static VfJson *
image_to_json (const Matrix *matrix, guint i)
{
  const VfImage *image = matrix->images->pdata[i];
  g_autofree char *label = vf_diff_label (image);
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "image", label);
  vf_json_set (json, "digest", vf_cli_json_text (image->digest));
  vf_json_set_string (json, "stage", image->key);
  vf_json_set_int (json, "data_bytes", (gint64)(matrix->totals[i].blocks * VF_BLOCK_BYTES));
  VfJson *shares = json_object_new_array ();
  for (guint j = 0; j < matrix->images->len; j++)
    json_object_array_add (shares, vf_cli_json_decimal (share (matrix, i, j)));
  vf_json_set (json, "common_percent", shares);
  return json;
}

static void
print (VfCli *cli, const Matrix *matrix)
{
  if (!cli->json) {
    print_table (matrix);
    return;
  }
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < matrix->images->len; i++)
    json_object_array_add (list, image_to_json (matrix, i));
  vf_cli_print_json (list);
}

gboolean
vf_diff_matrix (VfCli *cli, VmforgeStore *store, char **words, GError **error)
{
  g_auto (Matrix) matrix = {.images = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_image_free),
                            .indexes = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_block_index_close)};
  if (*words != NULL ? !add_named (&matrix, store, words, error) : !add_all (&matrix, store, error))
    return FALSE;
  guint n = matrix.images->len;
  matrix.totals = g_new0 (VfBlockTotals, MAX (n, 1));
  matrix.shared = g_new0 (guint64, MAX ((gsize)n * n, 1));
  if (!vf_block_shares ((VfBlockIndex *const *)matrix.indexes->pdata, n, VF_DIFF_MEMORY, matrix.totals,
                        matrix.shared, cli->cancellable, error))
    return FALSE;
  print (cli, &matrix);
  return TRUE;
}
