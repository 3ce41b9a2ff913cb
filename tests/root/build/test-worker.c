/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include "build/disk.h"
#include "support/digest.h"
#include "support/fs.h"
#include "support/process.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
assert_text (const char *root, const char *path, const char *expected)
{
  g_autofree char *full = g_build_filename (root, path, NULL), *text = NULL;
  g_file_get_contents (full, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
assert_absent (const char *root, const char *path)
{
  g_autofree char *full = g_build_filename (root, path, NULL);
  struct stat info;
  g_assert_cmpint (lstat (full, &info), !=, 0);
}

static void
assert_empty_folder (const char *root, const char *path)
{
  g_autofree char *full = g_build_filename (root, path, NULL);
  g_autoptr (GDir) dir = g_dir_open (full, 0, NULL);
  g_assert_nonnull (dir);
  g_assert_null (g_dir_read_name (dir));
}

static void
core_is_a_sealed_bootable_volume (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  g_autofree char *path = fixture_volume_path (fixture, CORE_VOLUME);
  guint8 sector[512];
  struct stat info;
  g_assert_cmpint (stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_size, ==, BYTES);
  g_assert_cmpint (info.st_mode & 0222, ==, 0);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, sector, 512, 0), ==, 512);
  g_assert_cmpint (sector[0], ==, 0xb0);
  g_assert_cmpint (sector[0x64], ==, 0xff);
  close (fd);
  g_autofree char *root = fixture_look (fixture, CORE_VOLUME);
  assert_text (root, "etc/machine-id", "");
  assert_text (root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\ntoy:x:1000:1000::/home/toy:/bin/sh\n");
  assert_absent (root, "etc/ssh/ssh_host_toy_key");
  assert_absent (root, "var/log/dpkg.log");
  assert_empty_folder (root, "run");
  assert_empty_folder (root, "tmp");
  fixture_look_end (fixture);
}

static void
the_filesystem_has_nothing_left_to_check_or_initialise (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfDiskLayout layout;
  fixture_build_core (fixture);
  g_autofree char *path = fixture_volume_path (fixture, CORE_VOLUME);
  g_assert_true (vf_disk_read (path, &layout, NULL));
  g_autofree char *device = g_strdup_printf ("%s?offset=%" G_GUINT64_FORMAT, path, layout.root.offset);
  g_autoptr (VfProcess) check = vf_process_new_args ("e2fsck", "-f", "-n", device, NULL);
  vf_process_run (check, NULL, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (VfProcess) dump = vf_process_new_args ("dumpe2fs", device, NULL);
  vf_process_run (dump, NULL, NULL, &error);
  g_assert_no_error (error);
  g_auto (GStrv) lines = g_strsplit (vf_process_get_output (dump), "\n", -1);
  for (guint i = 0; lines[i]; i++)
    if (g_str_has_prefix (lines[i], "Group ") && g_ascii_isdigit (lines[i][6]))
      g_assert_nonnull (strstr (lines[i], "ITABLE_ZEROED"));
}

/* A stage with one repository, whose key has the digest of `planned`. */
static VfJson *
job_with_key (Fixture *fixture, const char *key, const char *planned)
{
  g_autofree char *path = g_build_filename (fixture->path, "toys.asc", NULL);
  g_autofree char *digest = vf_digest_text (planned);
  g_assert_true (g_file_set_contents (path, key, -1, NULL));
  g_autofree char *members =
      g_strdup_printf ("{\"repositories\":[{\"url\":\"http://toys\",\"name\":\"toys\",\"suite\":\"one\","
                       "\"components\":[],\"key_path\":\"%s\",\"key_digest\":\"%s\"}]}",
                       path, digest);
  return fixture_next_job (fixture, "image", members);
}

static void
a_repository_key_that_changed_since_the_plan_is_refused (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture, job_with_key (fixture, "another key", "the key"), VMFORGE_ERROR_FAILED,
                "toys.asc' changed since the plan: run the build again");
}

static void
the_repository_key_of_the_plan_reaches_the_image (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_build (fixture, job_with_key (fixture, "the key", "the key"));
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME);
  assert_text (root, "etc/toys.key", "the key");
  fixture_look_end (fixture);
}

typedef struct {
  double last;
  guint count;
} Seen;

static void
on_progress (double fraction, const char *what, gpointer user_data)
{
  Seen *seen = user_data;
  g_assert_cmpfloat (fraction, >=, seen->last);
  g_assert_cmpfloat (fraction, <=, 1.0);
  g_assert_nonnull (what);
  seen->last = fraction;
  seen->count++;
}

