/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The tools of the host in the key of Core, and what is remembered of them. */
#include "fixture.h"

#include "support/checked.h"
#include "support/fs.h"
#include "support/process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define REMEMBERED "store/cache/tools.json"

/* As if vmforge had learned something else: with the checksum that belongs to it. */
static void
teach (Fixture *fixture, const char *from, const char *to)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->path, REMEMBERED, NULL);
  fixture_edit (fixture, REMEMBERED, from, to);
  g_autoptr (VfJson) json = vf_json_read (-1, path, &error);
  g_assert_no_error (error);
  vf_checked_write (AT_FDCWD, path, json, &error);
  g_assert_no_error (error);
}

/* The version of mkfs.ext4 as the key of Core has it. */
static char *
planned_version (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  fixture->n_stages = 1;
  g_autoptr (VfPlan) plan = fixture_plan (fixture, spec, &error);
  g_assert_no_error (error);
  VfJson *tools = vf_json_object (plan->stages[0]->inputs, "tools");
  g_assert_nonnull (tools);
  return g_strdup (vf_json_string (tools, "mkfs.ext4", NULL));
}

static void
the_key_has_the_version_of_what_makes_the_filesystem (Fixture *fixture, gconstpointer data)
{
  g_autofree char *version = planned_version (fixture);
  g_assert_nonnull (version);
  g_assert_nonnull (strstr (version, "mke2fs"));
  g_assert_nonnull (strpbrk (version, "0123456789"));
}

static void
stages_above_core_have_no_tools (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) plan = fixture_plan (fixture, spec, NULL);
  for (guint i = 1; i < VMFORGE_N_STAGES; i++)
    g_assert_null (vf_json_object (plan->stages[i]->inputs, "tools"));
}

static void
a_tool_of_another_version_changes_all_keys (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  teach (fixture, "mke2fs ", "mke9fs ");
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, VMFORGE_STAGE_CORE);
}

static void
a_tool_that_is_known_is_not_asked (Fixture *fixture, gconstpointer data)
{
  g_autofree char *asked = planned_version (fixture);
  teach (fixture, "mke2fs ", "mke9fs ");
  g_autofree char *known = planned_version (fixture);
  g_assert_nonnull (strstr (known, "mke9fs "));
}

/* What an upgrade of the tool changes is in the name that its version is remembered under. */
static void
a_tool_is_known_by_inode_size_and_time (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  struct stat st;
  g_autofree char *version = planned_version (fixture);
  g_autofree char *memory = g_build_filename (fixture->path, REMEMBERED, NULL);
  g_autofree char *text = vf_fs_read (-1, memory, 65536, NULL, &error);
  g_assert_no_error (error);
  g_autofree char *program = vf_process_find ("mkfs.ext4", &error);
  g_assert_no_error (error);
  g_assert_cmpint (stat (program, &st), ==, 0);
  g_autofree char *known = g_strdup_printf (
      " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld\":", (guint64)st.st_ino,
      (gint64)st.st_size, (gint64)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec);
  g_assert_nonnull (strstr (text, known));
}

static void
a_tool_whose_file_changed_is_asked_again (Fixture *fixture, gconstpointer data)
{
  g_autofree char *asked = planned_version (fixture);
  teach (fixture, "mke2fs ", "mke9fs ");
  teach (fixture, "/mkfs.ext4 ", "/mkfs.ext4 9");
  g_autofree char *again = planned_version (fixture);
  g_assert_cmpstr (again, ==, asked);
}

static void
a_damaged_memory_is_written_anew (Fixture *fixture, gconstpointer data)
{
  g_autofree char *asked = planned_version (fixture);
  fixture_write (fixture, REMEMBERED, "{");
  g_autofree char *again = planned_version (fixture);
  g_assert_cmpstr (again, ==, asked);
  fixture_edit (fixture, REMEMBERED, "mke2fs ", "mke9fs ");
  g_autofree char *flipped = planned_version (fixture);
  g_assert_cmpstr (flipped, ==, asked);
  teach (fixture, "mke2fs ", "mke9fs ");
}

#define ADD(test) FIXTURE_ADD ("/tools/" #test, test)

int
main (int argc, char **argv)
{
  fixture_init (&argc, &argv);
  ADD (the_key_has_the_version_of_what_makes_the_filesystem);
  ADD (stages_above_core_have_no_tools);
  ADD (a_tool_of_another_version_changes_all_keys);
  ADD (a_tool_that_is_known_is_not_asked);
  ADD (a_tool_is_known_by_inode_size_and_time);
  ADD (a_tool_whose_file_changed_is_asked_again);
  ADD (a_damaged_memory_is_written_anew);
  return g_test_run ();
}
