/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What of a folder its digest sees. */
#include "listing.h"
#include "plan/inputs.h"

#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *path;
  int fd;
} Folder;

static void
write_file (Folder *folder, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  vf_fs_write (folder->fd, name, text, strlen (text), 0644, &error);
  g_assert_no_error (error);
}

static void
make_folder (Folder *folder, const char *name)
{
  g_assert_cmpint (mkdirat (folder->fd, name, 0755), ==, 0);
}

static void
change_mode (Folder *folder, const char *name, mode_t mode)
{
  g_assert_cmpint (fchmodat (folder->fd, name, mode, 0), ==, 0);
}

static void
make_link (Folder *folder, const char *target, const char *name)
{
  unlinkat (folder->fd, name, 0);
  g_assert_cmpint (symlinkat (target, folder->fd, name), ==, 0);
}

static void
set_up (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  umask (022);
  folder->path = g_dir_make_tmp ("vmforge-tree-XXXXXX", &error);
  g_assert_no_error (error);
  g_assert_cmpint (chmod (folder->path, 0755), ==, 0);
  folder->fd = open (folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (folder->fd, >=, 0);
  write_file (folder, "file", "text");
  make_folder (folder, "below");
  write_file (folder, "below/leaf", "leaf");
  make_link (folder, "file", "link");
}

static void
tear_down (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  close (folder->fd);
  vf_fs_remove (-1, folder->path, &error);
  g_assert_no_error (error);
  g_free (folder->path);
}

static char *
digest (Folder *folder)
{
  g_autoptr (GError) error = NULL;
  char *digest = vf_inputs_tree_digest (folder->path, TRUE, &error);
  g_assert_no_error (error);
  return digest;
}

static void
assert_fails (Folder *folder, VmforgeError code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *expected = g_strdup_printf ("below '%s': %s", folder->path, message);
  g_autofree char *result = vf_inputs_tree_digest (folder->path, TRUE, &error);
  g_assert_null (result);
  g_assert_error (error, VMFORGE_ERROR, (int)code);
  g_assert_cmpstr (error->message, ==, expected);
}

/* ---- changes */

typedef void (*Change) (Folder *folder);

typedef struct {
  const char *name;
  Change change;
} Case;

static void
edit_content (Folder *folder)
{
  write_file (folder, "below/leaf", "fael");
}

static void
edit_mode (Folder *folder)
{
  change_mode (folder, "file", 0755);
}

static void
set_special_bits (Folder *folder)
{
  change_mode (folder, "file", 04644);
}

static void
edit_mode_of_folder (Folder *folder)
{
  change_mode (folder, "below", 0700);
}

static void
edit_own_mode (Folder *folder)
{
  change_mode (folder, ".", 0700);
}

static void
rename_file (Folder *folder)
{
  g_assert_cmpint (renameat (folder->fd, "file", folder->fd, "other"), ==, 0);
}

static void
move_file (Folder *folder)
{
  g_assert_cmpint (renameat (folder->fd, "file", folder->fd, "below/file"), ==, 0);
}

static void
add_hidden (Folder *folder)
{
  write_file (folder, ".hidden", "");
}

static void
add_empty_folder (Folder *folder)
{
  make_folder (folder, "empty");
}

static void
remove_file (Folder *folder)
{
  g_assert_cmpint (unlinkat (folder->fd, "below/leaf", 0), ==, 0);
}

static void
edit_link (Folder *folder)
{
  make_link (folder, "./file", "link");
}

static void
file_for_link (Folder *folder)
{
  unlinkat (folder->fd, "link", 0);
  write_file (folder, "link", "text");
}

static void
folder_for_file (Folder *folder)
{
  unlinkat (folder->fd, "file", 0);
  make_folder (folder, "file");
}

static const Case seen[] = {
    {"the content of a file is seen", edit_content},
    {"the mode of a file is seen", edit_mode},
    {"the bits for other users' rights are seen", set_special_bits},
    {"the mode of a folder in it is seen", edit_mode_of_folder},
    {"its own mode is seen", edit_own_mode},
    {"another name is seen", rename_file},
    {"another place is seen", move_file},
    {"a hidden file is seen", add_hidden},
    {"an empty folder is seen", add_empty_folder},
    {"that a file went is seen", remove_file},
    {"the target of a link is seen", edit_link},
    {"a file in place of a link to the same is seen", file_for_link},
    {"a folder in place of a file is seen", folder_for_file},
};

static void
touch (Folder *folder)
{
  static const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  g_assert_cmpint (utimensat (folder->fd, "file", times, 0), ==, 0);
  g_assert_cmpint (utimensat (folder->fd, "below", times, 0), ==, 0);
}

static void
edit_target_of_link (Folder *folder)
{
  make_link (folder, "/proc/uptime", "link");
}

static void
replace_by_the_same (Folder *folder)
{
  write_file (folder, "file", "text");
}

static void
make_hard_link (Folder *folder)
{
  unlinkat (folder->fd, "below/leaf", 0);
  g_assert_cmpint (linkat (folder->fd, "file", folder->fd, "below/leaf", 0), ==, 0);
}

static void
same_text (Folder *folder)
{
  write_file (folder, "below/leaf", "text");
}

/* In another order of making than set_up's. */
static void
make_again (Folder *folder)
{
  g_assert_cmpint (unlinkat (folder->fd, "below/leaf", 0), ==, 0);
  g_assert_cmpint (unlinkat (folder->fd, "below", AT_REMOVEDIR), ==, 0);
  g_assert_cmpint (unlinkat (folder->fd, "file", 0), ==, 0);
  make_link (folder, "file", "link");
  make_folder (folder, "below");
  write_file (folder, "below/leaf", "leaf");
  write_file (folder, "file", "text");
}

typedef struct {
  const char *name;
  Change before, change;
} Unseen;

static const Unseen unseen[] = {
    {"times are not seen", NULL, touch},
    {"the inode of a file is not seen", NULL, replace_by_the_same},
    {"the order of making is not seen", NULL, make_again},
    {"that two names are one file is not seen", same_text, make_hard_link},
};

static void
is_seen (Folder *folder, gconstpointer data)
{
  const Case *test = data;
  g_autofree char *before = digest (folder);
  test->change (folder);
  g_autofree char *after = digest (folder);
  g_assert_cmpstr (before, !=, after);
}

static void
is_not_seen (Folder *folder, gconstpointer data)
{
  const Unseen *test = data;
  if (test->before != NULL)
    test->before (folder);
  g_autofree char *before = digest (folder);
  test->change (folder);
  g_autofree char *after = digest (folder);
  g_assert_cmpstr (before, ==, after);
}

static void
what_a_link_leads_to_is_not_read (Folder *folder, gconstpointer data)
{
  /* Its content is another at each look. */
  edit_target_of_link (folder);
  g_autofree char *before = digest (folder);
  g_usleep (20000);
  g_autofree char *after = digest (folder);
  g_assert_cmpstr (before, ==, after);
}

static void
a_link_that_leads_nowhere_is_a_link (Folder *folder, gconstpointer data)
{
  g_autofree char *before = digest (folder);
  make_link (folder, "/nowhere/at/all", "link");
  g_autofree char *after = digest (folder);
  g_assert_cmpstr (before, !=, after);
}

static void
the_order_of_the_listing_is_not_seen (Folder *folder, gconstpointer data)
{
  g_autofree char *before = digest (folder);
  listing = LISTING_BACKWARDS;
  g_autofree char *after = digest (folder);
  listing = LISTING_REAL;
  g_assert_cmpstr (before, ==, after);
}

static void
where_the_folder_lies_is_not_seen (Folder *folder, gconstpointer data)
{
  Folder other;
  set_up (&other, NULL);
  g_autofree char *here = digest (folder);
  g_autofree char *there = digest (&other);
  tear_down (&other, NULL);
  g_assert_cmpstr (here, ==, there);
}

static void
a_folder_may_be_named_by_a_link (Folder *folder, gconstpointer data)
{
  g_autofree char *here = digest (folder);
  g_autofree char *link = g_strconcat (folder->path, ".link", NULL);
  g_assert_cmpint (symlink (folder->path, link), ==, 0);
  g_autofree char *there = vf_inputs_tree_digest (link, TRUE, NULL);
  unlink (link);
  g_assert_cmpstr (here, ==, there);
}

static void
modes_are_not_seen_where_the_spec_gives_one (Folder *folder, gconstpointer data)
{
  g_autofree char *before = vf_inputs_tree_digest (folder->path, FALSE, NULL);
  edit_mode (folder);
  edit_mode_of_folder (folder);
  edit_own_mode (folder);
  g_autofree char *after = vf_inputs_tree_digest (folder->path, FALSE, NULL);
  g_assert_nonnull (before);
  g_assert_cmpstr (before, ==, after);
  edit_content (folder);
  g_autofree char *edited = vf_inputs_tree_digest (folder->path, FALSE, NULL);
  g_assert_cmpstr (after, !=, edited);
}

/* ---- names that look like something else */

/* However the digest sets its words apart. */
static const char *const tricks[] = {"\nd 755 y", "\nd\n755\ny", " d 755 y", "d755y"};

static void
a_name_that_looks_like_two_is_one (Folder *folder, gconstpointer data)
{
  make_folder (folder, "x");
  make_folder (folder, "y");
  g_autofree char *two = digest (folder);
  g_assert_cmpint (unlinkat (folder->fd, "y", AT_REMOVEDIR), ==, 0);
  g_assert_cmpint (unlinkat (folder->fd, "x", AT_REMOVEDIR), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (tricks); i++) {
    g_autofree char *name = g_strconcat ("x", tricks[i], NULL);
    make_folder (folder, name);
    g_autofree char *one = digest (folder);
    g_assert_cmpstr (one, !=, two);
    g_assert_cmpint (unlinkat (folder->fd, name, AT_REMOVEDIR), ==, 0);
  }
}

static void
a_target_that_looks_like_more_is_one (Folder *folder, gconstpointer data)
{
  make_link (folder, "there", "x");
  make_folder (folder, "y");
  g_autofree char *two = digest (folder);
  g_assert_cmpint (unlinkat (folder->fd, "y", AT_REMOVEDIR), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (tricks); i++) {
    g_autofree char *target = g_strconcat ("there", tricks[i], NULL);
    make_link (folder, target, "x");
    g_autofree char *one = digest (folder);
    g_assert_cmpstr (one, !=, two);
  }
}

static void
a_name_need_not_be_utf8 (Folder *folder, gconstpointer data)
{
  write_file (folder, "\xff", "");
  g_autofree char *before = digest (folder);
  g_assert_cmpint (renameat (folder->fd, "\xff", folder->fd, "\xfe"), ==, 0);
  g_autofree char *after = digest (folder);
  g_assert_cmpstr (before, !=, after);
}

/* ---- what has no digest */

static void
a_pipe_is_refused_and_not_waited_for (Folder *folder, gconstpointer data)
{
  g_assert_cmpint (mkfifoat (folder->fd, "below/pipe", 0644), ==, 0);
  assert_fails (folder, VMFORGE_ERROR_SPEC, "'below/pipe' is neither a file, a folder nor a symbolic link");
}

static void
what_cannot_be_read_is_named (Folder *folder, gconstpointer data)
{
  change_mode (folder, "below/leaf", 0);
  if (geteuid () == 0)
    g_assert_cmpint (seteuid (65534), ==, 0);
  assert_fails (folder, VMFORGE_ERROR_ENVIRONMENT, "cannot read 'below/leaf': Permission denied");
  if (getuid () == 0)
    g_assert_cmpint (seteuid (0), ==, 0);
}

static void
a_folder_that_is_not_there_is_named (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vf_inputs_tree_digest ("/no/such/folder", TRUE, &error));
  g_assert_nonnull (error);
  g_assert_cmpstr (error->message, ==, "cannot read '/no/such/folder': No such file or directory");
}