static void
progress_never_goes_back_and_packages_are_listed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) packages = NULL;
  Seen seen = {0};
  const VfJobWatcher watcher = {.progress = on_progress, .user_data = &seen};
  fixture_build_core (fixture);
  g_autoptr (VfJson) job = fixture_next_job (
      fixture, "image",
      "{\"packages\":[{\"id\":\"ball\",\"name\":\"ball\",\"version\":\"2\",\"arch\":\"all\"}]}");
  vf_job_run (job, fixture->log_fd, -1, &watcher, &packages, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (seen.count, >, 5);
  g_assert_cmpuint (packages->len, ==, 1);
  g_assert_cmpstr (((VfPackage *)packages->pdata[0])->pub.name, ==, "ball");
}

static void
on_written (guint64 bytes, gpointer user_data)
{
  guint64 *written = user_data;
  g_assert_cmpuint (bytes, >, *written);
  *written = bytes;
}

static void
what_the_volume_takes_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 written = 0;
  const gsize length = 80 * MIB;
  const VfJobWatcher watcher = {.written = on_written, .user_data = &written};
  g_autofree char *path = g_build_filename (fixture->path, "large", NULL), *content = g_malloc (length);
  memset (content, 'x', length);
  g_assert_true (g_file_set_contents (path, content, (gssize)length, NULL));
  g_autofree char *files = g_strdup_printf ("{\"files\":[{\"from\":\"%s\",\"to\":\"/srv/large\"}]}", path);
  fixture_build_core (fixture);
  g_autoptr (VfJson) job = fixture_next_job (fixture, "appliance", files);
  vf_job_run (job, fixture->log_fd, -1, &watcher, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (written, >=, length / 10 * 9); /* some of it lies where Core had something */
  g_assert_cmpuint (written, <, 2 * length);
}

static void
a_stage_grows_into_a_larger_volume (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  fixture_build_core (fixture);
  VfJson *job =
      fixture_next_job (fixture, "appliance",
                        "{\"files\":[{\"content\":\"hello\",\"to\":\"/srv/a/b\",\"owner\":\"toy:toys\","
                        "\"mode\":416}]}");
  vf_json_set_int (job, "bytes", 3 * BYTES);
  fixture_build (fixture, job);
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME),
                  *file = g_build_filename (root, "srv/a/b", NULL);
  struct stat info;
  g_assert_cmpint (stat (file, &info), ==, 0);
  g_assert_cmpuint (info.st_uid, ==, 1000);
  g_assert_cmpuint (info.st_gid, ==, 1001);
  g_assert_cmpuint (info.st_mode & 07777, ==, 0640);
  g_autoptr (VfProcess) df = vf_process_new_args ("df", "--output=size", "-B1M", root, NULL);
  vf_process_run (df, NULL, NULL, &error);
  g_assert_no_error (error);
  const char *number = strchr (vf_process_get_output (df), '\n');
  g_assert_cmpint (g_ascii_strtoll (number + 1, NULL, 10), >, 480);
  fixture_look_end (fixture);
}

/* Core and Appliance on xfs, 512 and 768 MiB large. */
static void
build_on_xfs (Fixture *fixture)
{
  static const char *const no_arguments[] = {NULL};
  VfJson *core = fixture_core_job (fixture), *next = fixture_next_job (fixture, "appliance", "{}");
  VfJson *jobs[] = {core, next};
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++) {
    vf_json_set_string (jobs[i], "filesystem", "xfs");
    vf_json_set (jobs[i], "mkfs", vf_json_from_strv (no_arguments));
    vf_json_set_int (jobs[i], "bytes", (gint64)((2 + i) * 256 * MIB));
  }
  fixture_build (fixture, core);
  fixture_build (fixture, next);
}

