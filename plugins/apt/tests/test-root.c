/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files of a root filesystem in which a package put what it liked. */
#include "fake-host.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  FakeHost fake;
  struct vmforge_root root;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fake_host_init (&fixture->fake, "{}");
  g_autofree char *etc = g_build_filename (fixture->fake.folder, "root", "etc", NULL);
  g_assert_cmpint (g_mkdir_with_parents (etc, 0755), ==, 0);
  char *path = g_path_get_dirname (etc);
  fixture->root = (struct vmforge_root){
      .size = sizeof fixture->root, .path = path, .fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC)};
  g_assert_cmpint (fixture->root.fd, >=, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->root.fd);
  g_free ((char *)fixture->root.path);
  fake_host_clear (&fixture->fake);
}

static char *
place (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->root.path, name, NULL);
}

static int
write_text (Fixture *fixture, const char *path, const char *text)
{
  return pkg_write (&fixture->fake.call, &fixture->root, path, text, strlen (text), 0640);
}

static void
assert_file (Fixture *fixture, const char *name, const char *wanted)
{
  g_autofree char *path = place (fixture, name), *text = NULL;
  struct stat st;
  g_assert_cmpint (lstat (path, &st), ==, 0);
  g_assert_true (S_ISREG (st.st_mode));
  g_assert_cmpint (st.st_mode & 07777, ==, 0640);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, wanted);
}

static void
a_fifo_is_replaced (Fixture *fixture, gconstpointer data)
{
  g_autofree char *fifo = place (fixture, "etc/fifo");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (write_text (fixture, "etc/fifo", "text"), ==, 0);
  assert_file (fixture, "etc/fifo", "text");
}

static void
a_link_is_replaced_and_its_target_stays (Fixture *fixture, gconstpointer data)
{
  g_autofree char *target = fake_host_write (&fixture->fake, "root/etc/target", "before");
  g_autofree char *link = place (fixture, "etc/link"), *text = NULL;
  g_assert_cmpint (symlink ("target", link), ==, 0);
  g_assert_cmpint (write_text (fixture, "etc/link", "after"), ==, 0);
  assert_file (fixture, "etc/link", "after");
  g_assert_true (g_file_get_contents (target, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "before");
}

static void
whoever_has_the_old_file_open_keeps_it (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (write_text (fixture, "etc/file", "old text"), ==, 0);
  g_autofree char *path = place (fixture, "etc/file");
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (write_text (fixture, "etc/file", "new"), ==, 0);
  char buffer[16];
  g_assert_cmpint (read (fd, buffer, sizeof buffer), ==, strlen ("old text"));
  close (fd);
  assert_file (fixture, "etc/file", "new");
}

static void
folders_are_made_inside_the_root_alone (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = place (fixture, "out"),
                  *outside = g_build_filename (fixture->fake.folder, "x", NULL);
  g_assert_cmpint (symlink (fixture->fake.folder, link), ==, 0);
  g_assert_cmpint (write_text (fixture, "a/b/c", "deep"), ==, 0);
  assert_file (fixture, "a/b/c", "deep");
  g_assert_cmpint (write_text (fixture, "out/x", "text"), ==, -1);
  fake_host_assert_error (&fixture->fake, VMFORGE_PLUGIN_FAILED, "cannot write '/out/x' in the image");
  g_assert_false (g_file_test (outside, G_FILE_TEST_EXISTS));
}

static void
what_is_no_regular_file_is_not_read (Fixture *fixture, gconstpointer data)
{
  g_autofree char *fifo = place (fixture, "etc/fifo");
  g_autoptr (GString) text = g_string_new (NULL);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  static const char *const paths[] = {"etc/fifo", "etc"};
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_assert_cmpint (pkg_read (&fixture->fake.call, &fixture->root, paths[i], 100, text), ==, -1);
    fake_host_assert_error (&fixture->fake, VMFORGE_PLUGIN_FAILED, "is no regular file");
  }
  g_assert_cmpuint (text->len, ==, 0);
}

static void
a_huge_file_is_not_read (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = fake_host_write (&fixture->fake, "root/etc/huge", "");
  g_autoptr (GString) text = g_string_new (NULL);
  g_assert_cmpint (truncate (path, (off_t)1 << 40), ==, 0);
  g_assert_cmpint (pkg_read (&fixture->fake.call, &fixture->root, "etc/huge", 100, text), ==, -1);
  fake_host_assert_error (&fixture->fake, VMFORGE_PLUGIN_FAILED,
                          "cannot read '/etc/huge' in the image: File too");
  g_assert_cmpuint (text->len, ==, 0);
}

static void
a_file_is_read_and_an_absent_one_is_empty (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = fake_host_write (&fixture->fake, "root/etc/file", "text");
  g_autoptr (GString) text = g_string_new (NULL);
  g_assert_cmpint (pkg_read (&fixture->fake.call, &fixture->root, "etc/absent", 4, text), ==, 0);
  g_assert_cmpuint (text->len, ==, 0);
  g_assert_cmpint (pkg_read (&fixture->fake.call, &fixture->root, "etc/file", 4, text), ==, 0);
  g_assert_cmpstr (text->str, ==, "text");
}

#define ADD(function) g_test_add ("/apt/root/" #function, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (a_fifo_is_replaced);
  ADD (a_link_is_replaced_and_its_target_stays);
  ADD (whoever_has_the_old_file_open_keeps_it);
  ADD (folders_are_made_inside_the_root_alone);
  ADD (what_is_no_regular_file_is_not_read);
  ADD (a_huge_file_is_not_read);
  ADD (a_file_is_read_and_an_absent_one_is_empty);
  return g_test_run ();
}
