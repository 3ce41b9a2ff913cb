/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a descriptor must look like, on descriptors in memory: the loader has its own tests. */
#include "fixture.h"
#include "plugin/descriptor.h"

#include <string.h>

#define FILE_PATH "/plugins/vmforge-some.so"

typedef struct {
  const char *name;
  gsize offset;
  gboolean mandatory;
} Callback;
#include "plugin-callbacks.h"

typedef struct {
  struct vmforge_storage storage;
  struct vmforge_package_backend package;
  struct vmforge_plugin plugin;
  struct vmforge_parameter parameters[2];
} Described;

static void
nothing (void)
{
}

static void
set_callback (void *table, const Callback *callback, void (*function) (void))
{
  memcpy ((guint8 *)table + callback->offset, &function, sizeof function);
}

/* Good, with the mandatory callbacks and no other. */
static void
set_up (Described *described, gconstpointer data)
{
  gboolean is_package = data != NULL;
  memset (described, 0, sizeof *described);
  described->storage.size = sizeof described->storage;
  described->package.size = sizeof described->package;
  for (guint i = 0; i < G_N_ELEMENTS (vmforge_storage_callbacks); i++)
    if (vmforge_storage_callbacks[i].mandatory)
      set_callback (&described->storage, &vmforge_storage_callbacks[i], nothing);
  for (guint i = 0; i < G_N_ELEMENTS (vmforge_package_backend_callbacks); i++)
    if (vmforge_package_backend_callbacks[i].mandatory)
      set_callback (&described->package, &vmforge_package_backend_callbacks[i], nothing);
  described->plugin = (struct vmforge_plugin){
      .abi = VMFORGE_PLUGIN_ABI,
      .size = sizeof described->plugin,
      .kind = is_package ? VMFORGE_PLUGIN_PACKAGE : VMFORGE_PLUGIN_STORAGE,
      .table_size = is_package ? sizeof described->package : sizeof described->storage,
      .name = "some",
      .version = "1",
      .description = "a descriptor",
      .parameters = described->parameters,
      .storage = is_package ? NULL : &described->storage,
      .package = is_package ? &described->package : NULL,
  };
  described->parameters[0] = (struct vmforge_parameter){.name = "dir", .type = "path"};
}

static const struct vmforge_plugin *
copy (const Described *described, GError **error)
{
  VfElfNumbers numbers;
  memcpy (&numbers, &described->plugin, sizeof numbers);
  if (!vf_descriptor_check_numbers (FILE_PATH, &numbers, described->plugin.size, error))
    return NULL;
  return vf_descriptor_copy (FILE_PATH, "some", &numbers, &described->plugin, error);
}

static void
free_copy (const struct vmforge_plugin *ours)
{
  g_free ((gpointer)ours->storage);
  g_free ((gpointer)ours->package);
  g_free ((gpointer)ours);
}

static void
assert_good (const Described *described)
{
  GError *error = NULL;
  const struct vmforge_plugin *ours = copy (described, &error);
  g_assert_no_error (error);
  free_copy (ours);
}

static void
assert_bad (const Described *described, const char *text)
{
  GError *error = NULL;
  g_assert_null (copy (described, &error));
  g_assert_true (g_str_has_prefix (error->message, "'" FILE_PATH "' "));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_null (strchr (error->message, '\033'));
  fixture_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT, text);
}

static void
assert_callbacks (Described *described, void *table, const Callback *callbacks, gsize n, const char *kind)
{
  gsize mandatory = 0;
  assert_good (described);
  for (gsize i = 0; i < n; i++) {
    if (!callbacks[i].mandatory)
      continue;
    g_autofree char *text =
        g_strdup_printf ("lacks the callback '%s', which every %s plugin", callbacks[i].name, kind);
    set_callback (table, &callbacks[i], NULL);
    assert_bad (described, text);
    set_callback (table, &callbacks[i], nothing);
    mandatory++;
  }
  g_assert_cmpuint (mandatory, >, 7);
}

static void
storage_has_what_the_header_calls_mandatory (Described *described, gconstpointer data)
{
  assert_callbacks (described, &described->storage, vmforge_storage_callbacks,
                    G_N_ELEMENTS (vmforge_storage_callbacks), "storage");
}

static void
package_has_what_the_header_calls_mandatory (Described *described, gconstpointer data)
{
  assert_callbacks (described, &described->package, vmforge_package_backend_callbacks,
                    G_N_ELEMENTS (vmforge_package_backend_callbacks), "package");
}

