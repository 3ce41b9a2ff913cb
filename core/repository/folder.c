/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* repository/images/DIGEST: manifest.json and its signatures, disk.index, and disk.raw where a file can be a
 * clone of the volume. */
#include "repository/keyring.h"
#include "repository/repository-private.h"
#include "repository/sbom.h"

#include "store/records.h"
#include "store/stage-index.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST     "manifest.json"
#define SBOM         "sbom.spdx.json"
#define MAX_MANIFEST (64 * 1024 * 1024)

char **
vf_repository_signature_names (VmforgeStore *store, const char *const *signatures, GError **error)
{
  g_autoptr (VfKeyring) keyring = vf_keyring_load (store, error);
  if (keyring == NULL)
    return NULL;
  GPtrArray *keys = vf_keyring_keys (keyring);
  const VfTrustedKey *own = keys->len > 0 && ((VfTrustedKey *)keys->pdata[0])->own ? keys->pdata[0] : NULL;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  for (; signatures != NULL && *signatures != NULL; signatures++) {
    guint8 id[VF_SIGN_ID_BYTES];
    char hex[VF_SIGN_ID_HEX + 1];
    if (!vf_sign_claimed_id (*signatures, strlen (*signatures), id, error))
      return NULL;
    vf_sign_id_to_hex (id, hex);
    /* That of the store is where minisign looks for it. */
    gboolean ours = own != NULL && strcmp (own->id, hex) == 0;
    g_autofree char *name =
        ours ? g_strdup (MANIFEST SIGNATURE) : g_strdup_printf (MANIFEST ".%s" SIGNATURE, hex);
    g_strv_builder_add (names, name);
  }
  return g_strv_builder_end (names);
}

/* Unless the same is there: nothing is written, and synced, for nothing. */
static gboolean
write_text (VmforgeStore *store, const char *path, const char *text, GError **error)
{
  gsize length;
  g_autofree char *there = vf_fs_read (store->fd, path, MAX_MANIFEST, &length, NULL);
  if (there != NULL && length == strlen (text) && memcmp (there, text, length) == 0)
    return TRUE;
  return vf_fs_write (store->fd, path, text, strlen (text), 0644, error);
}

