/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Two images by their block indexes: no volume is read, unless a transfer is rehearsed. */
#include "cli/cmd-diff.h"

#include "blocks/shares.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/units.h"
#include "transfer/rehearsal.h"

#include <signal.h>
#include <string.h>

typedef struct {
  const VfImage *image;
  char *label;
  VfBlockIndex *index;
  VfBlockTotals totals;
  guint64 common; /* blocks that the other has too */
} Side;

typedef struct {
  Side a, b;
  guint64 in_place;    /* of what is common, at the same place */
  guint64 index_bytes; /* of the index of b, what who has that of a lacks */
  guint64 manifest_bytes;
  gboolean rehearsed;
  struct vmforge_transfer rehearsal;
} Comparison;

static void
comparison_clear (Comparison *comparison)
{
  Side *const sides[] = {&comparison->a, &comparison->b};
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++) {
    g_free (sides[i]->label);
    g_clear_pointer (&sides[i]->index, vf_block_index_close);
  }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Comparison, comparison_clear)

static gboolean
open_side (const VfDiffSide *from, Side *side, GError **error)
{
  side->image = from->image;
  side->label = vf_diff_label (from->image);
  side->index = vf_image_index_open (from->store, from->image, error);
  return side->index != NULL;
}

static gboolean
compare (Comparison *comparison, GCancellable *cancellable, GError **error)
{
  Side *a = &comparison->a, *b = &comparison->b;
  VfBlockIndex *const indexes[] = {a->index, b->index};
  VfBlockTotals totals[2], distance;
  guint64 shared[4];
  if (!vf_block_distance (a->index, b->index, &distance, cancellable, error) ||
      !vf_block_shares (indexes, 2, VF_DIFF_MEMORY, totals, shared, cancellable, error))
    return FALSE;
  a->totals = totals[0];
  b->totals = totals[1];
  b->common = shared[1];
  a->common = shared[2];
  comparison->in_place = b->totals.blocks - distance.blocks;
  g_autofree char *manifest = b->image->manifest == NULL ? NULL : vf_json_canonical (b->image->manifest);
  comparison->manifest_bytes = manifest == NULL ? 0 : strlen (manifest);
  comparison->index_bytes = VF_BLOCK_HEADER_BYTES + distance.pages * VF_BLOCK_BYTES;
  return TRUE;
}

static guint64
data_bytes (const Side *side)
{
  return side->totals.blocks * VF_BLOCK_BYTES;
}

static guint64
index_bytes (const Side *side)
{
  return VF_BLOCK_HEADER_BYTES + side->totals.pages * VF_BLOCK_BYTES;
}

static guint64
unique_bytes (const Side *side)
{
  return (side->totals.blocks - side->common) * VF_BLOCK_BYTES;
}

/* What travels if nothing can be compressed. */
static guint64
most_bytes (const Comparison *comparison)
{
  return unique_bytes (&comparison->b) + comparison->index_bytes + comparison->manifest_bytes;
}

static void
add_sizes (VfTable *table, const char *what, guint64 a, guint64 b)
{
  g_autofree char *of_a = vf_units_format_size (a), *of_b = vf_units_format_size (b);
  vf_table_add (table, what, of_a, of_b);
}

static void
add_shares (VfTable *table, const char *what, double a, double b)
{
  g_autofree char *of_a = g_strdup_printf ("%.2f%%", a), *of_b = g_strdup_printf ("%.2f%%", b);
  vf_table_add (table, what, of_a, of_b);
}

static void
print_text (const Comparison *comparison)
{
  const Side *a = &comparison->a, *b = &comparison->b;
  g_autofree char *title_a = g_strconcat (">", a->label, NULL), *title_b = g_strconcat (">", b->label, NULL);
  const char *const heading[] = {"", title_a, title_b, NULL};
  g_autoptr (VfTable) table = vf_table_new (heading);
  add_sizes (table, "disk", vf_block_index_get_bytes (a->index), vf_block_index_get_bytes (b->index));
  add_sizes (table, "blocks that are not zeros", data_bytes (a), data_bytes (b));
  add_shares (table, "common blocks", vf_diff_percent (a->common, a->totals.blocks),
              vf_diff_percent (b->common, b->totals.blocks));
  add_shares (table, "at the same place", vf_diff_percent (comparison->in_place, a->totals.blocks),
              vf_diff_percent (comparison->in_place, b->totals.blocks));
  add_sizes (table, "unique", unique_bytes (a), unique_bytes (b));
  add_sizes (table, "index", index_bytes (a), index_bytes (b));
  add_shares (table, "index overhead", vf_diff_percent (index_bytes (a), data_bytes (a)),
              vf_diff_percent (index_bytes (b), data_bytes (b)));
  vf_table_print (table, stdout, TRUE);
}

