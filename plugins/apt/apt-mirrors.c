/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Archives and their mirrors. A package is known by the URL that it has in the profile's archive, whichever
 * mirror told of it, so that what was resolved or locked on one machine can be fetched on another. */
#include "apt.h"

/* With a slash at its end, so that a prefix is one of whole names. */
static char *
with_slash (const char *url)
{
  return g_str_has_suffix (url, "/") ? g_strdup (url) : g_strconcat (url, "/", NULL);
}

gboolean
apt_has_own_mirrors (const Apt *apt, const char *url)
{
  return apt->mirrors != NULL && apt->mirrors[0] != NULL &&
         g_strcmp0 (url, apt_setting_text (apt, "mirror", "")) == 0;
}

/* The profile's template with the moment in it. */
static char *
snapshot_url (const Apt *apt, const char *url)
{
  struct json_object *templates, *template;
  if (!json_object_object_get_ex (apt->profile, "snapshots", &templates) ||
      !json_object_object_get_ex (templates, url, &template))
    return NULL;
  g_auto (GStrv) parts = g_strsplit (json_object_get_string (template), "@SNAPSHOT@", -1);
  return g_strjoinv (apt->snapshot, parts);
}

char *
apt_build_mirror (const Apt *apt, const char *suite, const char *url)
{
  /* The user's mirrors stand for the main archive; security updates keep their own. */
  if (apt_has_own_mirrors (apt, url))
    return g_strdup (apt->mirrors[0]);
  return apt->snapshot != NULL ? snapshot_url (apt, url) : apt_host_mirror (apt, suite, url);
}

typedef struct {
  const char *url; /* what is looked for */
  char *found;
} Search;

static void
match_mirror (const Apt *apt, const char *suite, const char *url, gpointer data)
{
  Search *search = data;
  g_autofree char *mirror = apt_build_mirror (apt, suite, url), *prefix = with_slash (mirror);
  if (search->found == NULL && g_str_equal (prefix, search->url))
    search->found = with_slash (url);
}

char *
apt_public_url (const Apt *apt, const char *base)
{
  g_autofree char *whole = with_slash (base);
  Search search = {.url = whole};
  /* What is of a snapshot is found there alone. */
  if (apt->snapshot == NULL)
    apt_for_each_suite (apt, match_mirror, &search);
  return search.found != NULL ? search.found : g_steal_pointer (&whole);
}

static void
add_url (GPtrArray *urls, const char *base, const char *rest)
{
  g_autofree char *prefix = *base == '\0' ? g_strdup ("") : with_slash (base);
  g_autofree char *url = g_strconcat (prefix, rest, NULL);
  if (!g_ptr_array_find_with_equal_func (urls, url, g_str_equal, NULL))
    g_ptr_array_add (urls, g_steal_pointer (&url));
}

typedef struct {
  const char *url;
  GPtrArray *urls;
  gboolean replaced; /* who names mirrors means these and no other */
} Places;

static void
add_mirrors (const Apt *apt, const char *suite, const char *url, gpointer data)
{
  Places *places = data;
  g_autofree char *prefix = with_slash (url);
  if (!g_str_has_prefix (places->url, prefix))
    return;
  const char *rest = places->url + strlen (prefix);
  if (apt_has_own_mirrors (apt, url)) {
    for (char **mirror = apt->mirrors; *mirror != NULL; mirror++)
      add_url (places->urls, *mirror, rest);
    places->replaced = TRUE;
    return;
  }
  g_autofree char *mirror = apt_build_mirror (apt, suite, url);
  add_url (places->urls, mirror, rest);
}

GPtrArray *
apt_mirror_urls (const Apt *apt, const char *url)
{
  Places places = {.url = url, .urls = g_ptr_array_new_with_free_func (g_free)};
  if (apt->snapshot == NULL)
    apt_for_each_suite (apt, add_mirrors, &places);
  if (!places.replaced)
    add_url (places.urls, "", url);
  return places.urls;
}
