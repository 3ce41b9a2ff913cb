/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Lock files: what is written is what is read, and what is damaged or hostile is refused by its place. */
#include "fixture.h"
#include "spec/lockfile.h"
#include "support/digest.h"

#include <string.h>
#include <sys/stat.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
/* %s: packages of Core, in line 5 of the file. */
static const char template[] =
    "{\"lock\": 1,\n\"date\": \"2026-11-01T12:00:00Z\",\n"
    "\"distro\": {\"id\": \"toy\", \"release\": \"one\", \"arch\": \"x86_64\"},\n\"stages\": {\n"
    "\"core\": {\"install\": [], \"remove\": [], \"sources\": \"" ZEROS "\", \"packages\": [\n%s]},\n"
    "\"base\": {\"install\": [], \"remove\": [], \"sources\": \"" ZEROS "\", \"packages\": []},\n"
    "\"image\": {\"install\": [], \"remove\": [], \"sources\": \"" ZEROS "\", \"packages\": []},\n"
    "\"appliance\": {\"install\": [], \"remove\": [], \"sources\": \"" ZEROS "\", \"packages\": []}}}\n";
#define GOOD                                                                                                 \
  "{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"size\": 1, \"sha256\": \"" ZEROS               \
  "\", \"url\": \"http://a.example/a\", \"installed_size\": 2}"

static VfLockfile *
parse (const char *packages, GError **error)
{
  g_autoptr (GString) text = g_string_new (template);
  g_string_replace (text, "%s", packages, 1);
  return vf_lockfile_parse (text->str, text->len, "x.lock", error);
}

static VfLockedPackage *
make_package (const char *id, const char *version, gboolean remove)
{
  VfLockedPackage *package = g_new0 (VfLockedPackage, 1);
  *package = (VfLockedPackage){.id = g_strdup (id),
                               .name = g_strdup (id),
                               .version = g_strdup (version),
                               .arch = g_strdup ("all"),
                               .remove = remove};
  if (remove)
    return package;
  package->digest = vf_digest_text (version);
  package->url = g_strconcat ("http://a.example/", id, NULL);
  package->data = g_strdup ("Package: x\nText: \"quoted\" \\ tab\t, é, \x01 and a line\n");
  package->size = 3;
  package->installed_size = G_MAXINT64;
  return package;
}

static VfLockfile *
make_lock (void)
{
  VfLockfile *lock = vf_lockfile_new ("x.lock");
  lock->date = 1793534400;
  lock->distro = g_strdup ("toy");
  lock->release = g_strdup ("one");
  lock->arch = g_strdup ("x86_64");
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    lock->stages[i].install = g_strsplit ("a b=1:2~3+4", " ", -1);
    lock->stages[i].remove = g_new0 (char *, 1);
    lock->stages[i].sources = g_strdup (ZEROS);
    g_ptr_array_add (lock->stages[i].packages, make_package ("a", "1", FALSE));
    g_ptr_array_add (lock->stages[i].packages, make_package ("b", "2", FALSE));
    g_ptr_array_add (lock->stages[i].packages, make_package ("c", "", TRUE));
  }
  return lock;
}

static void
what_is_written_is_what_is_read (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLockfile) lock = make_lock ();
  g_autofree char *text = vf_lockfile_to_text (lock);
  g_autoptr (VfLockfile) again = vf_lockfile_parse (text, strlen (text), "x.lock", &error);
  g_assert_no_error (error);
  g_autofree char *same = vf_lockfile_to_text (again);
  g_assert_cmpstr (same, ==, text);
  g_assert_cmpint (again->date, ==, lock->date);
  g_autofree char *digest = vf_digest_text (text);
  g_assert_cmpstr (again->digest, ==, digest);
  const VfLockedPackage *a = lock->stages[1].packages->pdata[0], *b = again->stages[1].packages->pdata[0];
  g_assert_cmpstr (a->data, ==, b->data);
  g_assert_cmpuint (b->installed_size, ==, G_MAXINT64);
  g_autoptr (GPtrArray) changes = vf_lockfile_compare (lock, again);
  g_assert_cmpuint (changes->len, ==, 0);
}

