/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Every kind of difference between two trees, and none between equal ones. */
#include "image/diff-tree.h"
#include "support/fs.h"
#include "support/process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct {
  char *folder, *a, *b;
  GString *told; /* "PATH WHAT A|B @OFFSET;" each */
} Fixture;

/* In both trees. */
static void
both (const Fixture *fixture, const char *script)
{
  const char *const trees[] = {fixture->a, fixture->b};
  for (guint i = 0; i < G_N_ELEMENTS (trees); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfProcess) process = vf_process_new_args ("sh", "-ec", script, NULL);
    vf_process_set_cwd (process, trees[i]);
    vf_process_run (process, NULL, NULL, &error);
    g_assert_no_error (error);
  }
}

static void
in_b (const Fixture *fixture, const char *script)
{
  g_autofree char *whole = g_strdup_printf ("case $PWD in */b) %s;; esac", script);
  both (fixture, whole);
}

static void
settle (const Fixture *fixture)
{
  both (fixture, "find . -depth -exec touch -h -d @1700000000 {} +");
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("vmforge-diff-XXXXXX", NULL);
  fixture->a = g_build_filename (fixture->folder, "a", NULL);
  fixture->b = g_build_filename (fixture->folder, "b", NULL);
  fixture->told = g_string_new (NULL);
  g_assert_cmpint (mkdir (fixture->a, 0755), ==, 0);
  g_assert_cmpint (mkdir (fixture->b, 0755), ==, 0);
  both (fixture, "mkdir -p etc usr/bin; echo text >etc/file; echo more >etc/other; ln -s file etc/link;"
                 "echo program >usr/bin/one; ln usr/bin/one usr/bin/two; mkfifo pipe");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_true (vf_fs_remove (AT_FDCWD, fixture->folder, NULL));
  g_free (fixture->folder);
  g_free (fixture->a);
  g_free (fixture->b);
  g_string_free (fixture->told, TRUE);
}

static void
on_difference (const VfDifference *difference, gpointer user_data)
{
  Fixture *fixture = user_data;
  g_string_append_printf (fixture->told, "%s %s %s|%s", difference->path, difference->what,
                          difference->a == NULL ? "-" : difference->a,
                          difference->b == NULL ? "-" : difference->b);
  if (difference->offset >= 0)
    g_string_append_printf (fixture->told, " @%" G_GINT64_FORMAT, difference->offset);
  g_string_append_c (fixture->told, ';');
}

static void
assert_told (Fixture *fixture, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  const VfDiffWalk walk = {.func = on_difference, .user_data = fixture, .prefix = ""};
  g_string_truncate (fixture->told, 0);
  vf_diff_walk (&walk, fixture->a, fixture->b, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (fixture->told->str, ==, wanted);
}

/* Changes b alone, sets all times back, and compares. */
static void
assert_change (Fixture *fixture, const char *script, const char *wanted)
{
  in_b (fixture, script);
  settle (fixture);
  assert_told (fixture, wanted);
}

static void
test_equal (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, ":", "");
}

static void
test_paths (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, "rm etc/other; mkdir etc/new; echo x >etc/new/inner",
                 "/etc/new path -|folder;/etc/other path file|-;");
}

static void
test_type (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, "rm etc/other; mkdir etc/other; echo x >etc/other/inner",
                 "/etc/other type file|folder;");
}

static void
test_mode (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, "chmod 4755 etc/file; chmod 1777 etc",
                 "/etc mode 0755|1777;/etc/file mode 0644|4755;");
}

static void
test_content (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, "echo teXt >etc/file; echo more >>etc/other",
                 "/etc/file content 5 bytes|5 bytes @2;/etc/other content 5 bytes|10 bytes @5;");
}

/* Beyond what is read at once. */
static void
test_large_content (Fixture *fixture, gconstpointer data)
{
  both (fixture, "truncate -s 1000000 etc/file");
  assert_change (fixture, "printf x | dd of=etc/file bs=1 seek=777777 conv=notrunc status=none",
                 "/etc/file content 1000000 bytes|1000000 bytes @777777;");
}

static void
test_target (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, "ln -sf other etc/link", "/etc/link target file|other;");
}

static void
test_links (Fixture *fixture, gconstpointer data)
{
  assert_change (fixture, "rm usr/bin/two; echo program >usr/bin/two",
                 "/usr/bin/one links /usr/bin/one|-;/usr/bin/two links /usr/bin/one|-;");
}

static void
test_time (Fixture *fixture, gconstpointer data)
{
  settle (fixture);
  in_b (fixture, "touch -h -d '2026-11-23 05:00:00.000000001 UTC' etc/link");
  assert_told (fixture, "/etc/link mtime 2023-11-14T22:13:20.000000000Z|2026-11-23T05:00:00.000000001Z;");
}

static void
test_xattr (Fixture *fixture, gconstpointer data)
{
  g_autofree char *a = g_build_filename (fixture->a, "etc/file", NULL);
  g_autofree char *b = g_build_filename (fixture->b, "etc/file", NULL);
  if (setxattr (a, "user.one", "1", 1, 0) != 0) {
    g_test_skip ("kernel lacks user attributes on this filesystem");
    return;
  }
  g_assert_cmpint (setxattr (b, "user.one", "2", 1, 0), ==, 0);
  g_assert_cmpint (setxattr (b, "user.two", "\0\xff", 2, 0), ==, 0);
  assert_change (fixture, ":", "/etc/file xattr user.one \"1\"|\"2\";/etc/file xattr user.two -|0x00ff;");
}

static void
test_owner_and_device (Fixture *fixture, gconstpointer data)
{
  if (geteuid () != 0) {
    g_test_skip ("needs root");
    return;
  }
  both (fixture, "mknod device c 1 3; chown -h 7:8 etc/link");
  assert_change (fixture, "rm device; mknod device c 1 5; chown -h 7:9 etc/link",
                 "/device device 1:3|1:5;/etc/link owner 7:8|7:9;");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/diff/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("equal trees have no difference", test_equal);
  ADD ("what one side alone has is told once", test_paths);
  ADD ("another type", test_type);
  ADD ("another mode, of a folder too", test_mode);
  ADD ("contents: the first byte that differs", test_content);
  ADD ("contents: far into a file", test_large_content);
  ADD ("another target of a link", test_target);
  ADD ("a hard link that is a file of its own", test_links);
  ADD ("a time that differs by a nanosecond", test_time);
  ADD ("extended attributes", test_xattr);
  ADD ("another owner, another device", test_owner_and_device);
  return g_test_run ();
}
