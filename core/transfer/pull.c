/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/pull.h"

#include "support/digest.h"
#include "support/error.h"
#include "transfer/remote.h"

#include <string.h>

#define MANIFEST_MAX  (64 * 1024 * 1024)
#define SIGNATURE_MAX (64 * 1024)
/* While index.json is written anew, its signature is that of the one before for a moment. */
#define READ_TRIES 3
#define READ_PAUSE (G_USEC_PER_SEC / 2)

typedef struct {
  VfSession *session;
  VfTransport *transport;
  const char *const *urls; /* the first of these is the one that is believed so far */
  const VfPullWatch *watch;
} Pull;

/* NUL terminated. Free the result. */
static char *
read_text (Pull *pull, const char *const *urls, const char *path, gsize limit, gsize *length, GError **error)
{
  if (!vf_transport_read_file (pull->transport, urls, path, limit, error))
    return NULL;
  GBytes *file = pull->session->file;
  if (file == NULL) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the transport read '%s', and did not say what is in it",
                  path);
    return NULL;
  }
  const char *data = g_bytes_get_data (file, length);
  char *text = data == NULL ? g_strdup ("") : g_strndup (data, *length); /* an empty file has none */
  g_clear_pointer (&pull->session->file, g_bytes_unref);
  return text;
}

static VfListing *
read_listing_once (Pull *pull, const char *url, GError **error)
{
  const char *const urls[] = {url, NULL};
  gsize length = 0, ignored;
  g_autofree char *text = read_text (pull, urls, "index.json", VF_LISTING_MAX, &length, error);
  if (text == NULL) {
    if (g_error_matches (*error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC))
      vf_error_append (error, ": what is pulled from is the folder 'repository' of a store");
    return NULL;
  }
  g_autoptr (GError) failure = NULL;
  g_autofree char *signature =
      read_text (pull, urls, "index.json.minisig", SIGNATURE_MAX, &ignored, &failure);
  /* Where there is none, and one is needed, judging says so. */
  if (failure != NULL && !g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_SPEC)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return NULL;
  }
  return vf_remote_judge (pull->session->store, text, length, signature, error);
}

/* Of the first mirror whose listing is good. */
static VfListing *
read_listing (Pull *pull, GError **error)
{
  g_autoptr (GError) first = NULL;
  for (guint try = 0; try < READ_TRIES; try++) {
    if (try > 0)
      g_usleep (READ_PAUSE);
    for (const char *const *url = pull->urls; *url != NULL; url++) {
      g_autoptr (GError) failure = NULL;
      VfListing *listing = read_listing_once (pull, *url, &failure);
      if (listing != NULL)
        return listing;
      if (vf_error_set_if_cancelled (pull->session->store->host.cancellable, error))
        return NULL;
      if (first == NULL)
        first = g_steal_pointer (&failure);
    }
    /* A server that is not there has had its tries. */
    if (!g_error_matches (first, VMFORGE_ERROR, VMFORGE_ERROR_FAILED))
      break;
  }
  g_propagate_error (error, g_steal_pointer (&first));
  return NULL;
}

static char **
read_signatures (Pull *pull, const VfListed *listed, GError **error)
{
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  for (char **name = listed->signatures; *name != NULL; name++) {
    gsize length;
    g_autofree char *path = g_strdup_printf ("images/%s/%s", listed->digest, *name);
    g_autofree char *text = read_text (pull, pull->urls, path, SIGNATURE_MAX, &length, error);
    if (text == NULL)
      return NULL;
    g_strv_builder_add (texts, text);
  }
  return g_strv_builder_end (texts);
}

/* In the form in which a peer that pushes offers an image. */
static GBytes *
read_offer (Pull *pull, const VfListed *listed, GError **error)
{
  gsize length;
  g_autofree char *path = g_strdup_printf ("images/%s/manifest.json", listed->digest);
  g_autofree char *manifest = read_text (pull, pull->urls, path, MANIFEST_MAX, &length, error);
  if (manifest == NULL)
    return NULL;
  g_autofree char *digest = vf_digest_data (manifest, length);
  if (strcmp (digest, listed->digest) != 0) {
    vf_error_set (error, VMFORGE_ERROR_FAILED,
                  "'%s' of the repository is not the manifest that its index.json names", path);
    return NULL;
  }
  g_auto (GStrv) signatures = read_signatures (pull, listed, error);
  if (signatures == NULL)
    return NULL;
  g_autoptr (VfJson) json = json_object_new_object ();
  vf_json_set_int (json, "format", 1);
  vf_json_set_string (json, "manifest", manifest);
  vf_json_set (json, "signatures", vf_json_from_strv ((const char *const *)signatures));
  char *text = vf_json_canonical (json);
  return g_bytes_new_take (text, strlen (text));
}