static void
packages_stand_one_a_line (void)
{
  g_autoptr (VfLockfile) lock = make_lock ();
  g_autofree char *text = vf_lockfile_to_text (lock);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint found = 0;
  for (char **line = lines; *line != NULL; line++)
    found += g_str_has_prefix (*line, "        {\"name\": ") &&
             (g_str_has_suffix (*line, "}") || g_str_has_suffix (*line, "},"));
  g_assert_cmpuint (found, ==, 12);
}

static void
the_order_of_packages_does_not_matter (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLockfile) lock = make_lock ();
  gpointer *pdata = lock->stages[0].packages->pdata, first = pdata[0];
  g_autofree char *sorted = vf_lockfile_to_text (lock);
  pdata[0] = pdata[2];
  pdata[2] = first;
  g_autofree char *text = vf_lockfile_to_text (lock);
  g_assert_cmpstr (sorted, !=, text);
  g_autoptr (VfLockfile) again = vf_lockfile_parse (text, strlen (text), "x.lock", &error);
  g_assert_no_error (error);
  g_autofree char *same = vf_lockfile_to_text (again);
  g_assert_cmpstr (same, ==, sorted);
}

static void
changes_are_told_by_stage_and_package (void)
{
  g_autoptr (VfLockfile) before = make_lock (), after = make_lock ();
  VfLockedStage *stage = &after->stages[1];
  g_ptr_array_set_size (stage->packages, 0);
  g_ptr_array_add (stage->packages, make_package ("a", "1.1", FALSE));
  g_ptr_array_add (stage->packages, make_package ("c", "3", FALSE));
  g_ptr_array_add (stage->packages, make_package ("d", "4", FALSE));
  g_autoptr (GPtrArray) changes = vf_lockfile_compare (before, after);
  static const struct {
    const char *name, *before, *after;
  } expected[] = {{"a", "1", "1.1"}, {"b", "2", NULL}, {"c", NULL, "3"}, {"d", NULL, "4"}};
  g_assert_cmpuint (changes->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < changes->len; i++) {
    const VfLockChange *change = changes->pdata[i];
    g_assert_cmpint (change->stage, ==, VMFORGE_STAGE_BASE);
    g_assert_cmpstr (change->name, ==, expected[i].name);
    g_assert_cmpstr (change->before, ==, expected[i].before);
    g_assert_cmpstr (change->after, ==, expected[i].after);
  }
}

static void
another_archive_of_the_same_version_is_a_change (void)
{
  g_autoptr (VfLockfile) before = make_lock (), after = make_lock ();
  VfLockedPackage *package = after->stages[3].packages->pdata[0];
  package->digest[0] = package->digest[0] == '0' ? '1' : '0';
  g_autoptr (GPtrArray) changes = vf_lockfile_compare (before, after);
  g_assert_cmpuint (changes->len, ==, 1);
  g_assert_cmpstr (((VfLockChange *)changes->pdata[0])->before, ==, "1");
  g_assert_cmpstr (((VfLockChange *)changes->pdata[0])->after, ==, "1");
}

