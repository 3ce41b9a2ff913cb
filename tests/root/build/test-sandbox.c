/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "fixture.h"

#include "build/sandbox.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What one command prints in the sandbox of a stage. more: other members of the step and of the job. */
static char *
say_more (Fixture *fixture, const char *command, const char *more)
{
  g_autofree char *job =
      g_strdup_printf ("{\"run\":[{\"label\":\"MARK\",\"command\":\"%s\"%s}", command, more);
  fixture_build_core (fixture);
  fixture_build (fixture, fixture_next_job (fixture, "appliance", job));
  g_autofree char *log = fixture_log (fixture);
  char *start = strstr (log, "vmforge: MARK: ");
  g_assert_nonnull (start);
  start = strchr (start, '\n') + 1;
  char *end = strstr (start, "vmforge: running scripts took");
  g_assert_nonnull (end);
  return g_strndup (start, end - start);
}

static char *
say (Fixture *fixture, const char *command)
{
  return say_more (fixture, command, "}]");
}

static void
there_is_no_network_interface_but_loopback (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "nets");
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3); /* two lines of headings */
  g_assert_nonnull (strstr (lines[2], "lo:"));
}

static void
the_environment_is_minimal (Fixture *fixture, gconstpointer data)
{
  g_setenv ("VMFORGE_TEST_SECRET", "secret", TRUE);
  g_setenv ("http_proxy", "http://user:secret@proxy", TRUE);
  g_autofree char *text = say (fixture, "env");
  g_unsetenv ("http_proxy");
  g_assert_null (strstr (text, "secret"));
  static const char *const known[] = {"PATH=",
                                      "HOME=/root",
                                      "TERM=",
                                      "LC_ALL=C.UTF-8",
                                      "TZ=UTC",
                                      "SYSTEMD_OFFLINE=1",
                                      "SOURCE_DATE_EPOCH=1700000000",
                                      "PWD=/",
                                      NULL};
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    gboolean expected = FALSE;
    for (guint k = 0; known[k]; k++)
      expected = expected || g_str_has_prefix (lines[i], known[k]);
    if (!expected)
      g_error ("unexpected in the environment: %s", lines[i]);
  }
}

static guint64
bit_of (const char *name)
{
  static const struct {
    const char *name;
    int number;
  } known[] = {
      {"CAP_CHOWN", CAP_CHOWN},
      {"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
      {"CAP_FOWNER", CAP_FOWNER},
      {"CAP_FSETID", CAP_FSETID},
      {"CAP_KILL", CAP_KILL},
      {"CAP_SETGID", CAP_SETGID},
      {"CAP_SETUID", CAP_SETUID},
      {"CAP_SETFCAP", CAP_SETFCAP},
      {"CAP_SETPCAP", CAP_SETPCAP},
      {"CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
      {"CAP_SYS_CHROOT", CAP_SYS_CHROOT},
      {"CAP_AUDIT_WRITE", CAP_AUDIT_WRITE},
      {"CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH},
  };
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (known[i].name, name) == 0)
      return G_GUINT64_CONSTANT (1) << known[i].number;
  g_error ("the test does not know %s: should the sandbox keep it?", name);
}

static void
capabilities_are_exactly_the_listed_ones (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "caps");
  guint64 expected = 0;
  for (const char *const *name = vf_sandbox_capabilities (); *name; name++)
    expected |= bit_of (*name);
  static const char *const sets[] = {"CapPrm:\t", "CapEff:\t"};
  for (guint i = 0; i < G_N_ELEMENTS (sets); i++) {
    const char *found = strstr (text, sets[i]);
    g_assert_nonnull (found);
    g_assert_cmphex (g_ascii_strtoull (found + strlen (sets[i]), NULL, 16), ==, expected);
  }
}

static void
nothing_can_be_mounted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "mount /root");
  g_assert_cmpstr (text, ==, "mount: Operation not permitted\n");
}

static void
no_device_node_can_be_made (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "mknod /root/loop");
  g_assert_cmpstr (text, ==, "mknod: Operation not permitted\n");
}

static void
no_path_of_the_host_is_visible (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "mounts");
  g_assert_null (strstr (text, fixture->path));
  g_assert_null (strstr (text, "/run/vmforge"));
}

static void
the_store_cannot_be_reached (Fixture *fixture, gconstpointer data)
{
  g_autofree char *command = g_strconcat ("exists ", fixture->path, NULL);
  g_autofree char *text = say (fixture, command);
  g_assert_nonnull (strstr (text, "No such file or directory"));
}

static void
syncing_costs_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "fsync");
  g_assert_cmpstr (text, ==, "fsync: worked\n");
}

static void
an_absent_program_is_named (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_fail (fixture, fixture_next_job (fixture, "appliance", "{\"users\":[{\"name\":\"new\"}]}"),
                VMFORGE_ERROR_FAILED, "there is no program 'useradd' in the root filesystem");
}

#define POLICY "#!/bin/sh\nexit 101\n"