/* The listing tells what the manifest tells: else one of them is not of this image. */
static gboolean
check_agrees (const VfListed *listed, const VfOffer *offer, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s:%s@%s", listed->name, listed->version, listed->arch);
  return (strcmp (name, offer->name) == 0 && strcmp (listed->root, offer->root) == 0 &&
          listed->bytes == offer->bytes) ||
         vf_error_set (error, VMFORGE_ERROR_FAILED,
                       "index.json of the repository says of image %s what its manifest does not", name);
}

static gboolean
fetch (Pull *pull, const VfListed *listed, GError **error)
{
  guint8 root[VMFORGE_HASH_BYTES];
  g_autofree char *index = g_strdup_printf ("images/%s/disk.index", listed->digest);
  g_autofree char *disk = listed->disk ? g_strdup_printf ("images/%s/disk.raw", listed->digest) : NULL;
  g_autoptr (GPtrArray) packs = g_ptr_array_new_with_free_func (g_free);
  for (char **pack = listed->packs; *pack != NULL; pack++)
    g_ptr_array_add (packs, g_strdup_printf ("packs/%s.pack", *pack));
  g_ptr_array_add (packs, NULL);
  if (!vf_digest_from_hex (listed->root, root, sizeof root))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "image %s has no root", listed->name);
  const struct vmforge_fetch what = {.size = sizeof what,
                                     .urls = pull->urls,
                                     .index = index,
                                     .packs = (const char *const *)packs->pdata,
                                     .disk = disk,
                                     .root = root,
                                     .bytes = listed->bytes};
  return vf_transport_fetch (pull->transport, &what, error);
}

static gboolean
take (Pull *pull, const VfListed *listed, GError **error)
{
  enum vmforge_offer_answer answer = 0;
  g_autoptr (GBytes) bytes = read_offer (pull, listed, error);
  if (bytes == NULL)
    return FALSE;
  gsize length;
  const void *data = g_bytes_get_data (bytes, &length);
  g_autoptr (VfOffer) said = vf_offer_parse (data, length, error);
  if (said == NULL || !check_agrees (listed, said, error) ||
      !vf_session_offer (pull->session, data, length, &answer, error))
    return FALSE;
  return answer == VMFORGE_OFFER_THERE || fetch (pull, listed, error);
}

static gboolean
pull_one (Pull *pull, const char *word, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfListing) listing = read_listing (pull, error);
  const VfListed *listed = listing == NULL ? NULL : vf_listing_find (listing, word, error);
  if (listed == NULL)
    return FALSE;
  g_autofree char *name = g_strdup_printf ("%s:%s@%s", listed->name, listed->version, listed->arch);
  pull->watch->found (name, listed->bytes, pull->watch->user_data);
  if (take (pull, listed, &failure))
    return TRUE;
  /* A file that the listing names is not there: not what the user wrote is wrong. */
  if (g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_SPEC))
    failure->code = VMFORGE_ERROR_FAILED;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
vf_session_pull (VfSession *session, const char *const *urls, const char *word, const VfPullWatch *watch,
                 GError **error)
{
  g_autoptr (VfTransport) transport = vf_session_open_transport (session, error);
  Pull pull = {session, transport, urls, watch};
  while (transport != NULL) {
    g_autoptr (GError) failure = NULL;
    if (pull_one (&pull, word, &failure))
      return TRUE;
    /* What does not answer was passed over already. What answers wrongly is found out in the end alone: what
     * came rightly stays, and the next one is asked for the rest. */
    gboolean wrong = g_error_matches (failure, VMFORGE_ERROR, VMFORGE_ERROR_FAILED);
    if (!wrong || pull.urls[1] == NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      if (wrong)
        g_prefix_error (error, "%s: ", *pull.urls);
      return FALSE;
    }
    watch->skipped (*pull.urls++, failure, watch->user_data);
    vf_session_reset (session);
  }
  return FALSE;
}