static void
what_is_hostile_is_refused_by_its_line (void)
{
  static const struct {
    const char *packages, *message;
  } cases[] = {
      {GOOD ",\n" GOOD, "x.lock:7:1: package 'a' is twice in stage 'core'"},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\"}", "x.lock:6:1: package 'a' lacks 'size'"},
      {"{\"name\": \"a\", \"version\": \"\", \"arch\": \"all\", \"size\": 1, \"sha256\": \"" ZEROS
       "\", \"url\": \"http://a/a\", \"installed_size\": 2}",
       "x.lock:6:1: package 'a' has no version or no arch"},
      {"{\"name\": \"a b\", \"version\": \"1\", \"arch\": \"all\"}",
       "x.lock:6:10: 'name' in a package cannot be 'a b': it begins with a letter or digit and holds no "
       "blanks, quotes or backslashes"},
      {"{\"name\": \"--force\", \"version\": \"1\", \"arch\": \"all\"}",
       "x.lock:6:10: 'name' in a package cannot be '--force': it begins with a letter or digit"},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"sha256\": \"xyz\"}",
       "x.lock:6:56: 'sha256' in a package cannot be 'xyz': a SHA-256 has 64 characters of 0-9 and a-f"},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"size\": -1}", "x.lock:6:54: "},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"size\": 99999999999999999999}",
       "x.lock:6:54: "},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"url\": \"ftp://a/a\"}", "x.lock:6:53: "},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"url\": \"-o/a\"}", "x.lock:6:53: "},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"size\": 1, \"sha256\": \"" ZEROS
       "\", \"url\": \"http://ada:secret@a/a\", \"installed_size\": 2}",
       "x.lock:6:142: the URL of package 'a' is none, or holds a user name"},
      {"{\"name\": \"a\", \"version\": \"1\", \"arch\": \"all\", \"sise\": 1}",
       "x.lock:6:46: unknown key 'sise' in a package (did you mean 'size'?)"},
      {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "x.lock:"},
      {"<<<<<<< ours", "x.lock:"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfLockfile) lock = parse (cases[i].packages, &error);
    g_assert_null (lock);
    g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
    if (!g_str_has_prefix (error->message, cases[i].message))
      g_error ("'%s' does not begin with '%s'", error->message, cases[i].message);
    g_assert_null (strstr (error->message, "secret"));
  }
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLockfile) sound = parse (GOOD, &error);
  g_assert_no_error (error);
}

static void
data_is_bounded (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *data = g_strnfill (VF_LOCKFILE_MAX_DATA + 1, 'x');
  g_autoptr (GString) text = g_string_new (GOOD);
  g_string_truncate (text, text->len - 1);
  g_string_append_printf (text, ", \"data\": \"%s\"}", data);
  g_autoptr (VfLockfile) lock = parse (text->str, &error);
  g_assert_null (lock);
  g_assert_true (g_str_has_prefix (error->message, "x.lock:6:"));
}

static void
a_lock_that_could_not_be_read_again_is_not_written (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder->path, "x.lock", NULL);
  g_autoptr (VfLockfile) lock = make_lock ();
  folder_write (folder, "x.lock", "before");
  g_free (lock->path);
  lock->path = g_strdup (path);
  g_free (((VfLockedPackage *)lock->stages[0].packages->pdata[0])->name);
  ((VfLockedPackage *)lock->stages[0].packages->pdata[0])->name = g_strdup ("two words");
  g_assert_false (vf_lockfile_write (lock, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_autofree char *left = NULL;
  g_assert_true (g_file_get_contents (path, &left, NULL, NULL));
  g_assert_cmpstr (left, ==, "before");
}

static void
an_absent_lock_is_no_error_and_a_folder_is_one (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *absent = g_build_filename (folder->path, "absent.lock", NULL);
  VfLockfile *lock = (VfLockfile *)folder;
  g_assert_true (vf_lockfile_read (absent, &lock, &error));
  g_assert_no_error (error);
  g_assert_null (lock);
  g_assert_false (vf_lockfile_read (folder->path, &lock, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_null (lock);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(function) g_test_add_func ("/spec/lockfile/" #function, function)
  ADD (what_is_written_is_what_is_read);
  ADD (packages_stand_one_a_line);
  ADD (the_order_of_packages_does_not_matter);
  ADD (changes_are_told_by_stage_and_package);
  ADD (another_archive_of_the_same_version_is_a_change);
  ADD (what_is_hostile_is_refused_by_its_line);
  ADD (data_is_bounded);
  g_test_add ("/spec/lockfile/a lock that could not be read again is not written", Folder, NULL, folder_setup,
              a_lock_that_could_not_be_read_again_is_not_written, folder_teardown);
  g_test_add ("/spec/lockfile/an absent lock is no error and a folder is one", Folder, NULL, folder_setup,
              an_absent_lock_is_no_error_and_a_folder_is_one, folder_teardown);
  return g_test_run ();
}
