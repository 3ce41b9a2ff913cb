/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"

#include "blocks/index-build.h"
#include "store/stage-index.h"
#include "support/digest.h"
#include "support/fd.h"
#include "support/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void
common_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (program);
  g_autofree char *plugins = g_build_filename (folder, "store", NULL);
  g_setenv ("VMFORGE_PLUGIN_PATH", plugins, TRUE);
  g_unsetenv ("VMFORGE_STORE");
}

char *
common_path (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("vmforge-store-XXXXXX", &error);
  g_assert_no_error (error);
  g_assert_cmpint (chmod (folder, 0755), ==, 0);
  return g_build_filename (folder, "store", NULL);
}

void
common_remove (char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_path_get_dirname (path);
  vf_fs_remove (AT_FDCWD, folder, &error);
  g_assert_no_error (error);
  g_free (path);
}

VmforgeStore *
common_open (const char *path)
{
  g_autoptr (GError) error = NULL;
  VmforgeStore *store = vmforge_store_open (path, "plain", &error);
  g_assert_no_error (error);
  g_assert_nonnull (store);
  return store;
}

char *
common_key (const char *text)
{
  return vf_digest_text (text);
}

VfJson *
common_stage_json (const char *stage, const char *parent)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_int (json, "format", 1);
  vf_json_set_string (json, "stage", stage);
  vf_json_set_string (json, "spec", "test");
  if (parent != NULL)
    vf_json_set_string (json, "parent", parent);
  return json;
}

void
common_build (VmforgeStore *store, const char *key, const char *stage, const char *parent)
{
  g_autoptr (GError) error = NULL;
  VfBuildingStage what = {
      .key = key, .parent = parent, .stage = stage, .spec = "test", .reserve = VOLUME_BYTES};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error);
  g_assert_no_error (error);
  vf_storage_seal (store->storage, building->volume, &error);
  g_assert_no_error (error);
  g_autoptr (VfJson) json = common_stage_json (stage, parent);
  vf_store_record_stage (store, key, json, building->volume, VOLUME_BYTES, 1.25, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, building, FALSE, FALSE, &error));
  g_assert_no_error (error);
}

static void
fill (VmforgeStore *store, const char *volume, const char *content)
{
  g_autofree char *path = g_strdup_printf ("volumes/%s", volume);
  vf_autofd int fd = openat (store->fd, path, O_WRONLY | O_CLOEXEC);
  for (off_t block = 0; content[block] != '\0'; block++) {
    char data[VF_BLOCK_BYTES];
    memset (data, content[block], sizeof data);
    if (content[block] != '.')
      g_assert_cmpint (pwrite (fd, data, sizeof data, block * VF_BLOCK_BYTES), ==, sizeof data);
  }
}

static void
make_index (VmforgeStore *store, const char *volume, VfStageIndex *index)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *root = NULL;
  g_autofree char *path = g_strdup_printf ("volumes/%s", volume);
  g_autofree char *index_path = vf_building_index_path (volume);
  vf_autofd int fd = openat (store->fd, path, O_RDONLY | O_CLOEXEC);
  VfBlockSource source = {.volume = {fd, VOLUME_BYTES}, .threads = 1};
  vf_block_index_build (&source, store->fd, index_path, &root, &index->own_bytes, &error);
  g_assert_no_error (error);
  g_strlcpy (index->root, root, sizeof index->root);
}

void
common_build_indexed (VmforgeStore *store, const char *key, const char *stage, const char *parent,
                      const char *content)
{
  g_autoptr (GError) error = NULL;
  VfStageIndex index;
  VfBuildingStage what = {.key = key, .parent = parent, .stage = stage, .spec = "test", .reserve = 1};
  VfBuilding *building = vf_store_begin_stage (store, &what, &error);
  g_assert_no_error (error);
  g_assert_true (vf_storage_create (store->storage, building->volume, VOLUME_BYTES, &error));
  fill (store, building->volume, content);
  g_assert_true (vf_storage_seal (store->storage, building->volume, &error));
  make_index (store, building->volume, &index);
  g_autoptr (VfJson) json = common_stage_json (stage, parent);
  vf_store_record_indexed (store, key, json, building->volume, VOLUME_BYTES, 1, NULL, &index, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (store, building, FALSE, FALSE, &error));
}

void
common_hash (char content, guint8 *hash)
{
  char data[VF_BLOCK_BYTES];
  memset (data, content, sizeof data);
  vf_digest_bytes (data, sizeof data, hash);
}

VfJson *
common_manifest (const char *name, const char *version, const char *arch, const char *key, int serial)
{
  VfJson *json = json_object_new_object ();
  vf_json_set_int (json, "format", 1);
  vf_json_set_string (json, "name", name);
  vf_json_set_string (json, "version", version);
  vf_json_set_string (json, "arch", arch);
  vf_json_set_string (json, "stage", key);
  vf_json_set_int (json, "serial", serial);
  vf_json_set_int (json, "created", 1700000000 + serial);
  return json;
}

char *
common_publish (VmforgeStore *store, const char *name, const char *version, const char *arch, const char *key,
                int serial)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) manifest = common_manifest (name, version, arch, key, serial);
  char *digest = NULL;
  vf_store_publish (store, manifest, &digest, &error);
  g_assert_no_error (error);
  g_assert_nonnull (digest);
  return digest;
}

guint
common_count_volumes (VmforgeStore *store)
{
  return common_count_files (store, "volumes");
}

guint
common_count_files (VmforgeStore *store, const char *folder)
{
  guint count = 0;
  g_autofree char *path = g_build_filename (store->path, folder, NULL);
  DIR *dir = opendir (path);
  g_assert_nonnull (dir);
  for (struct dirent *entry = NULL; (entry = readdir (dir)) != NULL;)
    count += strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
  closedir (dir);
  return count;
}

gboolean
common_has_volume (VmforgeStore *store, const char *volume)
{
  g_autofree char *path = g_build_filename ("volumes", volume, NULL);
  return vf_fs_exists (store->fd, path);
}

void
common_check_clean (VmforgeStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) stages = vf_store_list_stages (store, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) kept = vf_store_list_kept (store, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < stages->len; i++)
    g_assert_true (common_has_volume (store, ((VfStage *)g_ptr_array_index (stages, i))->volume));
  for (guint i = 0; i < kept->len; i++)
    g_assert_true (common_has_volume (store, ((VfKept *)g_ptr_array_index (kept, i))->volume));
  g_assert_cmpuint (common_count_volumes (store), ==, stages->len + kept->len);
  g_assert_cmpuint (common_count_files (store, "stages"), ==, stages->len);
  if (kept->len == 0)
    g_assert_cmpuint (common_count_files (store, "building"), ==, 0);
}

pid_t
common_fork (CommonFunc func, const char *path, gpointer data)
{
  pid_t pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid > 0)
    return pid;
  /* A test that fails must not leave children that run for ever. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  func (path, data);
  _exit (0);
}

int
common_wait (pid_t pid)
{
  int status = 0;
  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  return status;
}
