/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Garbage collection: what was not used for longest goes first, a stage after those that were made of it, and
 * nothing that an image, a pin, a lock file or a running build needs. What to remove is decided without the
 * gate, from a snapshot; each removal decides again, under the gate, whether it still may
 * (vf_store_remove_stage). So a build that begins meanwhile loses nothing that it has found. */
#include "store/gc.h"

#include "support/error.h"

#include <string.h>

typedef struct {
  VmforgeStore *store;
  const VfGcOptions *options;
  VfGcFunc func;
  gpointer user_data;
  GCancellable *cancellable;
  VfGcResult result;
  GHashTable *needed; /* keys */
  GHashTable *by_key; /* key → VfGcItem */
  GPtrArray *items;   /* VfGcItem, least recently used first */
  guint living;       /* builds that run */
  gint64 oldest;      /* what was last used then or before goes whatever the size */
} Collection;

void
vf_gc_item_free (gpointer data)
{
  VfGcItem *item = data;
  g_free (item->pub.name);
  g_free (item->pub.detail);
  g_free (item->parent);
  g_free (item);
}

static void
need_use (const char *key, gint64 pid, gpointer user_data)
{
  g_hash_table_add (user_data, g_strdup (key));
}

static void
need_root (const char *key, const char *path, gpointer user_data)
{
  g_hash_table_add (user_data, g_strdup (key));
}

static gboolean
need_images (Collection *collection, GError **error)
{
  g_autoptr (GPtrArray) images = vf_store_list_images (collection->store, error);
  for (guint i = 0; images != NULL && i < images->len; i++)
    g_hash_table_add (collection->needed, g_strdup (((const VfImage *)g_ptr_array_index (images, i))->key));
  return images != NULL;
}

/* Stages that builds and clones in the making start from. */
static gboolean
need_buildings (Collection *collection, GError **error)
{
  g_auto (GStrv) volumes = vf_records_names (collection->store, "building", ".json", error);
  for (char **volume = volumes; volume != NULL && *volume != NULL; volume++) {
    g_autoptr (VfJson) record = vf_building_read (collection->store, *volume, NULL);
    const char *parent = record == NULL ? NULL : vf_json_string (record, "parent", NULL);
    if (parent != NULL && !vf_json_bool (record, "kept", FALSE))
      g_hash_table_add (collection->needed, g_strdup (parent));
  }
  return volumes != NULL;
}

static gboolean
find_needed (Collection *collection, GError **error)
{
  VmforgeStore *store = collection->store;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  return gate != NULL && need_images (collection, error) && need_buildings (collection, error) &&
         vf_uses_scan (store, &collection->living, need_use, collection->needed, error) &&
         vf_roots_scan (store, need_root, collection->needed, error);
}

static void
add_stage (Collection *collection, const VfStage *stage)
{
  VfGcItem *item = g_new0 (VfGcItem, 1);
  item->pub = (VfGarbage){.kind = "stage",
                          .name = g_strdup (stage->key),
                          .detail = g_strdup_printf ("%s of '%s'", stage->stage,
                                                     stage->spec_name == NULL ? "?" : stage->spec_name),
                          .bytes = stage->own,
                          .used = stage->used};
  item->parent = g_strdup (stage->parent);
  g_hash_table_insert (collection->by_key, item->pub.name, item);
  g_ptr_array_add (collection->items, item);
}

static void
count_children (Collection *collection)
{
  for (guint i = 0; i < collection->items->len; i++) {
    const VfGcItem *item = g_ptr_array_index (collection->items, i);
    VfGcItem *parent = item->parent == NULL ? NULL : g_hash_table_lookup (collection->by_key, item->parent);
    if (parent != NULL)
      parent->children++;
  }
}

static int
compare_items (gconstpointer a, gconstpointer b)
{
  const VfGcItem *x = *(const VfGcItem *const *)a, *y = *(const VfGcItem *const *)b;
  if (x->pub.used != y->pub.used)
    return x->pub.used < y->pub.used ? -1 : 1;
  return strcmp (x->pub.name, y->pub.name);
}

