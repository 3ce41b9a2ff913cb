/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where packages come from: while building, and later in the image. The two differ in the mirror: a build
 * uses the host's, an image names the public one or what the spec says. */
#include "apt.h"

/* The host's sources of the profile's components. */
typedef struct {
  struct json_object *components;
  GPtrArray *uris;
} HostSources;

static gboolean
array_has (struct json_object *array, const char *word)
{
  for (size_t i = 0; array != NULL && i < json_object_array_length (array); i++)
    if (g_str_equal (json_object_get_string (json_object_array_get_idx (array, i)), word))
      return TRUE;
  return FALSE;
}

/* "COMPONENT URI" */
static int
collect_host_source (void *user, int stream, const char *line)
{
  HostSources *sources = user;
  const char *uri = strchr (line, ' ');
  g_autofree char *component = uri == NULL ? NULL : g_strndup (line, uri - line);
  /* A vendor's archive may end in /debian as well, but has components of its own. Credentials stay out of
   * lists of ours. */
  if (stream == 1 && uri != NULL && array_has (sources->components, component) && strchr (uri, '@') == NULL)
    g_ptr_array_add (sources->uris, g_strdup (uri + 1));
  return 0;
}

/* URIs of the host's own apt sources, those of which nothing was fetched yet (--no-release-info) included;
 * empty on a host without apt sources. */
static GPtrArray *
host_uris (Call *call, const Apt *apt)
{
  HostSources sources = {.components = apt_setting (apt, "components"),
                         .uris = g_ptr_array_new_with_free_func (g_free)};
  const char *argv[] = {
      "apt-get", "indextargets", "--no-release-info", "--format", "$(COMPONENT) $(REPO_URI)", NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .line = collect_host_source, .user = &sources};
  call->host->run (call, &program);
  return sources.uris;
}

static char *
without_slash (const char *url)
{
  gsize length = strlen (url);
  while (length > 0 && url[length - 1] == '/')
    length--;
  return g_strndup (url, length);
}

/* The host's mirror of the same archive: the URI whose path ends like the profile's. */
static char *
host_mirror_for (GPtrArray *uris, const char *profile_url)
{
  g_autofree char *plain = without_slash (profile_url);
  const char *archive = strrchr (plain, '/');
  for (guint i = 0; archive != NULL && i < uris->len; i++) {
    g_autofree char *uri = without_slash (g_ptr_array_index (uris, i));
    if (g_str_has_suffix (uri, archive))
      return g_steal_pointer (&uri);
  }
  return g_strdup (profile_url);
}

static const char *
member (struct json_object *object, const char *key)
{
  struct json_object *value;
  return json_object_object_get_ex (object, key, &value) ? json_object_get_string (value) : NULL;
}

static char *
join_array (struct json_object *array)
{
  GString *text = g_string_new (NULL);
  for (size_t i = 0; array != NULL && i < json_object_array_length (array); i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "" : " ",
                            json_object_get_string (json_object_array_get_idx (array, i)));
  return g_string_free (text, FALSE);
}

static const char *
keyring_path (const Apt *apt)
{
  struct json_object *keyring = apt_setting (apt, "keyring");
  const char *path = keyring == NULL ? NULL : member (keyring, "path");
  return path == NULL ? "" : path;
}

/* Calls func for each suite of the profile with the URL of its archive. */
static void
for_each_suite (const Apt *apt,
                void (*func) (const Apt *apt, const char *suite, const char *url, gpointer data),
                gpointer data)
{
  struct json_object *suites = apt_setting (apt, "suites");
  const char *mirror = apt_setting_text (apt, "mirror", "");
  for (size_t i = 0; suites != NULL && i < json_object_array_length (suites); i++) {
    const char *suite = json_object_get_string (json_object_array_get_idx (suites, i));
    gboolean security = g_str_has_suffix (suite, "-security");
    func (apt, suite, security ? apt_setting_text (apt, "security_mirror", mirror) : mirror, data);
  }
}

typedef struct {
  GString *text;
  GPtrArray *host_uris;
  const char *key; /* name of the profile's keyring in the folder of keys */
} BuildSources;

static void
add_build_suite (const Apt *apt, const char *suite, const char *url, gpointer data)
{
  BuildSources *sources = data;
  g_autofree char *components = join_array (apt_setting (apt, "components"));
  g_autofree char *mirror = NULL;
  /* The user's mirrors stand for the main archive; security updates keep their own. */
  gboolean main_archive = g_strcmp0 (url, apt_setting_text (apt, "mirror", "")) == 0;
  if (apt->mirrors != NULL && apt->mirrors[0] != NULL && main_archive)
    mirror = g_strdup (apt->mirrors[0]);
  else
    mirror = host_mirror_for (sources->host_uris, url);
  g_string_append_printf (sources->text, "deb [signed-by=" APT_KEYS_INSIDE "%s] %s %s %s\n", sources->key,
                          mirror, suite, components);
}