static void
print_prediction (const Comparison *comparison)
{
  const Side *b = &comparison->b;
  g_autofree char *unique = vf_units_format_size (unique_bytes (b)),
                  *index = vf_units_format_size (comparison->index_bytes),
                  *all = vf_units_format_size (most_bytes (comparison));
  printf ("\nto who has %s, %s takes %" G_GUINT64_FORMAT
          " blocks (%s) and %s of index (%.3f%%): at most %s on the wire\n",
          comparison->a.label, b->label, b->totals.blocks - b->common, unique, index,
          vf_diff_percent (comparison->index_bytes, data_bytes (b)), all);
  if (!comparison->rehearsed)
    return;
  const struct vmforge_transfer *rehearsal = &comparison->rehearsal;
  g_autofree char *wire = vf_units_format_size (rehearsal->wire_bytes),
                  *says = vf_units_format_size (rehearsal->index_bytes);
  printf ("tried: %s on the wire, of which %s say what is where (%.3f%%)\n", wire, says,
          vf_diff_percent (rehearsal->index_bytes, data_bytes (b)));
}

static VfJson *
side_to_json (const Side *side)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_string (json, "image", side->label);
  vf_json_set (json, "digest", vf_cli_json_text (side->image->digest));
  vf_json_set_string (json, "stage", side->image->key);
  vf_json_set_string (json, "root", vf_block_index_get_root (side->index));
  vf_json_set_int (json, "bytes", (gint64)vf_block_index_get_bytes (side->index));
  vf_json_set_int (json, "data_bytes", (gint64)data_bytes (side));
  vf_json_set_int (json, "common_bytes", (gint64)(data_bytes (side) - unique_bytes (side)));
  vf_json_set (json, "common_percent",
               vf_cli_json_decimal (vf_diff_percent (side->common, side->totals.blocks)));
  vf_json_set_int (json, "unique_bytes", (gint64)unique_bytes (side));
  vf_json_set_int (json, "index_bytes", (gint64)index_bytes (side));
  vf_json_set (json, "index_percent",
               vf_cli_json_decimal (vf_diff_percent (index_bytes (side), data_bytes (side))));
  return json;
}

static VfJson *
rehearsal_to_json (const struct vmforge_transfer *rehearsal)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_int (json, "moved_bytes", (gint64)rehearsal->moved_bytes);
  vf_json_set_int (json, "wire_bytes", (gint64)rehearsal->wire_bytes);
  vf_json_set_int (json, "index_bytes", (gint64)rehearsal->index_bytes);
  return json;
}

static VfJson *
prediction_to_json (const Comparison *comparison)
{
  const Side *b = &comparison->b;
  VfJson *json = json_object_new_object ();
  vf_json_set_int (json, "blocks", (gint64)(b->totals.blocks - b->common));
  vf_json_set_int (json, "block_bytes", (gint64)unique_bytes (b));
  vf_json_set_int (json, "index_bytes", (gint64)comparison->index_bytes);
  vf_json_set (json, "index_percent",
               vf_cli_json_decimal (vf_diff_percent (comparison->index_bytes, data_bytes (b))));
  vf_json_set_int (json, "manifest_bytes", (gint64)comparison->manifest_bytes);
  vf_json_set_int (json, "wire_bytes_at_most", (gint64)most_bytes (comparison));
  if (comparison->rehearsed)
    vf_json_set (json, "rehearsal", rehearsal_to_json (&comparison->rehearsal));
  return json;
}

static VfJson *
to_json (const Comparison *comparison)
{
  VfJson *json = json_object_new_object ();
  vf_json_set (json, "a", side_to_json (&comparison->a));
  vf_json_set (json, "b", side_to_json (&comparison->b));
  vf_json_set_int (json, "in_place_bytes", (gint64)(comparison->in_place * VF_BLOCK_BYTES));
  vf_json_set (json, "transfer", prediction_to_json (comparison));
  return json;
}

static gboolean
try_transfer (Comparison *comparison, const VfDiffSide *a, const VfDiffSide *b, GError **error)
{
  if (b->image->manifest == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "%s has no name: --rehearse sends only images that have one", comparison->b.label);
  signal (SIGPIPE, SIG_IGN); /* an end that closes is an error to tell, not ours */
  comparison->rehearsed = vf_rehearse (b->store, b->image, a->store, a->image, &comparison->rehearsal, error);
  return comparison->rehearsed;
}

gboolean
vf_diff_blocks (VfCli *cli, const VfDiffSide *a, const VfDiffSide *b, gboolean rehearse, GError **error)
{
  g_auto (Comparison) comparison = {0};
  if (!open_side (a, &comparison.a, error) || !open_side (b, &comparison.b, error) ||
      !compare (&comparison, cli->cancellable, error) ||
      (rehearse && !try_transfer (&comparison, a, b, error)))
    return FALSE;
  if (cli->json) {
    vf_cli_print_json (to_json (&comparison));
    return TRUE;
  }
  print_text (&comparison);
  print_prediction (&comparison);
  return TRUE;
}