static void
xfs_is_made_with_the_identity_of_core_and_grows (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfDiskLayout layout;
  build_on_xfs (fixture);
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME),
                  *path = fixture_volume_path (fixture, NEXT_VOLUME);
  g_autofree char *fstab = g_build_filename (root, "etc/fstab", NULL), *lines = NULL;
  g_autoptr (VfProcess) df = vf_process_new_args ("df", "--output=size", "-B1M", root, NULL);
  vf_process_run (df, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_ascii_strtoll (strchr (vf_process_get_output (df), '\n') + 1, NULL, 10), >, 600);
  g_assert_true (vf_disk_read (path, &layout, NULL));
  g_autofree char *offset = g_strdup_printf ("%" G_GUINT64_FORMAT, layout.root.offset);
  g_autoptr (VfProcess) blkid = vf_process_new_args ("blkid", "-p", "-O", offset, "-s", "UUID", "-s", "TYPE",
                                                     "-o", "export", path, NULL);
  vf_process_run (blkid, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (vf_process_get_output (blkid), "TYPE=xfs"));
  g_autofree char *uuid = g_strndup (strstr (vf_process_get_output (blkid), "UUID="), strlen ("UUID=") + 36);
  g_assert_true (g_file_get_contents (fstab, &lines, NULL, NULL));
  g_autofree char *line = g_strconcat (uuid, " / xfs defaults 0 ", NULL);
  g_assert_true (g_str_has_prefix (lines, line));
  fixture_look_end (fixture);
}

static void
ext4_is_not_made_of_the_hosts_defaults (Fixture *fixture, gconstpointer data)
{
  VfJson *job = fixture_core_job (fixture);
  json_object_object_del (job, "mkfs");
  fixture_fail (fixture, job, VMFORGE_ERROR_SPEC, "add its features to disk.filesystems.ext4.mkfs");
}

static void
a_file_that_leaves_the_root_is_refused (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture,
                fixture_next_job (fixture, "appliance",
                                  "{\"files\":[{\"link\":\"../../../../../tmp\",\"to\":\"/var/evil\"},"
                                  "{\"content\":\"x\",\"to\":\"/var/evil/vmforge-escaped\"}]}"),
                VMFORGE_ERROR_SPEC, "/var/evil/vmforge-escaped");
  g_assert_false (g_file_test ("/tmp/vmforge-escaped", G_FILE_TEST_EXISTS));
}

static void
a_file_that_a_link_leads_into_memory_is_refused (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture,
                fixture_next_job (fixture, "appliance",
                                  "{\"files\":[{\"link\":\"../run\",\"to\":\"/srv/link\"},"
                                  "{\"content\":\"x\",\"to\":\"/srv/link/x\"}]}"),
                VMFORGE_ERROR_SPEC, "'/srv/link/x' would lie in /run, and nothing there is part of an image");
}

static void
a_link_into_memory_is_replaced_by_a_file (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_build (fixture, fixture_next_job (fixture, "appliance",
                                            "{\"files\":[{\"link\":\"../run/x\",\"to\":\"/etc/resolv.conf\"},"
                                            "{\"content\":\"x\",\"to\":\"/etc/resolv.conf\"}]}"));
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME);
  assert_text (root, "etc/resolv.conf", "x");
  fixture_look_end (fixture);
}

static void
on_warning (const char *message, gpointer user_data)
{
  g_string_append_printf (user_data, "%s\n", message);
}

static void
a_host_key_that_was_placed_stays_with_a_warning (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) warnings = g_string_new (NULL);
  const VfJobWatcher watcher = {.warning = on_warning, .user_data = warnings};
  static const char files[] = "[{\"content\":\"secret\",\"to\":\"/etc/ssh/ssh_host_own_key\"},"
                              "{\"content\":\"public\",\"to\":\"/etc/ssh/ssh_host_own_key.pub\"}]";
  g_autoptr (VfJson) core = fixture_core_job (fixture);
  vf_json_set (core, "files", vf_json_parse (files, strlen (files), NULL));
  vf_job_run (core, fixture->log_fd, -1, &watcher, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (
      warnings->str, ==,
      "stage 'core' places '/etc/ssh/ssh_host_own_key': every machine made of the image has this ssh "
      "host key\n");
  /* A stage above, in which a script makes one more. */
  fixture_build (
      fixture,
      fixture_next_job (fixture, "appliance",
                        "{\"run\":[{\"label\":\"a\",\"command\":\"write /etc/ssh/ssh_host_new_key x\"}]}"));
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME);
  assert_text (root, "etc/ssh/ssh_host_own_key", "secret");
  assert_text (root, "etc/ssh/ssh_host_own_key.pub", "public");
  assert_absent (root, "etc/ssh/ssh_host_toy_key");
  assert_absent (root, "etc/ssh/ssh_host_new_key");
  fixture_look_end (fixture);
}

static void
a_failing_step_tells_stage_label_status_and_last_line (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (
      fixture,
      fixture_next_job (fixture, "appliance",
                        "{\"run\":[{\"label\":\"run[0] (spec.yaml:12:5)\",\"command\":\"exit 3\"}]}"),
      VMFORGE_ERROR_FAILED, "stage 'appliance': run[0] (spec.yaml:12:5) exited with status 3: going down");
}