static int
add_repositories (Call *call, const Apt *apt, GString *text, const struct vmforge_package_request *request)
{
  for (const struct vmforge_repository *const *item = request->repositories; item != NULL && *item != NULL;
       item++) {
    g_autofree char *key = apt_key_copy (call, apt, (*item)->key_path, (*item)->key_digest, NULL, NULL);
    if (key == NULL)
      return -1;
    g_string_append_printf (text, "deb [signed-by=" APT_KEYS_INSIDE "%s] %s %s", key, (*item)->url,
                            (*item)->suite == NULL ? "./" : (*item)->suite);
    for (const char *const *part = (*item)->components; part != NULL && *part != NULL; part++)
      g_string_append_printf (text, " %s", *part);
    g_string_append_c (text, '\n');
  }
  return 0;
}

/* Without the keyring nothing can be verified; say which package has it rather than let apt complain. */
static int
check_keyring (Call *call, const Apt *apt)
{
  if (g_file_test (keyring_path (apt), G_FILE_TEST_IS_REGULAR))
    return 0;
  struct json_object *keyring = apt_setting (apt, "keyring");
  const char *package = keyring == NULL ? NULL : member (keyring, "package");
  return apt_fail (
      call, VMFORGE_PLUGIN_ENVIRONMENT,
      "the keyring '%s' is missing, without which %s cannot be verified: install the package '%s'",
      keyring_path (apt), apt->release, package == NULL ? "that has it" : package);
}

char *
apt_sources_for_build (Call *call, const Apt *apt, const struct vmforge_package_request *request)
{
  struct json_object *suites = apt_setting (apt, "suites");
  g_autofree char *key = NULL;
  if (suites != NULL && json_object_array_length (suites) > 0) {
    key =
        check_keyring (call, apt) < 0 ? NULL : apt_key_copy (call, apt, keyring_path (apt), NULL, NULL, NULL);
    if (key == NULL)
      return NULL;
  }
  g_autoptr (GPtrArray) uris = host_uris (call, apt);
  g_autoptr (GString) text = g_string_new (NULL);
  BuildSources sources = {.text = text, .host_uris = uris, .key = key};
  for_each_suite (apt, add_build_suite, &sources);
  return add_repositories (call, apt, text, request) < 0 ? NULL : g_strdup (text->str);
}

static void
add_image_suite (const Apt *apt, const char *suite, const char *url, gpointer data)
{
  g_autofree char *components = join_array (apt_setting (apt, "components"));
  gboolean main_archive = g_strcmp0 (url, apt_setting_text (apt, "mirror", "")) == 0;
  g_autofree char *mirrors = NULL;
  if (apt->mirrors != NULL && apt->mirrors[0] != NULL && main_archive)
    mirrors = g_strjoinv (" ", apt->mirrors);
  g_string_append_printf (data, "%sTypes: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n",
                          ((GString *)data)->len == 0 ? "" : "\n", mirrors == NULL ? url : mirrors, suite,
                          components, keyring_path (apt));
}

static int
write_repository (Call *call, const Apt *apt, const struct vmforge_root *root,
                  const struct vmforge_repository *repository)
{
  g_autofree char *key = NULL;
  gsize length = 0;
  g_autofree char *copy =
      apt_key_copy (call, apt, repository->key_path, repository->key_digest, &key, &length);
  if (copy == NULL)
    return -1;
  g_autofree char *key_path =
      g_strdup_printf ("etc/apt/keyrings/%s%s", repository->name, strrchr (copy, '.'));
  if (apt_write (call, root, key_path, key, length, 0644) < 0)
    return -1;
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "Types: deb\nURIs: %s\nSuites: %s\n", repository->url,
                          repository->suite == NULL ? "./" : repository->suite);
  if (repository->components != NULL && repository->components[0] != NULL) {
    g_autofree char *components = g_strjoinv (" ", (char **)repository->components);
    g_string_append_printf (text, "Components: %s\n", components);
  }
  g_string_append_printf (text, "Signed-By: /%s\n", key_path);
  g_autofree char *path = g_strdup_printf ("etc/apt/sources.list.d/%s.sources", repository->name);
  return apt_write (call, root, path, text->str, text->len, 0644);
}

int
apt_sources_for_image (Call *call, const Apt *apt, const struct vmforge_root *root,
                       const struct vmforge_package_request *request)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for_each_suite (apt, add_image_suite, text);
  g_autofree char *path = g_strdup_printf ("etc/apt/sources.list.d/%s.sources", member (apt->profile, "id"));
  if (text->len > 0 && apt_write (call, root, path, text->str, text->len, 0644) < 0)
    return -1;
  for (const struct vmforge_repository *const *item = request->repositories; item != NULL && *item != NULL;
       item++)
    if (write_repository (call, apt, root, *item) < 0)
      return -1;
  return 0;
}
