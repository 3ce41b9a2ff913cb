/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A folder for the files of one test, and the exact text of errors. */
#pragma once

#include "spec/spec.h"

typedef struct {
  char *path;
} Folder;

/* Profiles come from the source tree or, with data TRUE, from tests/unit/spec/data/profiles. */
void fixture_use_profiles (gboolean data);

void folder_setup (Folder *folder, gconstpointer data);
void folder_teardown (Folder *folder, gconstpointer data);
/* Writes a file, making folders; returns its path (static until the next call). */
const char *folder_write (Folder *folder, const char *name, const char *text);

/* Loads NAME of the folder. The expected error has '@' where the folder's path stands; NULL: no error. */
VmforgeSpec *folder_load (Folder *folder, const char *name, const char *expected);
/* The same for a spec of debian 12 with these further lines, which begin in line 4. */
VmforgeSpec *folder_load_text (Folder *folder, const char *lines, const char *expected);

void assert_error (const GError *error, const char *folder, const char *expected);
/* "a b c" */
void assert_words (char **words, const char *expected);
