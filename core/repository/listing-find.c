/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a word means in the listing of a repository: the same as in a store. */
#include "repository/listing.h"

#include "support/digest.h"
#include "support/error.h"

#include <string.h>

#define MIN_PREFIX 6
#define MAX_NAMED  10 /* images in a message */

static gboolean
has_name (const VfListed *listed, const char *word)
{
  gsize length = strcspn (word, ":@");
  return strlen (listed->name) == length && strncmp (listed->name, word, length) == 0;
}

static gboolean
fits (const VfListed *listed, const char *word)
{
  const char *colon = strchr (word, ':'), *at = strchr (word, '@');
  g_autofree char *version = colon == NULL ? NULL : g_strndup (colon + 1, strcspn (colon + 1, "@"));
  if (!has_name (listed, word) || (at != NULL && strcmp (listed->arch, at + 1) != 0))
    return FALSE;
  return version == NULL || strcmp (listed->version, version) == 0 ||
         g_strv_contains ((const char *const *)listed->tags, version);
}

static gboolean
begins (const VfListed *listed, const char *word)
{
  return strlen (word) >= MIN_PREFIX && g_str_has_prefix (listed->digest, word);
}

/* Borrowed VfListed. */
static GPtrArray *
choose (const VfListing *listing, const char *word, gboolean (*func) (const VfListed *, const char *))
{
  GPtrArray *chosen = g_ptr_array_new ();
  for (guint i = 0; i < listing->images->len; i++)
    if (func (g_ptr_array_index (listing->images, i), word))
      g_ptr_array_add (chosen, g_ptr_array_index (listing->images, i));
  return chosen;
}

static char *
join (const GPtrArray *images)
{
  g_autoptr (GString) list = g_string_new (NULL);
  for (guint i = 0; i < MIN (images->len, MAX_NAMED); i++) {
    const VfListed *listed = g_ptr_array_index (images, i);
    g_string_append_printf (list, "%s%s:%s@%s", i == 0 ? "" : ", ", listed->name, listed->version,
                            listed->arch);
  }
  if (images->len > MAX_NAMED)
    g_string_append_printf (list, " and %u more", images->len - MAX_NAMED);
  return g_string_free (g_steal_pointer (&list), FALSE);
}

static const VfListed *
find_by_digest (const VfListing *listing, const char *word, GError **error)
{
  g_autoptr (GPtrArray) found = choose (listing, word, begins);
  if (found->len == 1)
    return found->pdata[0];
  g_autofree char *list = join (found->len > 0 ? found : listing->images);
  if (found->len > 0)
    vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is ambiguous, the digests of several images begin so: %s",
                  word, list);
  else if (listing->images->len > 0)
    vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "the repository has no image '%s'; it has %s", word, list);
  else
    vf_error_set (error, VMFORGE_ERROR_NOT_FOUND, "the repository has no image '%s'; it is empty", word);
  return NULL;
}

const VfListed *
vf_listing_find (const VfListing *listing, const char *word, GError **error)
{
  g_autoptr (GPtrArray) found = choose (listing, word, fits);
  const VfListed *newest = found->len == 0 ? NULL : found->pdata[0];
  for (guint i = 1; i < found->len; i++) {
    const VfListed *listed = g_ptr_array_index (found, i);
    if (strcmp (listed->arch, newest->arch) != 0) {
      g_autofree char *list = join (found);
      vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is ambiguous, add @ARCH: %s", word, list);
      return NULL;
    }
    if (listed->created > newest->created)
      newest = listed;
  }
  if (newest != NULL)
    return newest;
  g_autoptr (GPtrArray) named = choose (listing, word, has_name);
  if (named->len == 0)
    return find_by_digest (listing, word, error);
  g_autofree char *list = join (named);
  vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                "the repository has no image '%s'; of this name there are: %s", word, list);
  return NULL;
}
