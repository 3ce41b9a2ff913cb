/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Images as they change: publishing, retention, removal. The manifest is written before the name that lists
 * it, and removed after it. */
#include "store/records.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAME 100

/* Names become file names and words of the command line: NAME:VERSION@ARCH. */
static gboolean
check_word (const char *what, const char *word, const char *extra, GError **error)
{
  gboolean good = g_ascii_isalnum (word[0]) && strlen (word) <= MAX_NAME;
  for (const char *c = word; good && *c != '\0'; c++)
    good = g_ascii_isalnum (*c) || strchr (extra, *c) != NULL;
  if (good)
    return TRUE;
  return vf_error_set (
      error, VMFORGE_ERROR_SPEC,
      "'%s' cannot be the %s of an image: letters, digits and any of %s are allowed, at most %d", word, what,
      extra, MAX_NAME);
}

gboolean
vf_image_check_words (const char *name, const char *version, const char *arch, GError **error)
{
  return check_word ("name", name, "._+-", error) && check_word ("version", version, "._+~-", error) &&
         check_word ("architecture", arch, "_-", error);
}

gboolean
vf_image_is_tag (const char *text)
{
  return check_word ("tag", text, "._+~-", NULL);
}

gboolean
vf_manifest_check (VfJson *manifest, GError **error)
{
  if (!vf_image_check_words (vf_json_string (manifest, "name", ""), vf_json_string (manifest, "version", ""),
                             vf_json_string (manifest, "arch", ""), error))
    return FALSE;
  if (vf_json_int (manifest, "format", 0) != VF_STORE_FORMAT)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "the manifest of image '%s' has no format",
                         vf_json_string (manifest, "name", ""));
  return TRUE;
}

static gboolean
check_manifest (VmforgeStore *store, VfJson *manifest, GError **error)
{
  if (!vf_manifest_check (manifest, error))
    return FALSE;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) stage = vf_image_stage (store, manifest, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (stage == NULL)
    return vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "stage %.12s of image '%s' was removed meanwhile",
                         vf_json_string (manifest, "stage", ""), vf_json_string (manifest, "name", ""));
  return TRUE;
}

/* The entry of a name among all, or a new one without digests. Borrowed from entries. */
static VfImageName *
find_entry (GPtrArray *entries, const char *name, const char *version, const char *arch)
{
  for (guint i = 0; i < entries->len; i++) {
    VfImageName *entry = g_ptr_array_index (entries, i);
    if (strcmp (entry->name, name) == 0 && strcmp (entry->version, version) == 0 &&
        strcmp (entry->arch, arch) == 0)
      return entry;
  }
  VfImageName *entry = g_new0 (VfImageName, 1);
  entry->name = g_strdup (name);
  entry->version = g_strdup (version);
  entry->arch = g_strdup (arch);
  entry->digests = g_new0 (char *, 1);
  g_ptr_array_add (entries, entry);
  return entry;
}

static char *
text_of_content (VfJson *manifest)
{
  VfJson *copy = NULL;
  if (json_object_deep_copy (manifest, &copy, NULL) < 0)
    return NULL;
  json_object_object_del (copy, "created");
  json_object_object_del (copy, "builder");
  char *text = vf_json_canonical (copy);
  json_object_put (copy);
  return text;
}

/* The current digest, if its manifest says the same but for when and by what: a rebuild from the cache is no
 * news. */
static const char *
find_same (VmforgeStore *store, const VfImageName *entry, VfJson *manifest, gboolean is_signed)
{
  if (entry->digests[0] == NULL)
    return NULL;
  if (is_signed) { /* a signature is of these bytes */
    g_autofree char *text = vf_json_canonical (manifest);
    g_autofree char *digest = vf_digest_text (text);
    return strcmp (digest, entry->digests[0]) == 0 ? entry->digests[0] : NULL;
  }
  g_autofree char *path = g_strdup_printf ("objects/%s.json", entry->digests[0]);
  g_autoptr (VfJson) current = vf_records_read (store, path, NULL);
  if (current == NULL)
    return NULL;
  g_autofree char *old_text = text_of_content (current);
  g_autofree char *new_text = text_of_content (manifest);
  return g_strcmp0 (old_text, new_text) == 0 ? entry->digests[0] : NULL;
}

gboolean
vf_image_name_write (VmforgeStore *store, const VfImageName *entry, GError **error)
{
  g_autofree char *folder = g_strdup_printf ("images/%s", entry->name);
  g_autofree char *path = g_strdup_printf ("%s/%s@%s.json", folder, entry->version, entry->arch);
  if (entry->digests[0] == NULL) {
    if (!vf_records_remove (store, path, error))
      return FALSE;
    /* Fails, rightly, while other versions are there. */
    unlinkat (store->fd, folder, AT_REMOVEDIR);
    return TRUE;
  }
  if (mkdirat (store->fd, folder, 0755) < 0 && errno != EEXIST)
    return vf_error_set_errno (error, "cannot make '%s/%s'", store->path, folder);
  g_autoptr (VfJson) record = json_object_new_object ();
  vf_json_set_int (record, "format", VF_STORE_FORMAT);
  vf_json_set (record, "digests", vf_json_from_strv ((const char *const *)entry->digests));
  vf_json_set_int (record, "published", entry->published);
  VfJson *tags = vf_image_name_live_tags (entry);
  if (tags != NULL)
    vf_json_set (record, "tags", tags);
  return vf_records_sync_dir (store, "images", error) && vf_checked_write (store->fd, path, record, error);
}

