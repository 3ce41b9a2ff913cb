/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where packages come from: while building, and later in the image. The two differ in the mirror: a build
 * uses the host's, an image names the public one or what the spec says. */
#include "apt.h"

static const char *
member (struct json_object *object, const char *key)
{
  struct json_object *value;
  return json_object_object_get_ex (object, key, &value) ? json_object_get_string (value) : NULL;
}

static char *
join_array (struct json_object *array, const char *separator)
{
  GString *text = g_string_new (NULL);
  for (size_t i = 0; array != NULL && i < json_object_array_length (array); i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "" : separator,
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

void
apt_for_each_suite (const Apt *apt,
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
  const char *key;      /* name of the profile's keyring in the folder of keys */
  const char *unpinned; /* a suite that has no snapshot; NULL: none */
} BuildSources;

/* A snapshot's Release file has long expired, which is the point of it; its signature still counts. */
static const char *
validity (const Apt *apt, const char *url)
{
  return apt->snapshot != NULL && strstr (url, apt->snapshot) != NULL ? " check-valid-until=no" : "";
}

static void
add_build_suite (const Apt *apt, const char *suite, const char *url, gpointer data)
{
  BuildSources *sources = data;
  g_autofree char *components = join_array (apt_setting (apt, "components"), " ");
  g_autofree char *mirror = apt_build_mirror (apt, suite, url);
  if (mirror == NULL) {
    sources->unpinned = suite;
    return;
  }
  g_string_append_printf (sources->text, "deb [signed-by=" APT_KEYS_INSIDE "%s%s] %s %s %s\n", sources->key,
                          validity (apt, mirror), mirror, suite, components);
}

static int
add_repositories (Call *call, const Apt *apt, GString *text, const struct vmforge_package_request *request)
{
  for (const struct vmforge_repository *const *item = request->repositories; item != NULL && *item != NULL;
       item++) {
    g_autofree char *key = apt_key_copy (call, apt, (*item)->key_path, (*item)->key_digest, NULL, NULL);
    if (key == NULL)
      return -1;
    g_string_append_printf (text, "deb [signed-by=" APT_KEYS_INSIDE "%s%s] %s %s", key,
                            validity (apt, (*item)->url), (*item)->url,
                            (*item)->suite == NULL ? "./" : (*item)->suite);
    for (const char *const *part = (*item)->components; part != NULL && *part != NULL; part++)
      g_string_append_printf (text, " %s", *part);
    g_string_append_c (text, '\n');
  }
  return 0;
}

/* Without the keyring nothing can be verified; say what brings it rather than let apt complain. */
static int
check_keyring (Call *call, const Apt *apt)
{
  const char *path = keyring_path (apt);
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return 0;
  struct json_object *keyring = apt_setting (apt, "keyring"), *list = NULL;
  const char *package = keyring == NULL ? NULL : member (keyring, "package");
  if (*path == '\0')
    return pkg_fail (call, VMFORGE_PLUGIN_INVALID,
                     "the profile names no 'settings: {keyring: {path: …}}' to verify %s with", apt->release);
  if (json_object_object_get_ex (keyring, "fingerprints", &list) && json_object_array_length (list) == 0)
    list = NULL;
  g_autofree char *keys = join_array (list, ", ");
  return pkg_fail (
      call, VMFORGE_PLUGIN_ENVIRONMENT,
      "the keyring '%s' is missing, without which %s cannot be verified: install the package '%s'%s%s", path,
      apt->release, package == NULL ? "that has it" : package,
      list == NULL ? "" : ", or put these keys there: ", keys);
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
  if (apt_host_read (call, apt) < 0)
    return NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  BuildSources sources = {.text = text, .key = key};
  apt_for_each_suite (apt, add_build_suite, &sources);
  if (sources.unpinned != NULL) {
    pkg_fail (call, VMFORGE_PLUGIN_INVALID, "the profile has no snapshot URL for the archive of suite '%s'",
              sources.unpinned);
    return NULL;
  }
  return add_repositories (call, apt, text, request) < 0 ? NULL : g_strdup (text->str);
}

static void
add_image_suite (const Apt *apt, const char *suite, const char *url, gpointer data)
{
  g_autofree char *components = join_array (apt_setting (apt, "components"), " ");
  g_autofree char *mirrors = apt_has_own_mirrors (apt, url) ? g_strjoinv (" ", apt->mirrors) : NULL;
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
  if (pkg_write (call, root, key_path, key, length, 0644) < 0)
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
  return pkg_write (call, root, path, text->str, text->len, 0644);
}

int
apt_sources_for_image (Call *call, const Apt *apt, const struct vmforge_root *root,
                       const struct vmforge_package_request *request)
{
  g_autoptr (GString) text = g_string_new (NULL);
  apt_for_each_suite (apt, add_image_suite, text);
  g_autofree char *path = g_strdup_printf ("etc/apt/sources.list.d/%s.sources", member (apt->profile, "id"));
  if (text->len > 0 && pkg_write (call, root, path, text->str, text->len, 0644) < 0)
    return -1;
  for (const struct vmforge_repository *const *item = request->repositories; item != NULL && *item != NULL;
       item++)
    if (write_repository (call, apt, root, *item) < 0)
      return -1;
  return 0;
}