static void
scripts_and_commands_share_run_and_tmp_which_do_not_ship (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_build (fixture,
                 fixture_next_job (fixture, "appliance",
                                   "{\"run\":[{\"label\":\"a\",\"command\":\"write /tmp/kept x\"},"
                                   "{\"label\":\"b\",\"script\":\"#!/bin/sh\\nwrite /root/made by script\"},"
                                   "{\"label\":\"c\",\"script\":\"exists /tmp/kept\"}]}"));
  g_autofree char *log = fixture_log (fixture);
  g_assert_nonnull (strstr (log, "/tmp/kept: worked"));
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME);
  assert_text (root, "root/made", "by script");
  assert_empty_folder (root, "run");
  assert_empty_folder (root, "tmp");
  fixture_look_end (fixture);
}

static void
packages_that_cannot_fit_are_refused_before_they_are_unpacked (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  static const char job[] =
      "{\"packages\":[{\"id\":\"big\",\"name\":\"big\",\"version\":\"1\",\"arch\":\"all\","
      "\"installed_size\":900000000}]}";
  fixture_fail (fixture, fixture_next_job (fixture, "image", job), VMFORGE_ERROR_NO_SPACE,
                "in a volume of 200 MiB: raise `size` of stage 'image'");
}

static void
a_boot_file_that_is_a_pipe_is_refused (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture,
                fixture_next_job (fixture, "image",
                                  "{\"boot\":true,\"packages\":[{\"id\":\"pipe\",\"name\":\"pipe\","
                                  "\"version\":\"1\",\"arch\":\"all\"}]}"),
                VMFORGE_ERROR_FAILED, "'/boot/toy.efi' in the root filesystem is no regular file");
}

static void
a_full_volume_is_called_so (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture,
                fixture_next_job (fixture, "appliance",
                                  "{\"run\":[{\"label\":\"run[0]\",\"command\":\"fill /root/big\"}]}"),
                VMFORGE_ERROR_NO_SPACE, "raise `disk.size`");
}

static void
a_plugin_that_crashes_takes_only_its_worker_along (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture,
                fixture_next_job (fixture, "image",
                                  "{\"packages\":[{\"id\":\"plugin-crash\",\"name\":\"plugin-crash\","
                                  "\"version\":\"1\",\"arch\":\"all\"}]}"),
                VMFORGE_ERROR_FAILED, "stage 'image': the worker process died of signal 6");
}

static void
a_daemon_that_a_script_leaves_ends_with_it (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  g_autofree char *job =
      g_strdup_printf ("{\"run\":[{\"label\":\"a\",\"command\":\"daemon 99%d\"}]}", getpid ());
  fixture_build (fixture, fixture_next_job (fixture, "appliance", job));
}

#define ADD(test) g_test_add ("/worker/" #test, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main (int argc, char **argv)
{
  fixture_need_root ();
  g_test_init (&argc, &argv, NULL);
  ADD (core_is_a_sealed_bootable_volume);
  ADD (the_filesystem_has_nothing_left_to_check_or_initialise);
  ADD (progress_never_goes_back_and_packages_are_listed);
  ADD (a_repository_key_that_changed_since_the_plan_is_refused);
  ADD (the_repository_key_of_the_plan_reaches_the_image);
  ADD (what_the_volume_takes_is_told);
  ADD (a_stage_grows_into_a_larger_volume);
  ADD (xfs_is_made_with_the_identity_of_core_and_grows);
  ADD (ext4_is_not_made_of_the_hosts_defaults);
  ADD (a_file_that_leaves_the_root_is_refused);
  ADD (a_file_that_a_link_leads_into_memory_is_refused);
  ADD (a_link_into_memory_is_replaced_by_a_file);
  ADD (a_host_key_that_was_placed_stays_with_a_warning);
  ADD (a_failing_step_tells_stage_label_status_and_last_line);
  ADD (scripts_and_commands_share_run_and_tmp_which_do_not_ship);
  ADD (packages_that_cannot_fit_are_refused_before_they_are_unpacked);
  ADD (a_boot_file_that_is_a_pipe_is_refused);
  ADD (a_full_volume_is_called_so);
  ADD (a_plugin_that_crashes_takes_only_its_worker_along);
  ADD (a_daemon_that_a_script_leaves_ends_with_it);
  return g_test_run ();
}