static gboolean
write_signatures (VmforgeStore *store, const char *folder, const char *digest, VfListed *listed,
                  GError **error)
{
  g_auto (GStrv) texts = vf_store_read_signatures (store, digest, error);
  if (texts == NULL)
    return FALSE;
  listed->signatures = vf_repository_signature_names (store, (const char *const *)texts, error);
  if (listed->signatures == NULL)
    return FALSE;
  for (guint i = 0; texts[i] != NULL; i++) {
    g_autofree char *path = g_build_filename (folder, listed->signatures[i], NULL);
    if (!write_text (store, path, texts[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_manifest (VmforgeStore *store, const char *folder, const char *digest, GError **error)
{
  gsize length;
  g_autofree char *object = g_strdup_printf ("objects/%s.json", digest);
  g_autofree char *path = g_build_filename (folder, MANIFEST, NULL);
  g_autofree char *text = vf_fs_read (store->fd, object, MAX_MANIFEST, &length, error);
  return text != NULL && write_text (store, path, text, error);
}

static gboolean
write_sbom (VmforgeStore *store, const char *folder, const VfImage *image, GError **error)
{
  g_autofree char *path = g_build_filename (folder, SBOM, NULL);
  g_autofree char *text = vf_sbom_make (image->manifest, error);
  return text != NULL && write_text (store, path, text, error);
}

/* A link: the index never changes. A copy where they cannot share a file. */
static gboolean
place_index (VmforgeStore *store, const char *folder, const VfStage *stage, GError **error)
{
  g_autofree char *from = vf_stage_index_path (stage->key, stage->storage);
  g_autofree char *to = g_build_filename (folder, "disk.index", NULL);
  struct stat a, b;
  if (fstatat (store->fd, from, &a, 0) == 0 && fstatat (store->fd, to, &b, 0) == 0 && a.st_ino == b.st_ino)
    return TRUE;
  (void)unlinkat (store->fd, to, 0);
  if (linkat (store->fd, from, store->fd, to, 0) == 0)
    return TRUE;
  vf_autofd int in = openat (store->fd, from, O_RDONLY | O_CLOEXEC);
  vf_autofd int out = in < 0 ? -1 : openat (store->fd, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (out < 0)
    return vf_error_set_errno (error, "cannot make '%s/%s'", store->path, to);
  return vf_fs_copy_data (in, out, NULL, error);
}

static gboolean
clone_file (VmforgeStore *store, const char *from, const char *to)
{
  vf_autofd int in = open (from, O_RDONLY | O_CLOEXEC);
  vf_autofd int out = in < 0 ? -1 : openat (store->fd, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (out < 0)
    return FALSE;
  if (ioctl (out, FICLONE, in) == 0)
    return TRUE;
  (void)unlinkat (store->fd, to, 0);
  return FALSE;
}

/* Who is killed before the clone is made, or before what could not be one is gone, leaves an empty file. */
static gboolean
has_disk (VmforgeStore *store, const char *path, guint64 bytes)
{
  struct stat st;
  return fstatat (store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (st.st_mode) &&
         (guint64)st.st_size == bytes;
}

/* No second copy: where a clone cannot be, packs have all blocks. */
static gboolean
place_disk (VmforgeStore *store, const char *folder, const VfImage *image, GError **error)
{
  g_autofree char *path = NULL, *to = g_build_filename (folder, "disk.raw", NULL);
  if (has_disk (store, to, image->bytes))
    return TRUE;
  (void)unlinkat (store->fd, to, 0);
  if (!vf_storage_map (store->storage, image->volume, TRUE, &path, error))
    return FALSE;
  (void)clone_file (store, path, to);
  return vf_storage_unmap (store->storage, image->volume, error);
}

/* For `vmforge fsck`: what is a link or a clone is checked where it comes from. */
static gboolean
write_digests (VmforgeStore *store, const char *folder, const VfListed *listed, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_ptr_array_add (names, (gpointer)MANIFEST);
  g_ptr_array_add (names, (gpointer)SBOM);
  for (char **name = listed->signatures; *name != NULL; name++)
    g_ptr_array_add (names, *name);
  g_ptr_array_add (names, NULL);
  return repository_write_digests (store, folder, (const char *const *)names->pdata, error);
}

static gboolean
fill (VmforgeStore *store, const char *folder, const VfImage *image, const VfStage *stage, VfListed *listed,
      GError **error)
{
  return write_manifest (store, folder, image->digest, error) &&
         write_signatures (store, folder, image->digest, listed, error) &&
         write_sbom (store, folder, image, error) && write_digests (store, folder, listed, error) &&
         place_index (store, folder, stage, error) && place_disk (store, folder, image, error);
}

gboolean
repository_add_image (VfUpdate *update, const VfImage *image, const VfStage *stage, VfListed *listed,
                      GError **error)
{
  VmforgeStore *store = update->store;
  g_autofree char *folder = g_strdup_printf (IMAGES_FOLDER "/%s", image->digest);
  g_autofree char *disk = g_build_filename (folder, "disk.raw", NULL);
  listed->name = g_strdup (image->name);
  listed->version = g_strdup (image->version);
  listed->arch = g_strdup (image->arch);
  listed->digest = g_strdup (image->digest);
  listed->root = g_strdup (stage->index);
  listed->bytes = image->bytes;
  listed->created = image->created;
  listed->tags = image->tags == NULL ? g_new0 (char *, 1) : g_strdupv (image->tags);
  if (vf_fs_exists (store->fd, folder)) {
    /* Whole as it is; authors may have signed since. */
    if (!fill (store, folder, image, stage, listed, error))
      return FALSE;
  } else {
    g_autofree char *made = g_strdup_printf (IMAGES_FOLDER "/.tmp-%s", image->digest);
    if (!vf_fs_remove (store->fd, made, error) || !vf_fs_mkdir_p (store->fd, made, 0755, error) ||
        !fill (store, made, image, stage, listed, error))
      return FALSE;
    if (renameat (store->fd, made, store->fd, folder) < 0)
      return vf_error_set_errno (error, "cannot rename '%s/%s'", store->path, made);
  }
  listed->disk = has_disk (store, disk, image->bytes);
  return TRUE;
}
