/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "repository/keyring.h"
#include "repository/repository-private.h"

#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOCK   "locks/repository"
#define SUFFIX ".pack"
/* There while the folder is changed: who finds it, and gets the lock, knows that somebody was cut off. */
#define UPDATING VF_REPOSITORY "/.updating"

/* ---- signatures of what was built here */

static gboolean
has_signature_of (const char *const *signatures, const VfSignPublic *public)
{
  guint8 id[VF_SIGN_ID_BYTES];
  for (; signatures != NULL && *signatures != NULL; signatures++)
    if (vf_sign_claimed_id (*signatures, strlen (*signatures), id, NULL) &&
        memcmp (id, public->id, sizeof id) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
sign_image (VmforgeStore *store, const VfSignKey *key, const char *digest, GError **error)
{
  g_auto (GStrv) there = vf_store_read_signatures (store, digest, error);
  if (there == NULL)
    return FALSE;
  if (has_signature_of ((const char *const *)there, vf_sign_key_public (key)))
    return TRUE;
  gsize length;
  g_autofree char *path = g_strdup_printf ("objects/%s.json", digest);
  g_autofree char *text = vf_fs_read (store->fd, path, VF_LISTING_MAX, &length, error);
  g_autofree char *signature = text == NULL ? NULL : vf_sign_make (key, text, length, NULL, error);
  const char *made[] = {signature, NULL};
  return signature != NULL && vf_store_add_signatures (store, digest, made, error);
}

/* ---- what the folder has */

static char **
list_packs (VmforgeStore *store, GError **error)
{
  return vf_records_names (store, PACKS_FOLDER, SUFFIX, error);
}

static gboolean
is_listed (const VfListing *listing, const char *digest)
{
  for (guint i = 0; i < listing->images->len; i++)
    if (strcmp (((const VfListed *)listing->images->pdata[i])->digest, digest) == 0)
      return TRUE;
  return FALSE;
}

/* Hidden ones as well: what was cut off is of nobody, as only one brings a repository up to date at a time.
 */
static gboolean
sweep_folder (VfUpdate *update, const char *folder, gboolean (*stays) (const VfUpdate *, const char *),
              GError **error)
{
  int fd = openat (update->store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  gboolean done = TRUE;
  if (dir == NULL)
    return vf_error_set_errno (error, "cannot read '%s/%s'", update->store->path, folder);
  for (struct dirent *entry = readdir (dir); entry != NULL && done; entry = readdir (dir)) {
    const char *name = entry->d_name;
    if (strcmp (name, ".") != 0 && strcmp (name, "..") != 0 && !stays (update, name))
      done = vf_fs_remove (dirfd (dir), name, error);
  }
  closedir (dir);
  return done;
}

static gboolean
image_stays (const VfUpdate *update, const char *name)
{
  return is_listed (update->listing, name);
}

static gboolean
pack_stays (const VfUpdate *update, const char *name)
{
  g_autofree char *pack =
      g_str_has_suffix (name, SUFFIX) ? g_strndup (name, strlen (name) - strlen (SUFFIX)) : NULL;
  return pack != NULL && g_hash_table_contains (update->wanted, pack);
}

/* What a killed writer of a file left beside it. */
static void
sweep_files (const VfUpdate *update)
{
  vf_sweep_temporaries (update->store, VF_REPOSITORY);
  for (guint i = 0; i < update->listing->images->len; i++) {
    const VfListed *listed = update->listing->images->pdata[i];
    g_autofree char *folder = g_build_filename (IMAGES_FOLDER, listed->digest, NULL);
    vf_sweep_temporaries (update->store, folder);
  }
}

gboolean
repository_sweep (VfUpdate *update, GError **error)
{
  sweep_files (update);
  return sweep_folder (update, IMAGES_FOLDER, image_stays, error) &&
         sweep_folder (update, PACKS_FOLDER, pack_stays, error);
}

/* ---- the images */

static gboolean
add_image (VfUpdate *update, const VfSignKey *key, const VfImage *image, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) stage =
      image->volume == NULL ? NULL : vf_store_find_stage (update->store, image->key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  /* In another storage, or of a time when no index was made: there is nothing to serve. */
  if (stage == NULL || stage->index == NULL)
    return TRUE;
  if (strcmp (stage->stage, "import") != 0 && !sign_image (update->store, key, image->digest, error))
    return FALSE;
  g_autoptr (VfListed) listed = vf_listed_new ();
  if (!repository_add_packs (update, stage, listed, error))
    return FALSE;
  /* Most of those who get images serve none, and packing a whole one takes as long as getting it. */
  if (strcmp (stage->stage, "import") == 0 && listed->packs[0] == NULL && !update->imports)
    return TRUE;
  if (!repository_add_image (update, image, stage, listed, error))
    return FALSE;
  g_ptr_array_add (update->listing->images, g_steal_pointer (&listed));
  return TRUE;
}

/* ---- index.json */

VfListing *
vf_repository_read (VmforgeStore *store, GError **error)
{
  gsize length;
  if (!vf_fs_exists (store->fd, INDEX))
    return NULL;
  g_autofree char *text = vf_fs_read (store->fd, INDEX, VF_LISTING_MAX, &length, error);
  return text == NULL ? NULL : vf_listing_parse (text, length, error);
}

static gboolean
says_the_same (const VfListing *a, const VfListing *b)
{
  g_autoptr (VfJson) x = vf_listing_images (a), y = vf_listing_images (b);
  g_autofree char *x_text = vf_json_canonical (x), *y_text = vf_json_canonical (y);
  return strcmp (x_text, y_text) == 0 && strcmp (a->store, b->store) == 0;
}

static gboolean
is_signed (VmforgeStore *store, const VfSignKey *key)
{
  gsize length;
  g_autofree char *text = vf_fs_read (store->fd, INDEX, VF_LISTING_MAX, &length, NULL);
  g_autofree char *signature = vf_fs_read (store->fd, INDEX SIGNATURE, VF_LISTING_MAX, NULL, NULL);
  return text != NULL && signature != NULL &&
         vf_sign_verify (vf_sign_key_public (key), text, length, signature, NULL, NULL);
}

static gboolean
write_listing (VfUpdate *update, const VfSignKey *key, const VfListing *before, GError **error)
{
  VmforgeStore *store = update->store;
  VfListing *listing = update->listing;
  listing->created = g_get_real_time () / G_USEC_PER_SEC;
  listing->expires = listing->created + store->config->repository_expires;
  /* Made of the time where the one before was lost, so that it is higher all the same. */
  listing->number = MAX (listing->created, before == NULL ? 0 : before->number + 1);
  g_autoptr (VfJson) json = vf_listing_to_json (listing);
  g_autofree char *text = vf_json_canonical (json);
  g_autofree char *signature = vf_sign_make (key, text, strlen (text), NULL, error);
  static const char *const names[] = {"index.json", "index.json" SIGNATURE, NULL};
  return signature != NULL && vf_fs_write (store->fd, INDEX, text, strlen (text), 0644, error) &&
         vf_fs_write (store->fd, INDEX SIGNATURE, signature, strlen (signature), 0644, error) &&
         repository_write_digests (store, VF_REPOSITORY, names, error);
}

static gboolean
finish (VfUpdate *update, const VfSignKey *key, gboolean renew, GError **error)
{
  g_autoptr (GError) failure = NULL; /* a damaged one is written anew */
  g_autoptr (VfListing) before = vf_repository_read (update->store, &failure);
  update->listing->store = g_strdup (update->store->id);
  gint64 soon = g_get_real_time () / G_USEC_PER_SEC + update->store->config->repository_expires / 2;
  if (before != NULL && !renew && before->expires > soon && says_the_same (before, update->listing) &&
      is_signed (update->store, key))
    return TRUE;
  return write_listing (update, key, before, error);
}

gboolean
vf_repository_has (VmforgeStore *store, const char *digest)
{
  g_autofree char *folder = g_strdup_printf (IMAGES_FOLDER "/%s", digest);
  return vf_fs_exists (store->fd, folder) && !vf_fs_exists (store->fd, UPDATING);
}

void
vf_repository_expect (VmforgeStore *store)
{
  int fd = openat (store->fd, UPDATING, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0) /* else there is no repository yet */
    close (fd);
}

static gboolean
begin (VmforgeStore *store, GError **error)
{
  if (!vf_fs_mkdir_p (store->fd, IMAGES_FOLDER, 0755, error) ||
      !vf_fs_mkdir_p (store->fd, PACKS_FOLDER, 0755, error))
    return FALSE;
  vf_repository_expect (store);
  return TRUE;
}

static gboolean
run (VfUpdate *update, gboolean renew, GError **error)
{
  VmforgeStore *store = update->store;
  if (!begin (store, error))
    return FALSE;
  g_autoptr (VfSignKey) key = vf_keyring_service_key (store, error);
  g_autoptr (GPtrArray) images = key == NULL ? NULL : vf_store_list_images (store, error);
  update->packs = images == NULL ? NULL : list_packs (store, error);
  if (update->packs == NULL)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    if (vf_error_set_if_cancelled (store->host.cancellable, error) ||
        !add_image (update, key, images->pdata[i], error))
      return FALSE;
  /* What index.json does not name any more goes after it was written. */
  return finish (update, key, renew, error) && repository_sweep (update, error) &&
         repository_note_packs (update, error);
}

gboolean
vf_repository_update (VmforgeStore *store, VfPackFunc pack, gpointer user_data, gboolean renew,
                      GError **error)
{
  g_return_val_if_fail (store->storage != NULL, FALSE);
  g_autoptr (VfLock) lock =
      vf_lock_acquire (store->fd, LOCK, VF_LOCK_EXCLUSIVE, NULL, NULL, store->host.cancellable, error);
  if (lock == NULL)
    return FALSE;
  VfUpdate update = {
      .store = store, .pack = pack, .user_data = user_data, .imports = renew, .listing = vf_listing_new ()};
  update.wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean done = run (&update, renew, error);
  if (done)
    (void)unlinkat (store->fd, UPDATING, 0);
  g_hash_table_unref (update.wanted);
  g_strfreev (update.packs);
  vf_listing_free (update.listing);
  return done;
}
