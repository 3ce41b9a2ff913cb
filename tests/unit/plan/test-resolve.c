/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* When the package plugin is asked, and when what it said before will do. The spec has two sets of sources:
 * those of Core, and with the repository of Base. */
#include "fixture.h"

#include "support/checked.h"
#include "support/fs.h"

#include <stdio.h>
#include <string.h>

#define HOUR 3600

/* A first plan: everything is known from now on. */
static char **
plan_once (Fixture *fixture)
{
  char **keys = fixture_keys (fixture);
  fixture_assert_calls (fixture, "refresh resolve refresh resolve resolve resolve ");
  return keys;
}

/* Plans again, and expects the keys that there were. */
static void
plan_the_same (Fixture *fixture, char **before)
{
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, after, VMFORGE_N_STAGES);
}

typedef void (*FileFunc) (Fixture *fixture, const char *name, gint64 number);

static guint
for_each_file (Fixture *fixture, const char *folder, FileFunc func, gint64 number)
{
  g_autoptr (GError) error = NULL;
  guint count = 0;
  g_autofree char *path = g_build_filename (fixture->store->path, folder, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  g_assert_no_error (error);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL; count++) {
    g_autofree char *file = g_build_filename (folder, name, NULL);
    if (func != NULL)
      func (fixture, file, number);
  }
  return count;
}

static void
set_age (Fixture *fixture, const char *name, gint64 seconds)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VfJson) stamp = vf_checked_read (fixture->store->fd, name, &error);
  g_assert_no_error (error);
  vf_json_set_int (stamp, "time", g_get_real_time () / G_USEC_PER_SEC - seconds);
  vf_checked_write (fixture->store->fd, name, stamp, &error);
  g_assert_no_error (error);
}

static void
damage (Fixture *fixture, const char *name, gint64 length)
{
  vf_fs_write (fixture->store->fd, name, "{\"pack", (gsize)length, 0644, NULL);
}

static void
remove_file (Fixture *fixture, const char *name, gint64 ignored)
{
  g_assert_true (vf_fs_remove (fixture->store->fd, name, NULL));
}

/* A package whose record has no version. */
static void
damage_inside (Fixture *fixture, const char *name, gint64 ignored)
{
  static const char text[] = "{\"packages\":[{\"id\":\"essential\"}]}";
  vf_fs_write (fixture->store->fd, name, text, strlen (text), 0644, NULL);
}

static void
set_all_ages (Fixture *fixture, gint64 seconds)
{
  g_assert_cmpuint (for_each_file (fixture, "cache/metadata", set_age, seconds), ==, 2);
}

/* ---- nothing to ask */

static void
what_is_known_is_not_asked_again (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
metadata_of_the_greatest_age_need_no_refresh (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, HOUR - 30);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
a_clock_that_is_a_little_back_needs_no_refresh (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, -30);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
a_stage_without_packages_asks_nothing (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, "spec.yaml", "  packages: [image-package]\n", "");
  g_auto (GStrv) keys = fixture_keys (fixture);
  fixture_assert_calls (fixture, "refresh resolve refresh resolve resolve ");
}

static void
sources_that_no_stage_needs_are_not_refreshed (Fixture *fixture, gconstpointer data)
{
  fixture->n_stages = 1;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) plan = fixture_plan (fixture, spec, &error);
  g_assert_no_error (error);
  fixture_assert_calls (fixture, "refresh resolve ");
}

/* ---- refresh */

static void
old_metadata_are_refreshed_once_a_source (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, HOUR + 1);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

static void
what_was_refreshed_is_recent (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, HOUR + 1);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
metadata_from_the_future_are_refreshed (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, -HOUR);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

