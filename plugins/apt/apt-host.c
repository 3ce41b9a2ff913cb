/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The mirrors of the host's own apt, one of which may be nearer than the profile's. */
#include "apt.h"

/* One suite of one archive in the host's sources. */
typedef struct {
  char *release, *url;
} Source;

struct _AptHost {
  gboolean known;
  GPtrArray *sources; /* of Source, in the host's order, each once */
};

static void
source_free (gpointer data)
{
  Source *source = data;
  g_free (source->release);
  g_free (source->url);
  g_free (source);
}

AptHost *
apt_host_new (void)
{
  AptHost *host = g_new0 (AptHost, 1);
  host->sources = g_ptr_array_new_with_free_func (source_free);
  return host;
}

void
apt_host_free (AptHost *host)
{
  g_ptr_array_unref (host->sources);
  g_free (host);
}

static char *
without_slash (const char *url)
{
  gsize length = strlen (url);
  while (length > 0 && url[length - 1] == '/')
    length--;
  return g_strndup (url, length);
}

/* The first URL of a list of mirrors: `URL [priority:N …]` a line. */
static char *
first_of_list (const char *path)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    char *url = g_strstrip (*line);
    url[strcspn (url, " \t")] = '\0';
    if (*url != '\0' && *url != '#')
      return without_slash (url);
  }
  return NULL;
}

/* Where a source of the host leads; NULL where that cannot be said, or not without credentials, which stay
 * out of lists of ours. */
static char *
plain_url (const char *uri)
{
  static const char list[] = "mirror+file:";
  g_autofree char *plain = without_slash (uri);
  g_autofree char *url =
      g_str_has_prefix (plain, list) ? first_of_list (plain + strlen (list)) : g_strdup (plain);
  if (url == NULL || g_str_has_prefix (url, "mirror") || strpbrk (url, "@ []") != NULL)
    return NULL;
  return g_steal_pointer (&url);
}

static void
add_source (AptHost *host, const char *release, const char *uri)
{
  g_autofree char *url = plain_url (uri);
  if (url == NULL)
    return;
  for (guint i = 0; i < host->sources->len; i++) {
    const Source *known = g_ptr_array_index (host->sources, i);
    if (g_str_equal (known->release, release) && g_str_equal (known->url, url))
      return;
  }
  Source *source = g_new0 (Source, 1);
  source->release = g_strdup (release);
  source->url = g_steal_pointer (&url);
  g_ptr_array_add (host->sources, source);
}

static gboolean
array_has (struct json_object *array, const char *word)
{
  for (size_t i = 0; array != NULL && i < json_object_array_length (array); i++)
    if (g_str_equal (json_object_get_string (json_object_array_get_idx (array, i)), word))
      return TRUE;
  return FALSE;
}

/* "RELEASE|COMPONENT|URI". A vendor's archive may end in /debian as well, but mostly has components of its
 * own. */
static int
collect_source (void *user, int stream, const char *line)
{
  const Apt *apt = user;
  g_auto (GStrv) parts = g_strsplit (line, "|", 3);
  if (stream == 1 && g_strv_length (parts) == 3 && array_has (apt_setting (apt, "components"), parts[1]))
    add_source (apt->host, parts[0], parts[2]);
  return 0;
}

int
apt_host_read (Call *call, const Apt *apt)
{
  if (apt->host->known)
    return 0;
  /* Without release info, so that sources of which nothing was fetched yet are told too. What apt makes of
   * broken sources of the host is not our concern. */
  const char *argv[] = {
      "apt-get", "indextargets", "--no-release-info", "--format", "$(RELEASE)|$(COMPONENT)|$(REPO_URI)",
      NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .line = collect_source, .user = (gpointer)apt};
  apt->host->known = call->host->run (call, &program) >= 0;
  return apt->host->known ? 0 : -1;
}

static gboolean
is_security (const char *suite)
{
  return g_str_has_suffix (suite, "-security");
}

/* Whether a suite of the host shows that its archive is the distribution's: it is one that the image uses, or
 * one of the host itself, where that is of the same distribution. */
static gboolean
is_evidence (const Apt *apt, const char *release, gboolean security)
{
  if (is_security (release) != security)
    return FALSE;
  if (array_has (apt_setting (apt, "suites"), release))
    return TRUE;
  g_autofree char *id = g_get_os_info (G_OS_INFO_KEY_ID);
  g_autofree char *codename = g_get_os_info (G_OS_INFO_KEY_VERSION_CODENAME);
  struct json_object *ours;
  if (codename == NULL || !json_object_object_get_ex (apt->profile, "id", &ours) ||
      g_strcmp0 (id, json_object_get_string (ours)) != 0)
    return FALSE;
  gsize length = strlen (codename);
  return strncmp (release, codename, length) == 0 && (release[length] == '\0' || release[length] == '-');
}

/* "debian.org" of http://ftp.de.debian.org/debian; NULL for a number or a lone name. */
static char *
domain_of (const char *url)
{
  const char *start = strstr (url, "://");
  if (start == NULL)
    return NULL;
  g_autofree char *name = g_strndup (start + 3, strcspn (start + 3, "/:"));
  g_auto (GStrv) labels = g_strsplit (name, ".", -1);
  guint n = g_strv_length (labels);
  return n < 2 || !g_ascii_isalpha (labels[n - 1][0]) ? NULL
                                                      : g_strconcat (labels[n - 2], ".", labels[n - 1], NULL);
}

/* How much speaks for a URL of the host; 0: nothing. */
static guint
weigh (const Apt *apt, const char *url, const char *profile_url, gboolean security)
{
  g_autofree char *domain = domain_of (url), *ours = domain_of (profile_url);
  guint weight = domain != NULL && g_strcmp0 (domain, ours) == 0 ? 1 : 0;
  for (guint i = 0; i < apt->host->sources->len; i++) {
    const Source *source = g_ptr_array_index (apt->host->sources, i);
    if (g_str_equal (source->url, url) && is_evidence (apt, source->release, security))
      weight += 2;
  }
  return weight;
}

char *
apt_host_mirror (const Apt *apt, const char *suite, const char *profile_url)
{
  g_autofree char *plain = without_slash (profile_url);
  const char *archive = strrchr (plain, '/'), *best = profile_url;
  guint most = 0;
  for (guint i = 0; archive != NULL && i < apt->host->sources->len; i++) {
    const Source *source = g_ptr_array_index (apt->host->sources, i);
    if (!g_str_has_suffix (source->url, archive))
      continue;
    guint weight = weigh (apt, source->url, plain, is_security (suite));
    if (weight > most)
      best = source->url;
    most = MAX (most, weight);
  }
  return g_strdup (best);
}