/* Stages of another storage stay: their volumes cannot be reached from here. */
static gboolean
list_items (Collection *collection, GError **error)
{
  g_autoptr (GPtrArray) stages = vf_store_list_stages (collection->store, error);
  if (stages == NULL || !vf_size_measure (collection->store, stages, &collection->result.left, error))
    return FALSE;
  for (guint i = 0; i < stages->len; i++) {
    const VfStage *stage = g_ptr_array_index (stages, i);
    if (strcmp (stage->storage, collection->store->storage_name) == 0)
      add_stage (collection, stage);
  }
  count_children (collection);
  if (collection->living <= collection->options->own_uses)
    vf_gc_list_caches (collection->store, collection->items);
  g_ptr_array_sort (collection->items, compare_items);
  return TRUE;
}

static gboolean
is_wanted (const Collection *collection, const VfGcItem *item)
{
  return g_str_equal (item->pub.kind, "stage") &&
         (g_hash_table_contains (collection->needed, item->pub.name) ||
          vf_store_is_pinned (collection->store, item->pub.name));
}

static gboolean
remove_item (Collection *collection, const VfGcItem *item, gboolean *removed, GError **error)
{
  *removed = TRUE;
  if (collection->options->dry_run)
    return TRUE;
  if (!g_str_equal (item->pub.kind, "stage"))
    return vf_gc_remove_cached (collection->store, item, collection->options->own_uses, removed, error);
  g_autoptr (GError) failure = NULL;
  if (vf_store_remove_stage (collection->store, item->pub.name, &failure))
    return TRUE;
  *removed = FALSE;
  /* Needed by now, or gone by now: then it is nobody's garbage. */
  if (g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_SPEC) ||
      g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* next: its parent, if that has waited for this one alone. */
static gboolean
collect (Collection *collection, VfGcItem *item, VfGcItem **next, GError **error)
{
  gboolean removed;
  *next = NULL;
  item->visited = TRUE;
  if (item->children > 0 || is_wanted (collection, item))
    return TRUE;
  if (item->pub.used > collection->oldest && collection->result.left <= collection->options->max_bytes)
    return TRUE;
  if (!remove_item (collection, item, &removed, error))
    return FALSE;
  if (!removed)
    return TRUE;
  collection->result.count++;
  collection->result.bytes += item->pub.bytes;
  collection->result.left -= MIN (item->pub.bytes, collection->result.left);
  if (collection->func != NULL)
    collection->func (&item->pub, collection->user_data);
  VfGcItem *parent = item->parent == NULL ? NULL : g_hash_table_lookup (collection->by_key, item->parent);
  if (parent != NULL && --parent->children == 0 && parent->visited)
    *next = parent;
  return TRUE;
}

static gboolean
collect_all (Collection *collection, GError **error)
{
  for (guint i = 0; i < collection->items->len; i++) {
    VfGcItem *item = g_ptr_array_index (collection->items, i);
    while (item != NULL) {
      VfGcItem *next;
      if (vf_error_set_if_cancelled (collection->cancellable, error) ||
          !collect (collection, item, &next, error))
        return FALSE;
      item = next;
    }
  }
  return TRUE;
}

static void
collection_clear (Collection *collection)
{
  g_clear_pointer (&collection->by_key, g_hash_table_unref);
  g_clear_pointer (&collection->needed, g_hash_table_unref);
  g_clear_pointer (&collection->items, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Collection, collection_clear)

static void
sweep_roots (VmforgeStore *store)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, NULL);
  if (gate != NULL)
    vf_roots_sweep (store);
}

gboolean
vf_store_gc (VmforgeStore *store, const VfGcOptions *options, VfGcFunc func, gpointer user_data,
             VfGcResult *result, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (store->storage != NULL, FALSE);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_auto (Collection)
      collection = {.store = store,
                    .options = options,
                    .func = func,
                    .user_data = user_data,
                    .cancellable = cancellable,
                    .needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                    .by_key = g_hash_table_new (g_str_hash, g_str_equal),
                    .items = g_ptr_array_new_with_free_func (vf_gc_item_free),
                    .oldest = options->keep_seconds < 0 ? G_MININT64 : now - options->keep_seconds};
  if (!options->dry_run)
    sweep_roots (store);
  gboolean done =
      find_needed (&collection, error) && list_items (&collection, error) && collect_all (&collection, error);
  collection.result.in_need = collection.result.left > options->max_bytes;
  *result = collection.result;
  return done;
}
