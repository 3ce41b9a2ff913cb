/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Any bytes as a lock file: what is taken can be written, and is then the same. */
#include "spec/lockfile.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfLockfile) lock = vf_lockfile_parse ((const char *)data, size, "fuzz.lock", &error);
  g_assert_true ((lock == NULL) == (error != NULL));
  if (lock == NULL)
    return 0;
  g_autofree char *text = vf_lockfile_to_text (lock);
  g_autoptr (VfLockfile) again = vf_lockfile_parse (text, strlen (text), "again.lock", &error);
  g_assert_no_error (error);
  g_autofree char *same = vf_lockfile_to_text (again);
  g_assert_cmpstr (text, ==, same);
  g_autoptr (GPtrArray) changes = vf_lockfile_compare (lock, again);
  g_assert_cmpuint (changes->len, ==, 0);
  return 0;
}
