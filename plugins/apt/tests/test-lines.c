/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the user is told of a program that failed. */
#include "fake-host.h"

static void
explain (FakeHost *fake, const char *line, enum vmforge_plugin_error code, const char *part)
{
  g_auto (AptLines) lines;
  apt_lines_init (&lines, FALSE);
  apt_lines_add (&lines, 2, "E: Some index files failed to download");
  apt_lines_add (&lines, 2, line);
  g_assert_cmpint (apt_lines_explain (&fake->call, &lines, "cannot do it"), ==, -1);
  fake_host_assert_error (fake, code, part);
}

/* As apt 2.6 and its http method say it. */
static const char *const network[] = {
    "E: Failed to fetch http://a.example/x  Temporary failure resolving 'a.example'",
    "E: Failed to fetch http://a.example/x  Could not resolve 'a.example'",
    "W: Failed to fetch http://a.example/x  Something wicked happened resolving 'a.example:http' (-5 - No "
    "address)",
    "E: Failed to fetch http://a.example/x  System error resolving 'a.example:http'",
    "E: Failed to fetch http://a.example/x  Could not connect to a.example:80 (192.0.2.1). - connect (111: "
    "Connection refused)",
    "E: Failed to fetch http://a.example/x  Could not connect to a.example:80 (192.0.2.1), connection timed "
    "out",
    "E: Failed to fetch http://a.example/x  Cannot initiate the connection to a.example:80 (2001:db8::1). - "
    "connect (101: Network is unreachable)",
    "E: Failed to fetch http://a.example/x  Unable to connect to a.example:http:",
    "E: Failed to fetch http://a.example/x  Connection failed [IP: 192.0.2.1 80]",
    "E: Failed to fetch http://a.example/x  Connection timed out [IP: 192.0.2.1 80]",
    "E: Failed to fetch http://a.example/x  Error reading from server. Remote end closed connection",
    "E: Failed to fetch http://a.example/x  Error reading from server - read (104: Connection reset by peer)",
    "E: Failed to fetch http://a.example/x  SOCKS proxy p could not connect to a (b) due to: c (1)",
};

static void
a_network_that_fails_is_the_environment (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  for (guint i = 0; i < G_N_ELEMENTS (network); i++)
    explain (&fake, network[i], VMFORGE_PLUGIN_ENVIRONMENT, "check the network");
}

static void
other_causes_are_not (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  explain (&fake, "E: The repository 'http://a.example x Release' is not signed.", VMFORGE_PLUGIN_FAILED,
           "cannot do it: The repository 'http://a.example x Release' is not signed. (only signed");
  explain (&fake, "E: Failed to fetch http://a.example/x  404  Not Found [IP: 192.0.2.1 80]",
           VMFORGE_PLUGIN_FAILED, "--refresh 0");
  explain (&fake, "E: Write error - write (28: No space left on device)", VMFORGE_PLUGIN_NO_SPACE, "full");
  explain (&fake, "E: Something else", VMFORGE_PLUGIN_FAILED,
           "cannot do it: Some index files failed to download");
}

static void
metadata_and_archives_share_the_causes (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  const char *const errors[] = {network[0], NULL};
  const struct vmforge_package_request request = {.size = sizeof request};
  char snapshot[65];
  fake.status = 100;
  fake.errors = errors;
  fake.failing = "apt-get";
  g_assert_cmpint (apt_refresh (&fake.apt, &fake.call, &request, snapshot), ==, -1);
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_ENVIRONMENT,
                          "cannot update the package lists: Failed to fetch");
  struct vmforge_package package = {
      .size = sizeof package, .name = "a", .version = "1", .url = "http://a.example/a", .digest = "0"};
  const struct vmforge_package *const packages[] = {&package, NULL};
  fake.failing = "/usr/lib/apt/apt-helper";
  g_assert_cmpint (apt_fetch (&fake.apt, &fake.call, packages), ==, -1);
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_ENVIRONMENT, "cannot fetch packages: Failed to fetch");
}

static void
what_nobody_has_is_named (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  const char *const errors[] = {"E: Failed to fetch http://a.example/b  404  Not Found", NULL};
  struct vmforge_package a = {
      .size = sizeof a, .name = "a", .version = "1", .url = "http://a.example/a", .digest = "0"};
  struct vmforge_package b = a;
  b.name = "b";
  b.url = "http://a.example/b";
  const struct vmforge_package *const one[] = {&b, NULL}, *const two[] = {&a, &b, NULL};
  fake.status = 100;
  fake.errors = errors;
  fake.failing = "/usr/lib/apt/apt-helper";
  g_assert_cmpint (apt_fetch (&fake.apt, &fake.call, one), ==, -1);
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED,
                          "Failed to fetch http://a.example/b  404  Not Found, which is package 'b' 1 (");
  g_assert_cmpint (apt_fetch (&fake.apt, &fake.call, two), ==, -1);
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED,
                          ", for package 'a' 1 from 'http://a.example/a' and 1 more (");
}

static void
the_last_line_of_errors_is_told (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  const char *const output[] = {"one", "two", "", NULL}, *const errors[] = {"first", "  the reason ", " ",
                                                                            NULL};
  const char *argv[] = {"x", NULL};
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  fake.status = 7;
  g_assert_cmpint (pkg_run (&fake.call, &program, NULL, VMFORGE_PLUGIN_FAILED, "'x'"), ==, -1);
  g_assert_cmpstr (fake.message, ==, "'x' exited with status 7");
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "'x'");
  fake.output = output;
  g_assert_cmpint (pkg_run (&fake.call, &program, NULL, VMFORGE_PLUGIN_ENVIRONMENT, "'x'"), ==, -1);
  g_assert_cmpstr (fake.message, ==, "'x' exited with status 7: two");
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_ENVIRONMENT, "'x'");
  fake.errors = errors;
  const struct vmforge_sandbox sandbox = {.size = sizeof sandbox};
  g_assert_cmpint (pkg_run (&fake.call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, "'x'"), ==, -1);
  g_assert_cmpstr (fake.message, ==, "'x' exited with status 7: the reason");
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "'x'");
}

static void
dpkg_without_an_error_of_its_own_is_quoted (void)
{
  g_auto (FakeHost) fake;
  fake_host_init (&fake, "{}");
  const char *const errors[] = {"bwrap: cannot start: not today", NULL};
  const char *const options[] = {"--configure", "--pending", NULL};
  fake.status = 1;
  fake.errors = errors;
  AptDpkg dpkg = {.call = &fake.call, .cache = "/nowhere"};
  g_assert_cmpint (apt_dpkg (&dpkg, options, NULL), ==, -1);
  g_assert_cmpstr (fake.message, ==, "dpkg exited with status 1: bwrap: cannot start: not today");
  fake_host_assert_error (&fake, VMFORGE_PLUGIN_FAILED, "dpkg");
}

#define ADD(function) g_test_add_func ("/apt/lines/" #function, function)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (a_network_that_fails_is_the_environment);
  ADD (other_causes_are_not);
  ADD (metadata_and_archives_share_the_causes);
  ADD (what_nobody_has_is_named);
  ADD (the_last_line_of_errors_is_told);
  ADD (dpkg_without_an_error_of_its_own_is_quoted);
  return g_test_run ();
}