static void
to_refresh_always_is_once_a_plan (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture->refresh_seconds = -1;
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

static void
to_refresh_always_is_so_with_a_clock_that_is_back (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, -30);
  fixture->refresh_seconds = -1;
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

static void
a_damaged_stamp_means_refresh (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  for_each_file (fixture, "cache/metadata", damage, 3);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

static void
other_mirrors_have_metadata_of_their_own (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture_edit (fixture, "spec.yaml", "mirror.example", "other.example");
  g_auto (GStrv) others = fixture_keys (fixture);
  fixture_assert_calls (fixture, "refresh resolve refresh resolve resolve resolve ");
  fixture_edit (fixture, "spec.yaml", "other.example", "mirror.example");
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
a_new_key_of_a_repository_means_refresh (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture_edit (fixture, "key.asc", "old", "new");
  g_auto (GStrv) others = fixture_keys (fixture);
  fixture_assert_calls (fixture, "refresh resolve resolve resolve ");
}

static void
a_new_version_is_seen_after_a_refresh_alone (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture_set_world (fixture, "image-package 2\n");
  plan_the_same (fixture, keys);
  fixture->refresh_seconds = -1;
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (keys, after, VMFORGE_STAGE_IMAGE);
}

static void
new_metadata_without_new_packages_change_no_key (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture_set_world (fixture, "of-no-interest 7\n");
  fixture->refresh_seconds = -1;
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh resolve refresh resolve resolve resolve ");
}

static void
metadata_that_come_back_find_their_resolutions (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture->refresh_seconds = -1;
  fixture_set_world (fixture, "image-package 2\n");
  g_auto (GStrv) others = fixture_keys (fixture);
  fixture_set_world (fixture, "");
  fixture_forget_calls (fixture);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

static void
a_refresh_that_fails_is_the_plans_failure (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture->refresh_seconds = -1;
  fixture_set_world (fixture, "!");
  fixture_fails (fixture, VMFORGE_ERROR_FAILED, "stage 'core': ");
  fixture_fails (fixture, VMFORGE_ERROR_FAILED, "the sources do not answer");
}

static void
a_refresh_that_fails_keeps_what_was_known (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture->refresh_seconds = -1;
  fixture_set_world (fixture, "!");
  fixture_fails (fixture, VMFORGE_ERROR_FAILED, "");
  fixture->refresh_seconds = HOUR;
  fixture_forget_calls (fixture);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
a_first_refresh_that_fails_is_no_metadata (Fixture *fixture, gconstpointer data)
{
  fixture_set_world (fixture, "!");
  fixture_fails (fixture, VMFORGE_ERROR_FAILED, "the sources do not answer");
  g_assert_cmpuint (for_each_file (fixture, "cache/metadata", NULL, 0), ==, 0);
  fixture_set_world (fixture, "");
  fixture_forget_calls (fixture);
  g_auto (GStrv) keys = plan_once (fixture);
}

/* ---- offline */

static void
offline_takes_metadata_of_any_age (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, 1000 * HOUR);
  fixture->offline = TRUE;
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
offline_goes_before_refreshing_always (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture->offline = TRUE;
  fixture->refresh_seconds = -1;
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
offline_without_metadata_fails (Fixture *fixture, gconstpointer data)
{
  fixture->offline = TRUE;
  fixture_fails (fixture, VMFORGE_ERROR_ENVIRONMENT,
                 "stage 'core': fake: nothing is known of the sources, and --offline was given");
}

static void
offline_makes_no_metadata_recent (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  set_all_ages (fixture, HOUR + 1);
  fixture->offline = TRUE;
  plan_the_same (fixture, keys);
  fixture->offline = FALSE;
  fixture_forget_calls (fixture);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "refresh refresh ");
}

/* ---- resolutions */

static void
a_stage_that_changed_is_resolved_with_those_above (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture_edit (fixture, "spec.yaml", "[image-package]", "[other-package]");
  g_auto (GStrv) after = fixture_keys (fixture);
  g_assert_cmpuint (fixture_count_calls (fixture, "resolve"), ==, 2);
}

static void
what_is_no_matter_of_packages_is_not_resolved (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  fixture_edit (fixture, "spec.yaml", "echo first", "echo second");
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_calls (fixture, "");
}

static void
resolutions_that_are_gone_are_made_again (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  g_assert_cmpuint (for_each_file (fixture, "cache/resolutions", remove_file, 0), ==, 4);
  plan_the_same (fixture, keys);
  g_assert_cmpuint (fixture_count_calls (fixture, "resolve"), ==, 4);
}

static void
damaged_resolutions_are_made_again (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  for_each_file (fixture, "cache/resolutions", damage, 6);
  plan_the_same (fixture, keys);
  g_assert_cmpuint (fixture_count_calls (fixture, "resolve"), ==, 4);
  plan_the_same (fixture, keys);
  fixture_assert_calls (fixture, "");
}

static void
resolutions_that_are_damaged_inside_are_made_again (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = plan_once (fixture);
  for_each_file (fixture, "cache/resolutions", damage_inside, 0);
  plan_the_same (fixture, keys);
  g_assert_cmpuint (fixture_count_calls (fixture, "resolve"), ==, 4);
}

static void
a_resolution_that_fails_is_not_kept (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, "spec.yaml", "[base-package]", "[absent-package]");
  fixture_fails (fixture, VMFORGE_ERROR_SPEC,
                 "stage 'base': fake: no source has the package 'absent-package'");
  fixture_assert_calls (fixture, "refresh resolve refresh resolve ");
  fixture_fails (fixture, VMFORGE_ERROR_SPEC, "no source has the package 'absent-package'");
  g_assert_cmpuint (fixture_count_calls (fixture, "resolve"), ==, 1);
}

static void
a_known_resolution_has_all_that_the_plugin_said (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) asked = fixture_plan (fixture, spec, &error);
  g_assert_no_error (error);
  fixture_forget_calls (fixture);
  g_autoptr (VfPlan) known = fixture_plan (fixture, spec, &error);
  g_assert_no_error (error);
  fixture_assert_calls (fixture, "");
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    g_assert_cmpuint (asked->stages[i]->packages->len, ==, known->stages[i]->packages->len);
    for (guint j = 0; j < known->stages[i]->packages->len; j++) {
      g_autoptr (VfJson) a = vf_package_to_json (asked->stages[i]->packages->pdata[j], TRUE);
      g_autoptr (VfJson) b = vf_package_to_json (known->stages[i]->packages->pdata[j], TRUE);
      g_autofree char *a_text = vf_json_canonical (a), *b_text = vf_json_canonical (b);
      g_assert_cmpstr (a_text, ==, b_text);
      g_assert_nonnull (strstr (a_text, "opaque"));
    }
  }
}

#define ADD(test) FIXTURE_ADD ("/resolve/" #test, test)

int
main (int argc, char **argv)
{
  fixture_init (&argc, &argv);
  ADD (what_is_known_is_not_asked_again);
  ADD (metadata_of_the_greatest_age_need_no_refresh);
  ADD (a_clock_that_is_a_little_back_needs_no_refresh);
  ADD (a_stage_without_packages_asks_nothing);
  ADD (sources_that_no_stage_needs_are_not_refreshed);
  ADD (old_metadata_are_refreshed_once_a_source);
  ADD (what_was_refreshed_is_recent);
  ADD (metadata_from_the_future_are_refreshed);
  ADD (to_refresh_always_is_once_a_plan);
  ADD (to_refresh_always_is_so_with_a_clock_that_is_back);
  ADD (a_damaged_stamp_means_refresh);
  ADD (other_mirrors_have_metadata_of_their_own);
  ADD (a_new_key_of_a_repository_means_refresh);
  ADD (a_new_version_is_seen_after_a_refresh_alone);
  ADD (new_metadata_without_new_packages_change_no_key);
  ADD (metadata_that_come_back_find_their_resolutions);
  ADD (a_refresh_that_fails_is_the_plans_failure);
  ADD (a_refresh_that_fails_keeps_what_was_known);
  ADD (a_first_refresh_that_fails_is_no_metadata);
  ADD (offline_takes_metadata_of_any_age);
  ADD (offline_goes_before_refreshing_always);
  ADD (offline_without_metadata_fails);
  ADD (offline_makes_no_metadata_recent);
  ADD (a_stage_that_changed_is_resolved_with_those_above);
  ADD (what_is_no_matter_of_packages_is_not_resolved);
  ADD (resolutions_that_are_gone_are_made_again);
  ADD (damaged_resolutions_are_made_again);
  ADD (resolutions_that_are_damaged_inside_are_made_again);
  ADD (a_resolution_that_fails_is_not_kept);
  ADD (a_known_resolution_has_all_that_the_plugin_said);
  return g_test_run ();
}