static void
texts_are_there_and_in_utf8 (Described *described, gconstpointer data)
{
  static const char *const bad[] = {NULL, "\xff", "two\nlines"};
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    described->plugin.description = bad[i];
    assert_bad (described, "lacks a version or a description of one line in UTF-8");
  }
  described->plugin.description = "Gerät";
  described->plugin.version = NULL;
  assert_bad (described, "lacks a version");
  described->plugin.version = "\xff";
  assert_bad (described, "lacks a version");
  described->plugin.version = "1";
  assert_good (described);
}

static void
the_name_is_that_of_the_file (Described *described, gconstpointer data)
{
  static const char *const bad[] = {NULL,    "",      "1some",  "-some",     "Some", "so_me",
                                    "so me", "so/me", "some\n", "s\033[31m", "\xff"};
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    described->plugin.name = bad[i];
    assert_bad (described, "has a bad plugin name '");
  }
  g_autofree char *longest = g_strnfill (64, 'a'), *longer = g_strnfill (65, 'a');
  g_assert_true (vf_descriptor_name_is_valid (longest));
  g_assert_false (vf_descriptor_name_is_valid (longer));
  described->plugin.name = "other-1";
  assert_bad (described, "calls itself 'other-1': its file must be named vmforge-other-1.so");
}

static void
parameters_have_names_and_types (Described *described, gconstpointer data)
{
  static const char *const good[] = {"string", "size", "bool", "path"};
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    described->parameters[0].type = good[i];
    assert_good (described);
  }
  described->parameters[0].type = "number";
  assert_bad (described, "declares a parameter 'dir' of type 'number': types are string, size, bool, path");
  described->parameters[0].type = NULL;
  assert_bad (described, "declares a parameter 'dir' of type ''");
  described->parameters[0].type = "size";
  static const char *const bad[] = {"", "a=b", "a,b", "a:b", "a b", "a\nb"};
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    described->parameters[0].name = bad[i];
    assert_bad (described, "declares a parameter '");
  }
  described->plugin.parameters = NULL;
  assert_good (described);
}

static void
the_table_is_of_the_kind_and_of_the_size (Described *described, gconstpointer data)
{
  described->plugin.package = &described->package;
  assert_bad (described,
              "is of kind storage but has a package table: .storage must be set, and nothing else");
  described->plugin.package = NULL;
  described->plugin.storage = NULL;
  assert_bad (described, "is of kind storage but lacks a storage table");
  described->plugin.storage = &described->storage;
  described->storage.size--;
  assert_bad (described, "has a storage table whose .size is");
  described->storage.size++;
  described->plugin.kind = VMFORGE_PLUGIN_TRANSPORT;
  assert_bad (described, "is of kind transport but has a storage table");
  described->plugin.kind = 4;
  assert_bad (described, "is a plugin of kind 4, which this vmforge does not know");
}

static void
numbers_stay_what_they_were_in_the_file (Described *described, gconstpointer data)
{
  VfElfNumbers numbers;
  GError *error = NULL;
  memcpy (&numbers, &described->plugin, sizeof numbers);
  described->plugin.table_size += 8;
  g_assert_null (vf_descriptor_copy (FILE_PATH, "some", &numbers, &described->plugin, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT,
                        "changed its descriptor while it was loaded: it must be constant");
}

static void
a_descriptor_is_no_larger_than_its_symbol (Described *described, gconstpointer data)
{
  VfElfNumbers numbers;
  GError *error = NULL;
  memcpy (&numbers, &described->plugin, sizeof numbers);
  g_assert_true (vf_descriptor_check_numbers (FILE_PATH, &numbers, numbers.size, &error));
  g_assert_false (vf_descriptor_check_numbers (FILE_PATH, &numbers, numbers.size - 1, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_ENVIRONMENT, "has a descriptor of");
}

#define ADD(function, package)                                                                               \
  g_test_add ("/plugin/descriptor/" #function, Described, package, set_up, function, NULL)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (storage_has_what_the_header_calls_mandatory, NULL);
  ADD (package_has_what_the_header_calls_mandatory, "package");
  ADD (texts_are_there_and_in_utf8, NULL);
  ADD (the_name_is_that_of_the_file, NULL);
  ADD (parameters_have_names_and_types, NULL);
  ADD (the_table_is_of_the_kind_and_of_the_size, NULL);
  ADD (numbers_stay_what_they_were_in_the_file, NULL);
  ADD (a_descriptor_is_no_larger_than_its_symbol, NULL);
  return g_test_run ();
}
