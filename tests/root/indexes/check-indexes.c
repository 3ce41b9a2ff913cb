/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* check-indexes STORE STORAGE: looks at the index of every stage in this storage, and prints a line of JSON
 * for each: key, stage, index and volume (paths), own_bytes, whole (the root that indexing all of the volume
 * gives, where the file is the same too), faults (texts). */
#include "blocks/index-build.h"
#include "blocks/verify.h"
#include "store/stage-index.h"
#include "support/digest.h"
#include "support/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WHOLE "building/whole.index"

static void
check (gboolean done, GError *error)
{
  if (done)
    return;
  fprintf (stderr, "check-indexes: %s\n", error->message);
  exit (1);
}

static void
on_fault (const VfBlockFault *fault, gpointer user_data)
{
  g_autofree char *text = vf_block_fault_text (fault);
  json_object_array_add (user_data, json_object_new_string (text));
}

/* Both readings: with the holes that the storage tells, and of everything. */
static void
verify (VmforgeStore *store, const VfStage *stage, const VfBlockVolume *volume, VfJson *faults)
{
  GError *error = NULL;
  const VfBlockWatcher watcher = {.fault = on_fault, .user_data = faults};
  g_autoptr (VfBlockIndex) index = vf_stage_index_open (store, stage, &error);
  check (index != NULL, error);
  g_autoptr (GArray) extents = vf_storage_extents (store->storage, stage->volume, volume->bytes, &error);
  check (extents != NULL, error);
  check (vf_block_index_verify (index, &watcher, NULL, &error), error);
  check (vf_block_index_verify_volume (index, volume, extents, 0, &watcher, NULL, &error), error);
  check (vf_block_index_verify_volume (index, volume, NULL, 0, &watcher, NULL, &error), error);
}

/* NULL where the file differs. */
static char *
build_whole (VmforgeStore *store, const char *path, const VfBlockVolume *volume)
{
  GError *error = NULL;
  char *root = NULL;
  guint64 own_bytes;
  const VfBlockSource source = {.volume = *volume};
  check (vf_block_index_build (&source, store->fd, WHOLE, &root, &own_bytes, &error), error);
  g_autofree char *whole = vf_digest_file (store->fd, WHOLE, NULL);
  g_autofree char *stored = vf_digest_file (store->fd, path, NULL);
  unlinkat (store->fd, WHOLE, 0);
  if (g_strcmp0 (whole, stored) != 0)
    g_clear_pointer (&root, g_free);
  return root;
}

static void
check_stage (VmforgeStore *store, const VfStage *stage)
{
  GError *error = NULL;
  g_autofree char *mapped = NULL, *path = vf_stage_index_path (stage->key, stage->storage);
  g_autoptr (VfJson) line = json_object_new_object ();
  VfJson *faults = json_object_new_array ();
  check (vf_storage_map (store->storage, stage->volume, TRUE, &mapped, &error), error);
  vf_json_set_string (line, "key", stage->key);
  vf_json_set_string (line, "stage", stage->stage);
  vf_json_set_string (line, "volume", mapped);
  vf_json_set (line, "faults", faults);
  if (stage->index != NULL) {
    VfBlockVolume volume = {.fd = open (mapped, O_RDONLY | O_CLOEXEC)};
    volume.bytes = (guint64)lseek (volume.fd, 0, SEEK_END);
    verify (store, stage, &volume, faults);
    g_autofree char *whole = build_whole (store, path, &volume);
    vf_json_set_string (line, "index", stage->index);
    vf_json_set_string (line, "path", path);
    vf_json_set_string (line, "whole", whole == NULL ? "" : whole);
    vf_json_set_int (line, "own_bytes", (gint64)stage->own);
    close (volume.fd);
  }
  check (vf_storage_unmap (store->storage, stage->volume, &error), error);
  puts (json_object_to_json_string_ext (line, JSON_C_TO_STRING_PLAIN));
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  g_autoptr (VmforgeStore) store = argc == 3 ? vmforge_store_open (argv[1], argv[2], &error) : NULL;
  check (store != NULL, error);
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, &error);
  check (stages != NULL, error);
  for (guint i = 0; i < stages->len; i++)
    check_stage (store, stages->pdata[i]);
  return 0;
}
