/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"
#include "plugin/backend.h"
#include "support/json.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* SHA-256 of "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static VfBackend *
open_toy (Fixture *fixture, const char *profile)
{
  g_free (fixture_install (fixture, "toy-package", "vmforge-toy-package.so"));
  g_autofree char *cache = g_build_filename (fixture->folder, "cache", "toy", NULL);
  VfBackendConfig config = {.profile = profile, .release = "one", .arch = "x86_64", .cache_path = cache};
  GError *error = NULL;
  VfBackend *backend = vf_backend_open ("toy-package", &config, &fixture->host, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_test (cache, G_FILE_TEST_IS_DIR));
  return backend;
}

static void
the_cache_version_is_known_without_opening (Fixture *fixture, gconstpointer data)
{
  guint32 version = 0;
  g_free (fixture_install (fixture, "toy-package", "vmforge-toy-package.so"));
  g_assert_true (vf_backend_get_facts ("toy-package", &version, NULL, NULL));
  g_assert_cmpuint (version, ==, 42);
}

static void
resolve_gives_packages_sorted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfBackend) backend = open_toy (fixture, "");
  const char *const install[] = {"zsh", "bash", NULL};
  VfBackendRequest request = {.install = install};
  GError *error = NULL;
  g_autoptr (GPtrArray) packages = vf_backend_resolve (backend, &request, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (packages->len, ==, 2);
  const VfPackage *first = packages->pdata[0];
  g_assert_cmpstr (first->pub.id, ==, "bash");
  g_assert_cmpuint (first->pub.download_size, ==, 5);
}

