/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* When an archive says that it was built. */
#include "fake-host.h"

#include <sys/mman.h>
#include <unistd.h>

#define MEMBER(name, time, size) name time "0     0     100644  " size "`\n"
#define BINARY(time)             MEMBER ("debian-binary   ", time, "4         ") "2.0\n"

static int64_t
time_of (const char *text, gsize length)
{
  int fd = memfd_create ("deb", MFD_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, length), ==, (gssize)length);
  int64_t time = apt_deb_time (fd);
  close (fd);
  return time;
}
#define TIME_OF(text) time_of (text, sizeof (text) - 1)

static void
the_newest_member_counts (void)
{
  g_assert_cmpint (TIME_OF ("!<arch>\n" BINARY ("1700000000  ")), ==, 1700000000);
  /* The second has an odd length, and is padded. */
  g_assert_cmpint (TIME_OF ("!<arch>\n" BINARY ("1700000000  ")
                                MEMBER ("control.tar.xz/ ", "1700000005  ", "3         ") "abc\n" MEMBER (
                                    "data.tar.xz/    ", "1700000002  ", "2         ") "xy"),
                   ==, 1700000005);
  g_assert_cmpint (TIME_OF ("!<arch>\n" BINARY ("0           ")), ==, 0);
}

static void
what_is_no_archive_has_no_time (void)
{
  g_assert_cmpint (TIME_OF (""), ==, -1);
  g_assert_cmpint (TIME_OF ("!<arch>\n"), ==, -1);
  g_assert_cmpint (TIME_OF ("PK\3\4 and so on"), ==, -1);
  g_assert_cmpint (TIME_OF ("!<arch>\n" BINARY ("-5          ")), ==, -1);
  g_assert_cmpint (TIME_OF ("!<arch>\n" BINARY ("            ")), ==, -1);
  g_assert_cmpint (TIME_OF ("!<arch>\n" BINARY ("1700000000  ") "torn"), ==, -1);
  g_assert_cmpint (TIME_OF ("!<arch>\n" MEMBER ("debian-binary   ", "1700000000  ", "99999999999")), ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/apt/deb/the newest member counts", the_newest_member_counts);
  g_test_add_func ("/apt/deb/what is no archive has no time", what_is_no_archive_has_no_time);
  return g_test_run ();
}