/* Puts a digest before the others and cuts the list to what the configuration keeps; what has a tag stays. */
static void
push_digest (VfImageName *entry, const char *digest, gint64 keep)
{
  g_autoptr (GStrvBuilder) digests = g_strv_builder_new ();
  g_strv_builder_add (digests, digest);
  gint64 count = 1;
  for (char **old = entry->digests; *old != NULL; old++) {
    g_auto (GStrv) tags = vf_image_name_tags (entry, *old);
    if (strcmp (*old, digest) == 0 || (count >= keep && tags[0] == NULL))
      continue;
    g_strv_builder_add (digests, *old);
    count++;
  }
  g_strfreev (entry->digests);
  entry->digests = g_strv_builder_end (digests);
}

/* Later than all that was published, whatever the clock says. */
static gint64
next_time (GPtrArray *entries)
{
  gint64 now = g_get_real_time ();
  for (guint i = 0; i < entries->len; i++)
    now = MAX (now, ((const VfImageName *)g_ptr_array_index (entries, i))->published + 1);
  return now;
}

/* The signatures before the name: nobody sees an image without those that it came with. */
static gboolean
publish_new (VmforgeStore *store, VfJson *manifest, const char *const *signatures, GPtrArray *entries,
             VfImageName *entry, char **digest, GError **error)
{
  g_autofree char *text = vf_json_canonical (manifest);
  g_autofree char *made = vf_digest_text (text);
  g_autofree char *path = g_strdup_printf ("objects/%s.json", made);
  /* The bytes that were hashed and no other, so that sha256sum says the file's name. */
  if (!vf_fs_write (store->fd, path, text, strlen (text), 0644, error) ||
      !vf_signatures_add (store, made, signatures, error))
    return FALSE;
  entry->published = next_time (entries);
  push_digest (entry, made, store->config->keep_images);
  if (!vf_image_name_write (store, entry, error) || !vf_images_sweep (store, error))
    return FALSE;
  if (digest != NULL)
    *digest = g_steal_pointer (&made);
  return TRUE;
}

gboolean
vf_store_publish_signed (VmforgeStore *store, VfJson *manifest, const char *const *signatures, char **digest,
                         GError **error)
{
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  if (gate == NULL || !check_manifest (store, manifest, error))
    return FALSE;
  g_autoptr (GPtrArray) entries = vf_image_names_read (store, error);
  if (entries == NULL)
    return FALSE;
  VfImageName *entry =
      find_entry (entries, vf_json_string (manifest, "name", ""), vf_json_string (manifest, "version", ""),
                  vf_json_string (manifest, "arch", ""));
  const char *same = find_same (store, entry, manifest, signatures != NULL && signatures[0] != NULL);
  g_autofree char *made = g_strdup (same);
  if (same == NULL ? !publish_new (store, manifest, signatures, entries, entry, &made, error)
                   : !vf_signatures_add (store, made, signatures, error))
    return FALSE;
  if (digest != NULL)
    *digest = g_steal_pointer (&made);
  return TRUE;
}

gboolean
vf_store_publish (VmforgeStore *store, VfJson *manifest, char **digest, GError **error)
{
  return vf_store_publish_signed (store, manifest, NULL, digest, error);
}

/* only: the digest to take away; NULL: all. */
static gboolean
remove_digests (VmforgeStore *store, const VfImage *image, const char *only, GError **error)
{
  if (image->name == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "%.12s is a stage, not an image: `vmforge stages rm` removes it", image->key);
  g_autoptr (VfLock) gate = vf_store_gate (store, error);
  g_autoptr (GPtrArray) entries = gate == NULL ? NULL : vf_image_names_read (store, error);
  if (entries == NULL)
    return FALSE;
  VfImageName *entry = find_entry (entries, image->name, image->version, image->arch);
  g_autoptr (GStrvBuilder) left = g_strv_builder_new ();
  for (char **digest = entry->digests; *digest != NULL; digest++)
    if (only != NULL && strcmp (*digest, only) != 0)
      g_strv_builder_add (left, *digest);
  g_strfreev (entry->digests);
  entry->digests = g_strv_builder_end (left);
  return vf_image_name_write (store, entry, error) && vf_images_sweep (store, error);
}

gboolean
vf_store_remove_image (VmforgeStore *store, const VfImage *image, GError **error)
{
  return remove_digests (store, image, image->digest, error);
}

gboolean
vf_store_remove_name (VmforgeStore *store, const VfImage *image, GError **error)
{
  return remove_digests (store, image, NULL, error);
}