static void
a_listing_that_breaks_off_is_an_error (Folder *folder, gconstpointer data)
{
  listing = LISTING_BREAKS;
  assert_fails (folder, VMFORGE_ERROR_FAILED, "cannot list '.': Input/output error");
  listing = LISTING_REAL;
}

/* Folders in one another below the folder itself. */
static void
nest (Folder *folder, guint depth)
{
  g_autoptr (GString) path = g_string_new ("d");
  for (guint i = 0; i < depth; i++, g_string_append (path, "/d"))
    make_folder (folder, path->str);
}

static void
folders_as_deep_as_the_worker_goes_are_read (Folder *folder, gconstpointer data)
{
  nest (folder, 63);
  g_autofree char *result = digest (folder);
  g_assert_nonnull (result);
}

static void
folders_deeper_than_the_worker_goes_are_refused (Folder *folder, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  nest (folder, 64);
  g_autofree char *result = vf_inputs_tree_digest (folder->path, TRUE, &error);
  g_assert_null (result);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_nonnull (strstr (error->message, "is nested deeper than 64 folders"));
}

#define ADD(test) g_test_add ("/tree-digest/" #test, Folder, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (seen); i++) {
    g_autofree char *name = g_strconcat ("/tree-digest/", seen[i].name, NULL);
    g_test_add (name, Folder, &seen[i], set_up, is_seen, tear_down);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (unseen); i++) {
    g_autofree char *name = g_strconcat ("/tree-digest/", unseen[i].name, NULL);
    g_test_add (name, Folder, &unseen[i], set_up, is_not_seen, tear_down);
  }
  ADD (what_a_link_leads_to_is_not_read);
  ADD (a_link_that_leads_nowhere_is_a_link);
  ADD (the_order_of_the_listing_is_not_seen);
  ADD (where_the_folder_lies_is_not_seen);
  ADD (a_folder_may_be_named_by_a_link);
  ADD (modes_are_not_seen_where_the_spec_gives_one);
  ADD (a_name_that_looks_like_two_is_one);
  ADD (a_target_that_looks_like_more_is_one);
  ADD (a_name_need_not_be_utf8);
  ADD (a_pipe_is_refused_and_not_waited_for);
  ADD (what_cannot_be_read_is_named);
  ADD (a_folder_that_is_not_there_is_named);
  ADD (a_listing_that_breaks_off_is_an_error);
  ADD (folders_as_deep_as_the_worker_goes_are_read);
  ADD (folders_deeper_than_the_worker_goes_are_refused);
  return g_test_run ();
}
