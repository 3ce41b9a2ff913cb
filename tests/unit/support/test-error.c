/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/error.h"

#include "common.h"

#include <errno.h>
#include <gio/gio.h>

static void
assert_errno (int number, VmforgeError code)
{
  GError *error = NULL;
  errno = number;
  g_assert_false (vf_error_set_errno (&error, "cannot open '%s'", "x"));
  g_assert_cmpint (errno, ==, number);
  assert_error (error, code, "cannot open 'x': ");
}

static void
test_errno (void)
{
  assert_errno (ENOENT, VMFORGE_ERROR_FAILED);
  assert_errno (ENOSPC, VMFORGE_ERROR_NO_SPACE);
  assert_errno (EDQUOT, VMFORGE_ERROR_NO_SPACE);
  assert_errno (EACCES, VMFORGE_ERROR_ENVIRONMENT);
  assert_errno (EPERM, VMFORGE_ERROR_ENVIRONMENT);
  assert_errno (EROFS, VMFORGE_ERROR_ENVIRONMENT);
}

static void
test_literal (void)
{
  GError *error = NULL;
  g_assert_false (vf_error_set (&error, VMFORGE_ERROR_SPEC, "bad %d", 7));
  assert_error (error, VMFORGE_ERROR_SPEC, "bad 7");
}

static void
test_unwanted (void)
{
  g_assert_false (vf_error_set (NULL, VMFORGE_ERROR_SPEC, "nobody listens"));
}

static void
test_cancelled (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GError *error = NULL;
  g_assert_false (vf_error_set_if_cancelled (NULL, &error));
  g_assert_false (vf_error_set_if_cancelled (cancellable, &error));
  g_assert_null (error);
  g_cancellable_cancel (cancellable);
  g_assert_true (vf_error_set_if_cancelled (cancellable, &error));
  assert_error (error, VMFORGE_ERROR_CANCELLED, "");
}

static int
exit_status_of (GQuark domain, int code)
{
  g_autoptr (GError) error = g_error_new_literal (domain, code, "x");
  return vf_error_exit_status (error);
}

static void
test_exit_status (void)
{
  g_assert_cmpint (exit_status_of (VMFORGE_ERROR, VMFORGE_ERROR_FAILED), ==, 1);
  g_assert_cmpint (exit_status_of (VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE), ==, 1);
  g_assert_cmpint (exit_status_of (VMFORGE_ERROR, VMFORGE_ERROR_SPEC), ==, 2);
  g_assert_cmpint (exit_status_of (VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND), ==, 2);
  g_assert_cmpint (exit_status_of (VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT), ==, 3);
  g_assert_cmpint (exit_status_of (VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED), ==, 130);
}

static void
test_foreign_domain (void)
{
  g_assert_cmpint (exit_status_of (G_IO_ERROR, VMFORGE_ERROR_SPEC), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/errno decides the code and is kept", test_errno);
  g_test_add_func ("/error/a literal code is kept", test_literal);
  g_test_add_func ("/error/nobody need want the error", test_unwanted);
  g_test_add_func ("/error/only what is cancelled sets an error", test_cancelled);
  g_test_add_func ("/error/each code has its exit status", test_exit_status);
  g_test_add_func ("/error/errors of others are failures", test_foreign_domain);
  return g_test_run ();
}