static void
nonsense_is_reported_with_the_plugins_name (Fixture *fixture, gconstpointer data)
{
  const char *const install[] = {"bash", NULL}, *const twice[] = {"bash", "bash", NULL};
  VfBackendRequest request = {.install = install};
  GError *error = NULL;
  g_autoptr (VfBackend) digest = open_toy (fixture, "bad-digest");
  g_assert_null (vf_backend_resolve (digest, &request, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED,
                        "plugin 'toy-package' broke the rules in resolve: package 'bash' with digest 'abc'");
  request.install = twice;
  g_autoptr (VfBackend) good = open_toy (fixture, "");
  g_assert_null (vf_backend_resolve (good, &request, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "it gives package 'bash' twice");
  char *snapshot = NULL;
  g_autoptr (VfBackend) bad = open_toy (fixture, "bad-snapshot");
  g_assert_false (vf_backend_refresh (bad, &request, &snapshot, &error));
  g_assert_null (snapshot);
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "broke the rules in refresh");
}

static void
manifest_and_boot_give_what_was_emitted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfBackend) backend = open_toy (fixture, "");
  struct vmforge_boot_request request = {.size = sizeof request};
  GError *error = NULL;
  g_autoptr (GPtrArray) packages = vf_backend_manifest (backend, "/", -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (packages->len, ==, 1);
  g_autoptr (GPtrArray) artefacts = vf_backend_boot (backend, "/", -1, &request, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (artefacts->len, ==, 2);
  const VfArtefact *efi = artefacts->pdata[0];
  g_assert_cmpstr (efi->target, ==, "EFI/BOOT/BOOTX64.EFI");
}

static gboolean
run_in_root (const struct vmforge_program *program, const struct vmforge_sandbox *sandbox, int *status,
             gpointer root_data, GError **error)
{
  *(char **)root_data = g_strdup (program->argv[0]);
  g_assert_null (sandbox->binds);
  *status = 0;
  return TRUE;
}

static void
install_runs_in_the_root_of_the_host (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autofree char *ran = NULL;
  GError *error = NULL;
  VfBackendRequest request = {0};
  g_autoptr (VfBackend) without = open_toy (fixture, "");
  g_assert_false (vf_backend_install (without, "/", -1, &request, none, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "there is no root filesystem to run true in");
  fixture->host.run_in_root = run_in_root;
  fixture->host.root_data = &ran;
  g_assert_true (vf_backend_install (without, "/", -1, &request, none, &error));
  g_assert_cmpstr (ran, ==, "true");
}

static GPtrArray *
one_package (const char *path, const char *digest)
{
  struct vmforge_package package = {.size = sizeof package,
                                    .id = "a",
                                    .name = "a",
                                    .version = "1",
                                    .arch = "all",
                                    .url = path,
                                    .digest = digest};
  GPtrArray *packages = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  g_ptr_array_add (packages, vf_package_copy (&package));
  return packages;
}

static void
the_cache_keeps_what_is_verified (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (fixture->folder, "packages", NULL);
  g_autofree char *archive = fixture_write (fixture, "archive", "abc", 3);
  g_autofree char *cached = g_strdup_printf ("%s/ba/%s", folder, ABC + 2);
  g_autoptr (GPtrArray) packages = one_package (archive, ABC);
  fixture->host.package_cache = folder;
  g_autoptr (VfBackend) backend = open_toy (fixture, "");
  GError *error = NULL;
  g_assert_true (vf_backend_fetch (backend, packages, &error));
  g_assert_no_error (error);
  struct stat status;
  g_assert_cmpint (stat (cached, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0644);
  g_assert_false (g_file_test (archive, G_FILE_TEST_EXISTS));
  g_assert_true (vf_backend_fetch (backend, packages, &error));
}

static void
the_cache_refuses_another_digest (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (fixture->folder, "packages", NULL);
  g_autofree char *archive = fixture_write (fixture, "archive", "abd", 3);
  g_autoptr (GPtrArray) packages = one_package (archive, ABC);
  fixture->host.package_cache = folder;
  g_autoptr (VfBackend) backend = open_toy (fixture, "");
  GError *error = NULL;
  g_assert_false (vf_backend_fetch (backend, packages, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, ", not " ABC);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

/* toy-package.c: 100 seconds after 1970, but for what is wrong. */
static void
the_build_time_is_of_what_is_installed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VfBackend) backend = open_toy (fixture, "");
  g_autoptr (GPtrArray) packages = one_package ("http://x/old", ABC);
  GError *error = NULL;
  gint64 seconds = 0;
  g_assert_true (vf_backend_build_time (backend, packages, &seconds, &error));
  g_assert_cmpint (seconds, ==, 100);
  ((VfPackage *)packages->pdata[0])->pub.flags = VMFORGE_PACKAGE_REMOVE;
  g_assert_true (vf_backend_build_time (backend, packages, &seconds, &error));
  g_assert_no_error (error);
  g_assert_cmpint (seconds, ==, -1);
  g_autoptr (GPtrArray) wrong = one_package ("http://x/wrong", ABC);
  g_assert_false (vf_backend_build_time (backend, wrong, &seconds, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "broke the rules in build_time: -5 is no time");
}

static void
packages_survive_json (Fixture *fixture, gconstpointer data)
{
  struct vmforge_package package = {.size = sizeof package,
                                    .id = "a:amd64",
                                    .name = "a",
                                    .version = "1:2~3",
                                    .arch = "amd64",
                                    .digest = ABC,
                                    .url = "http://x/a",
                                    .download_size = 7,
                                    .data = "{\"x\": 1}"};
  VfPackage *ours = vf_package_copy (&package);
  g_autoptr (VfJson) json = vf_package_to_json (ours, TRUE), brief = vf_package_to_json (ours, FALSE);
  GError *error = NULL;
  VfPackage *back = vf_package_from_json (json, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back->pub.data, ==, package.data);
  g_assert_cmpuint (back->pub.download_size, ==, 7);
  g_autofree char *text = vf_json_canonical (brief);
  g_assert_cmpstr (text, ==,
                   "{\"arch\":\"amd64\",\"digest\":\"" ABC
                   "\",\"id\":\"a:amd64\",\"name\":\"a\",\"version\":\"1:2~3\"}");
  vf_package_free (ours);
  vf_package_free (back);
  g_autoptr (VfJson) empty = json_object_new_object ();
  g_assert_null (vf_package_from_json (empty, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_FAILED, "lacks id, name, version or arch");
}

static void
a_removal_survives_json_without_an_archive (Fixture *fixture, gconstpointer data)
{
  struct vmforge_package package = {.size = sizeof package,
                                    .flags = VMFORGE_PACKAGE_REMOVE,
                                    .id = "a",
                                    .name = "a",
                                    .version = "1",
                                    .arch = "all"};
  VfPackage *ours = vf_package_copy (&package);
  g_autoptr (VfJson) json = vf_package_to_json (ours, TRUE);
  GError *error = NULL;
  VfPackage *back = vf_package_from_json (json, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (back->pub.flags, ==, VMFORGE_PACKAGE_REMOVE);
  g_assert_null (back->pub.digest);
  vf_package_free (ours);
  vf_package_free (back);
}

#define ADD(function)                                                                                        \
  g_test_add ("/plugin/backend/" #function, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (the_cache_version_is_known_without_opening);
  ADD (resolve_gives_packages_sorted);
  ADD (nonsense_is_reported_with_the_plugins_name);
  ADD (manifest_and_boot_give_what_was_emitted);
  ADD (install_runs_in_the_root_of_the_host);
  ADD (the_cache_keeps_what_is_verified);
  ADD (the_cache_refuses_another_digest);
  ADD (the_build_time_is_of_what_is_installed);
  ADD (packages_survive_json);
  ADD (a_removal_survives_json_without_an_archive);
  return g_test_run ();
}
