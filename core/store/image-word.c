/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a user may write for an image: NAME[:VERSION][@ARCH], a digest, a stage key, or a prefix of those two.
 */
#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/suggest.h"

#include <string.h>

typedef struct {
  char *name, *version, *arch; /* version and arch may be NULL: any */
} Word;

static void
word_clear (Word *word)
{
  g_free (word->name);
  g_free (word->version);
  g_free (word->arch);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Word, word_clear)

static void
word_parse (Word *word, const char *text)
{
  const char *at = strrchr (text, '@');
  g_autofree char *front = at == NULL ? g_strdup (text) : g_strndup (text, (gsize)(at - text));
  const char *colon = strchr (front, ':');
  word->arch = at == NULL ? NULL : g_strdup (at + 1);
  word->name = colon == NULL ? g_strdup (front) : g_strndup (front, (gsize)(colon - front));
  word->version = colon == NULL ? NULL : g_strdup (colon + 1);
}

/* "web:1@x86_64, web:2@i386" */
static char *
join_entries (GPtrArray *entries)
{
  g_autoptr (GString) list = g_string_new (NULL);
  for (guint i = 0; i < entries->len; i++) {
    g_autofree char *text = vf_image_name_text (g_ptr_array_index (entries, i));
    g_string_append_printf (list, "%s%s", i == 0 ? "" : ", ", text);
  }
  return g_string_free (g_steal_pointer (&list), FALSE);
}

/* The most recently published of those that the word means. NULL without error: the word is no name. */
static const VfImageName *
match_name (GPtrArray *entries, const Word *word, const char *text, GError **error)
{
  g_autoptr (GPtrArray) named = g_ptr_array_new (), matching = g_ptr_array_new ();
  gboolean several = FALSE;
  for (guint i = 0; i < entries->len; i++) {
    VfImageName *entry = g_ptr_array_index (entries, i);
    if (strcmp (entry->name, word->name) != 0 || entry->digests[0] == NULL)
      continue;
    g_ptr_array_add (named, entry);
    if ((word->version != NULL && strcmp (entry->version, word->version) != 0) ||
        (word->arch != NULL && strcmp (entry->arch, word->arch) != 0))
      continue;
    if (matching->len > 0)
      several |= strcmp (((VfImageName *)matching->pdata[0])->arch, entry->arch) != 0;
    g_ptr_array_add (matching, entry);
  }
  if (named->len == 0 || (matching->len > 0 && !several))
    return named->len == 0 ? NULL : matching->pdata[0];
  g_autofree char *list = join_entries (several ? matching : named);
  if (several)
    vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is ambiguous, add @ARCH: %s", text, list);
  else
    vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no image '%s'; of this name there are: %s", text, list);
  return NULL;
}

static gboolean
is_listed (const VfImageName *entry, const char *digest)
{
  return g_strv_contains ((const char *const *)entry->digests, digest);
}

static VfImage *
find_by_digest (VmforgeStore *store, GPtrArray *entries, const char *word, GError **error)
{
  g_auto (GStrv) digests = vf_records_names (store, "objects", ".json", error);
  const char *digest = digests == NULL ? NULL : vf_records_complete (digests, word, "image digest", error);
  VfImage *image = digest == NULL ? NULL : vf_image_read (store, digest, error);
  for (guint i = 0; image != NULL && i < entries->len; i++) {
    const VfImageName *entry = g_ptr_array_index (entries, i);
    if (!is_listed (entry, digest))
      continue;
    image->current = strcmp (entry->digests[0], digest) == 0;
    image->tags = vf_image_name_tags (entry, digest);
  }
  return image;
}

static VfImage *
image_from_stage (const VfStage *stage)
{
  VfImage *image = g_new0 (VfImage, 1);
  image->key = g_strdup (stage->key);
  image->storage = g_strdup (stage->storage);
  image->volume = g_strdup (stage->volume);
  image->bytes = stage->bytes;
  image->created = stage->built;
  return image;
}

static VfImage *
find_by_key (VmforgeStore *store, const char *word, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autofree char *key = vf_store_complete_key (store, word, &failure);
  g_autoptr (VfStage) stage = key == NULL ? NULL : vf_store_find_stage (store, key, &failure);
  if (stage != NULL)
    return image_from_stage (stage);
  if (key != NULL && failure == NULL) {
    VfImage elsewhere = {.key = key};
    vf_image_check_volume (store, &elsewhere, &failure);
  }
  /* An unknown word is reported once, by the caller, for all kinds. */
  if (key == NULL && g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND))
    return NULL;
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static void
set_unknown (GPtrArray *entries, const Word *word, const char *text, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (names, ((VfImageName *)g_ptr_array_index (entries, i))->name);
  g_ptr_array_add (names, NULL);
  g_autofree char *hint = vf_suggest_hint (word->name, (const char *const *)names->pdata);
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "no image or stage '%s'%s", text,
                *hint != '\0' ? hint : " (`vmforge images list` shows them)");
}

static VfImage *
find_by_hex (VmforgeStore *store, GPtrArray *entries, const char *text, GError **error)
{
  gsize length = strlen (text);
  if (length < VF_STORE_MIN_PREFIX || length > VF_DIGEST_HEX || !vf_digest_is_hex (text, length))
    return NULL;
  g_autoptr (GError) failure = NULL;
  VfImage *image = find_by_digest (store, entries, text, &failure);
  if (image == NULL && failure == NULL)
    image = find_by_key (store, text, &failure);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return image;
}

static VfImage *
find_by_name (VmforgeStore *store, GPtrArray *entries, const Word *word, const char *text, GError **error)
{
  g_autoptr (GError) failure = NULL;
  const VfImageName *entry = match_name (entries, word, text, &failure);
  const char *digest = entry == NULL ? NULL : entry->digests[0];
  /* A version of that name comes before a tag. */
  if (entry == NULL && word->version != NULL)
    digest = vf_image_names_tagged (entries, word->name, word->version, word->arch, &entry);
  if (entry == NULL) {
    if (failure != NULL)
      g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  VfImage *image = vf_image_read (store, digest, error);
  if (image == NULL)
    return NULL;
  image->current = strcmp (digest, entry->digests[0]) == 0;
  image->tags = vf_image_name_tags (entry, digest);
  return image;
}

VfImage *
vf_store_find_image (VmforgeStore *store, const char *text, GError **error)
{
  g_auto (Word) word = {0};
  word_parse (&word, text);
  g_autoptr (GPtrArray) entries = vf_image_names_read (store, error);
  if (entries == NULL)
    return NULL;
  g_autoptr (GError) failure = NULL;
  VfImage *image = find_by_name (store, entries, &word, text, &failure);
  if (image == NULL && failure == NULL)
    image = find_by_hex (store, entries, text, &failure);
  if (image == NULL && failure == NULL)
    set_unknown (entries, &word, text, &failure);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return image;
}
