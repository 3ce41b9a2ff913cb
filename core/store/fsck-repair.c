/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is damaged goes, and what depends on it before it: names of images, then stages from the top down. No
 * sound stage goes that nothing damaged is below of. */
#include "store/fsck.h"

#include "store/hints.h"
#include "store/records.h"
#include "support/checked.h"
#include "support/error.h"

#include <string.h>

typedef struct {
  VfFsck *fsck;
  void (*step) (const char *line, gpointer user_data);
  gpointer user_data;
  GHashTable *doomed; /* keys of stages that go */
  guint left;
} Repair;

static void G_GNUC_PRINTF (2, 3) tell (Repair *repair, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *line = g_strdup_vprintf (format, args);
  va_end (args);
  if (repair->step != NULL)
    repair->step (line, repair->user_data);
}

/* The damaged ones, and all above them. */
static void
find_doomed (Repair *repair)
{
  guint before;
  for (guint i = 0; i < repair->fsck->faults->len; i++) {
    const VfFault *fault = g_ptr_array_index (repair->fsck->faults, i);
    if (fault->cure == VF_CURE_STAGE)
      g_hash_table_add (repair->doomed, fault->target);
  }
  do {
    before = g_hash_table_size (repair->doomed);
    for (guint i = 0; i < repair->fsck->stages->len; i++) {
      VfFsckStage *stage = g_ptr_array_index (repair->fsck->stages, i);
      if (stage->parent != NULL && g_hash_table_contains (repair->doomed, stage->parent))
        g_hash_table_add (repair->doomed, stage->key);
    }
  } while (g_hash_table_size (repair->doomed) > before);
}

/* Who works with it stops by himself: his stage is left to the next repair, and so is what is below it. */
static gboolean
spare_used (Repair *repair, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (repair->fsck->store, error);
  g_autoptr (GHashTable) uses = gate == NULL ? NULL : vf_uses_keys (repair->fsck->store, error);
  if (uses == NULL)
    return FALSE;
  gboolean more;
  do {
    more = FALSE;
    for (guint i = 0; i < repair->fsck->stages->len; i++) {
      VfFsckStage *stage = g_ptr_array_index (repair->fsck->stages, i);
      gboolean used = g_hash_table_contains (uses, stage->key);
      if (!used || !g_hash_table_remove (repair->doomed, stage->key))
        continue;
      tell (repair, "stage %.12s is in use: run this again when nothing is built", stage->key);
      repair->left++;
      more = TRUE;
      if (stage->parent != NULL)
        g_hash_table_add (uses, g_strdup (stage->parent));
    }
  } while (more);
  return TRUE;
}

static gboolean
sign (VmforgeStore *store, const char *path, GError **error)
{
  g_autoptr (VfJson) record = vf_checked_read (store->fd, path, error);
  return record != NULL && vf_checked_write (store->fd, path, record, error);
}

/* The record of a builder that lives is his. */
static gboolean
is_held (VmforgeStore *store, const char *path)
{
  if (!g_str_has_prefix (path, "building/"))
    return FALSE;
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *volume = g_strndup (name, VF_VOLUME_HEX);
  g_autoptr (VfLock) lock = vf_building_try_lock (store, volume, NULL);
  return lock == NULL;
}

static gboolean
cure_file (Repair *repair, const VfFault *fault, GError **error)
{
  VmforgeStore *store = repair->fsck->store;
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL)
    return FALSE;
  if (is_held (store, fault->target)) {
    tell (repair, "'%s' is in use: run this again when nothing is built", fault->target);
    repair->left++;
    return TRUE;
  }
  if (fault->cure == VF_CURE_SIGN ? !sign (store, fault->target, error)
                                  : !vf_records_remove (store, fault->target, error))
    return FALSE;
  tell (repair, fault->cure == VF_CURE_SIGN ? "gave '%s' a checksum" : "removed '%s'", fault->target);
  return TRUE;
}