static void
assert_file (Fixture *fixture, const char *path, const char *expected)
{
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME), *full = g_build_filename (root, path, NULL);
  g_autofree char *text = NULL;
  g_file_get_contents (full, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, expected);
  fixture_look_end (fixture);
}

static void
no_service_may_be_started_and_nothing_of_that_ships (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say (fixture, "show /usr/sbin/policy-rc.d");
  g_assert_cmpstr (text, ==, POLICY);
  assert_file (fixture, "usr/sbin/policy-rc.d", NULL);
}

static struct timespec
modified (Fixture *fixture, const char *volume, const char *path)
{
  g_autofree char *root = fixture_look (fixture, volume), *full = g_build_filename (root, path, NULL);
  struct stat info;
  g_assert_cmpint (stat (full, &info), ==, 0);
  fixture_look_end (fixture);
  return info.st_mtim;
}

static void
a_run_leaves_the_time_of_the_folders_as_it_was (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say_more (fixture, "true", ",\"network\":true}]");
  struct timespec before = modified (fixture, CORE_VOLUME, "usr/sbin"),
                  after = modified (fixture, NEXT_VOLUME, "usr/sbin");
  g_assert_cmpint (before.tv_sec, ==, after.tv_sec);
  g_assert_cmpint (before.tv_nsec, ==, after.tv_nsec);
}

static void
an_image_keeps_its_own_policy (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = say_more (fixture, "show /usr/sbin/policy-rc.d",
                                    "}],\"files\":[{\"content\":\"own\",\"to\":\"/usr/sbin/policy-rc.d\"}]");
  g_assert_cmpstr (text, ==, POLICY);
  assert_file (fixture, "usr/sbin/policy-rc.d", "own");
}

static char *
host_resolver (void)
{
  char *text = NULL;
  if (!g_file_get_contents ("/etc/resolv.conf", &text, NULL, NULL))
    g_test_skip ("this host has no /etc/resolv.conf");
  return text;
}

static void
a_step_with_network_has_name_servers_and_leaves_no_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *servers = host_resolver ();
  if (!servers)
    return;
  g_autofree char *text = say_more (fixture, "show /etc/resolv.conf", ",\"network\":true}]");
  g_assert_nonnull (strstr (text, g_strstrip (servers)));
  assert_file (fixture, "etc/resolv.conf", NULL);
}

static void
a_link_of_name_servers_stays_and_its_target_is_not_made (Fixture *fixture, gconstpointer data)
{
  g_autofree char *servers = host_resolver ();
  if (!servers)
    return;
  g_autofree char *text =
      say_more (fixture, "show /etc/resolv.conf",
                ",\"network\":true}],\"files\":["
                "{\"link\":\"../var/lib/names/deep/resolv.conf\",\"to\":\"/etc/resolv.conf\"}]");
  g_assert_nonnull (strstr (text, g_strstrip (servers)));
  g_autofree char *root = fixture_look (fixture, NEXT_VOLUME);
  g_autofree char *link = g_build_filename (root, "etc/resolv.conf", NULL),
                  *made = g_build_filename (root, "var/lib/names", NULL);
  g_autofree char *target = g_file_read_link (link, NULL);
  g_assert_cmpstr (target, ==, "../var/lib/names/deep/resolv.conf");
  g_assert_false (g_file_test (made, G_FILE_TEST_EXISTS));
  fixture_look_end (fixture);
}

static void
what_a_step_puts_in_place_of_the_link_stays (Fixture *fixture, gconstpointer data)
{
  fixture_build_core (fixture);
  fixture_build (
      fixture,
      fixture_next_job (fixture, "appliance",
                        "{\"files\":[{\"link\":\"../root/servers\",\"to\":\"/etc/resolv.conf\"}],\"run\":["
                        "{\"label\":\"a\",\"command\":\"remove /etc/resolv.conf\",\"network\":true},"
                        "{\"label\":\"b\",\"command\":\"write /etc/resolv.conf own\"}]}"));
  assert_file (fixture, "etc/resolv.conf", "own");
  assert_file (fixture, "root/servers", NULL);
}

#define ADD(test) g_test_add ("/sandbox/" #test, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main (int argc, char **argv)
{
  fixture_need_root ();
  g_test_init (&argc, &argv, NULL);
  ADD (there_is_no_network_interface_but_loopback);
  ADD (the_environment_is_minimal);
  ADD (capabilities_are_exactly_the_listed_ones);
  ADD (nothing_can_be_mounted);
  ADD (no_device_node_can_be_made);
  ADD (no_path_of_the_host_is_visible);
  ADD (the_store_cannot_be_reached);
  ADD (syncing_costs_nothing);
  ADD (no_service_may_be_started_and_nothing_of_that_ships);
  ADD (a_run_leaves_the_time_of_the_folders_as_it_was);
  ADD (an_image_keeps_its_own_policy);
  ADD (a_step_with_network_has_name_servers_and_leaves_no_file);
  ADD (a_link_of_name_servers_stays_and_its_target_is_not_made);
  ADD (what_a_step_puts_in_place_of_the_link_stays);
  ADD (an_absent_program_is_named);
  return g_test_run ();
}