static gboolean
cure_pin (Repair *repair, const VfFault *fault, GError **error)
{
  if (!vf_records_remove (repair->fsck->store, fault->object, error) ||
      !vf_store_pin (repair->fsck->store, fault->target, TRUE, error))
    return FALSE;
  tell (repair, "wrote the pin of stage %.12s anew", fault->target);
  return TRUE;
}

/* A stage that goes takes its files along. */
static gboolean
goes_with_stage (const Repair *repair, const VfFault *fault)
{
  g_auto (GStrv) parts = g_strsplit (fault->object, "/", 3);
  return g_strv_length (parts) == 3 && strcmp (parts[0], "stages") == 0 &&
         g_hash_table_contains (repair->doomed, parts[1]);
}

static gboolean
cure_files (Repair *repair, GError **error)
{
  for (guint i = 0; i < repair->fsck->faults->len; i++) {
    const VfFault *fault = g_ptr_array_index (repair->fsck->faults, i);
    gboolean file = fault->cure == VF_CURE_SIGN || fault->cure == VF_CURE_FILE;
    if (fault->cure == VF_CURE_NONE)
      repair->left++;
    if (goes_with_stage (repair, fault))
      continue;
    if ((file && !cure_file (repair, fault, error)) ||
        (fault->cure == VF_CURE_PIN && !cure_pin (repair, fault, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_damaged (const Repair *repair, const char *digest)
{
  for (guint i = 0; i < repair->fsck->faults->len; i++) {
    const VfFault *fault = g_ptr_array_index (repair->fsck->faults, i);
    if (fault->cure == VF_CURE_IMAGE && strcmp (fault->target, digest) == 0)
      return TRUE;
  }
  return FALSE;
}

/* A stage that is there, and will be, in this storage or another. */
static gboolean
is_left (const Repair *repair, const char *key)
{
  g_auto (GStrv) storages = vf_stage_storages (repair->fsck->store, key, NULL);
  guint count = storages == NULL ? 0 : g_strv_length (storages);
  return count > (g_hash_table_contains (repair->doomed, key) ? 1 : 0);
}

/* The stage that its manifest names, or the one that it was received as, goes, and with it the last one that
 * has its blocks. */
static gboolean
loses_stage (const Repair *repair, const char *digest)
{
  VmforgeStore *store = repair->fsck->store;
  g_autofree char *path = g_strdup_printf ("objects/%s.json", digest);
  g_autoptr (VfJson) manifest = vf_records_read (store, path, NULL);
  if (manifest == NULL)
    return FALSE;
  const char *key = vf_json_string (manifest, "stage", ""), *root = vf_json_string (manifest, "root", "");
  g_autofree char *import = vf_import_key (root);
  if ((!g_hash_table_contains (repair->doomed, key) && !g_hash_table_contains (repair->doomed, import)) ||
      is_left (repair, import))
    return FALSE;
  /* What was built here under this key may have other blocks. */
  g_autoptr (VfStage) stage = is_left (repair, key) ? vf_store_find_stage (store, key, NULL) : NULL;
  return stage == NULL || (*root != '\0' && g_strcmp0 (stage->index, root) != 0);
}

static gboolean
cure_images (Repair *repair, GError **error)
{
  g_autoptr (GPtrArray) names = vf_image_names_read (repair->fsck->store, error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    const VfImageName *name = g_ptr_array_index (names, i);
    for (char **digest = name->digests; *digest != NULL; digest++) {
      VfImage image = {.name = name->name,
                       .version = name->version,
                       .arch = name->arch,
                       .digest = *digest,
                       .key = (char *)""};
      if (!is_damaged (repair, *digest) && !loses_stage (repair, *digest))
        continue;
      if (!vf_store_remove_image (repair->fsck->store, &image, error))
        return FALSE;
      tell (repair, "removed image %s:%s@%s (%.12s)", name->name, name->version, name->arch, *digest);
    }
  }
  return TRUE;
}

/* Under the gate: the record. NULL without error: somebody works with it. */
static VfLock *
unrecord (VmforgeStore *store, const VfFsckStage *stage, GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (GHashTable) uses = gate == NULL ? NULL : vf_uses_keys (store, error);
  if (uses == NULL || g_hash_table_contains (uses, stage->key))
    return NULL;
  g_autoptr (VfLock) lock =
      vf_building_try_lock (store, stage->volume == NULL ? stage->key : stage->volume, error);
  if (lock == NULL || !vf_stage_forget (store, stage->key, NULL, error))
    return NULL;
  return g_steal_pointer (&lock);
}

static gboolean
remove_stage (Repair *repair, const VfFsckStage *stage, GError **error)
{
  VmforgeStore *store = repair->fsck->store;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfLock) lock = unrecord (store, stage, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (lock == NULL) {
    tell (repair, "stage %.12s is in use: run this again when nothing is built", stage->key);
    repair->left++;
    return TRUE;
  }
  tell (repair, "removed stage %.12s", stage->key);
  /* A volume that no record could name is an orphan, which recovery removes. */
  if (stage->volume != NULL && !vf_building_remove_volume (store, stage->volume, error))
    return FALSE;
  return vf_building_forget (store, stage->volume == NULL ? stage->key : stage->volume, error);
}

static gboolean
has_child (const VfFsck *fsck, GHashTable *done, const char *key)
{
  for (guint i = 0; i < fsck->stages->len; i++) {
    const VfFsckStage *stage = g_ptr_array_index (fsck->stages, i);
    if (g_strcmp0 (stage->parent, key) == 0 && !g_hash_table_contains (done, stage->key))
      return TRUE;
  }
  return FALSE;
}

/* Children first. */
static gboolean
cure_stages (Repair *repair, GError **error)
{
  const VfFsck *fsck = repair->fsck;
  g_autoptr (GHashTable) done = g_hash_table_new (g_str_hash, g_str_equal);
  guint before;
  do {
    before = g_hash_table_size (done);
    for (guint i = 0; i < fsck->stages->len; i++) {
      VfFsckStage *stage = g_ptr_array_index (fsck->stages, i);
      if (!g_hash_table_contains (repair->doomed, stage->key) || g_hash_table_contains (done, stage->key) ||
          has_child (fsck, done, stage->key))
        continue;
      if (!remove_stage (repair, stage, error))
        return FALSE;
      g_hash_table_add (done, stage->key);
    }
  } while (g_hash_table_size (done) > before);
  return TRUE;
}

/* Of the stages that are left. Nothing but hints is lost where it fails. */
static void
cure_blocks (Repair *repair)
{
  g_autoptr (GError) failure = NULL;
  guint faults = 0;
  for (guint i = 0; i < repair->fsck->faults->len; i++)
    faults += ((const VfFault *)g_ptr_array_index (repair->fsck->faults, i))->cure == VF_CURE_BLOCKS;
  if (faults == 0)
    return;
  if (vf_store_relearn_blocks (repair->fsck->store, &failure)) {
    tell (repair, "made the table of blocks anew");
    return;
  }
  tell (repair, "cannot make the table of blocks anew: %s", failure->message);
  repair->left += faults;
}

gboolean
vf_fsck_repair (VfFsck *fsck, void (*step) (const char *line, gpointer user_data), gpointer user_data,
                guint *left, GError **error)
{
  g_autoptr (GHashTable) doomed = g_hash_table_new (g_str_hash, g_str_equal);
  Repair repair = {.fsck = fsck, .step = step, .user_data = user_data, .doomed = doomed};
  find_doomed (&repair);
  gboolean done = spare_used (&repair, error) && cure_files (&repair, error) &&
                  cure_images (&repair, error) && cure_stages (&repair, error) &&
                  vf_store_recover (fsck->store, error);
  if (done)
    cure_blocks (&repair);
  *left = repair.left;
  return done;
}
