/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Plans of locked specs: the keys of resolving, without resolving. */
#include "fixture.h"

#include "plan/lock.h"

#include <string.h>

#define SPEC "spec.yaml"

static VfPlanContext
make_context (Fixture *fixture, VfPlanLock lock)
{
  static const VfHost host;
  return (VfPlanContext){
      .store = fixture->store, .host = &host, .refresh_seconds = fixture->refresh_seconds, .lock = lock};
}

static void
write_lock (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  const VfPlanContext context = make_context (fixture, VF_PLAN_LOCK_IGNORED);
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) plan = vf_plan_new (&context, spec, VMFORGE_N_STAGES, &error);
  g_assert_no_error (error);
  g_autoptr (VfLockfile) lock = vf_plan_make_lock (&context, plan, &error);
  g_assert_no_error (error);
  g_assert_cmpint (lock->date, ==, 0); /* this plugin cannot tell */
  vf_lockfile_write (lock, &error);
  g_assert_no_error (error);
}

static void
a_lock_gives_the_keys_of_resolving_and_asks_nobody (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) resolved = fixture_keys (fixture);
  write_lock (fixture);
  fixture_set_world (fixture, "image-package 2\n");
  fixture->refresh_seconds = -1;
  fixture_forget_calls (fixture);
  g_auto (GStrv) locked = fixture_keys (fixture);
  fixture_assert_calls (fixture, "");
  fixture_assert_changed (resolved, locked, VMFORGE_N_STAGES);
  fixture_remove (fixture, SPEC ".lock");
  g_auto (GStrv) moved = fixture_keys (fixture);
  fixture_assert_changed (resolved, moved, VMFORGE_STAGE_IMAGE);
}

static void
another_mirror_leaves_a_lock_as_it_is (Fixture *fixture, gconstpointer data)
{
  write_lock (fixture);
  fixture_edit (fixture, SPEC, "http://mirror.example/", "http://other.example/");
  fixture_edit (fixture, SPEC, "echo last", "echo later");
  g_auto (GStrv) keys = fixture_keys (fixture);
  g_assert_nonnull (keys);
}

static void
what_moved_away_from_a_lock_is_said (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *file, *from, *to, *part;
  } cases[] = {
      {SPEC, "[image-package]", "[image-package, b]",
       "stage 'image': '%s' is not of this spec any more: stage 'image' asks to install other packages than "
       "its lock: 'b' is new; run 'vmforge lock --update "},
      {SPEC, "features: [ssh]", "features: []", "'sshd' is gone"},
      {SPEC, "packages: [appliance-package]", "remove: [appliance-package]", "'appliance-package' is gone"},
      {SPEC, "http://more.example/", "http://less.example/",
       "stage 'base' takes packages from other sources"},
      {SPEC, "components: [main]", "components: [rest]", "stage 'base' takes packages from other sources"},
      {"key.asc", "old", "new", "stage 'base' takes packages from other sources"},
      {"profiles/fake.yaml", "plugin: fake", "plugin: fake\nsettings: {a: b}",
       "stage 'core' takes packages from other sources"},
      {"profiles/fake.yaml", "[init]", "[init, more]", "'more' is new"},
  };
  g_autofree char *path = g_strconcat (fixture->path, "/" SPEC ".lock", NULL);
  write_lock (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) part = g_string_new (cases[i].part);
    g_string_replace (part, "%s", path, 0);
    fixture_edit (fixture, cases[i].file, cases[i].from, cases[i].to);
    fixture_fails (fixture, VMFORGE_ERROR_SPEC, part->str);
    fixture_edit (fixture, cases[i].file, cases[i].to, cases[i].from);
  }
  g_auto (GStrv) keys = fixture_keys (fixture);
  g_assert_nonnull (keys);
}

static void
a_lock_can_be_demanded (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const VfPlanContext context = make_context (fixture, VF_PLAN_LOCK_REQUIRED);
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autoptr (VfPlan) without = vf_plan_new (&context, spec, VMFORGE_N_STAGES, &error);
  g_assert_null (without);
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_clear_error (&error);
  write_lock (fixture);
  g_autoptr (VfPlan) with = vf_plan_new (&context, spec, VMFORGE_N_STAGES, &error);
  g_assert_no_error (error);
  g_assert_nonnull (with->lock->digest);
}

static void
an_update_that_moves_nothing_changes_nothing (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {"image-package", NULL};
  g_autoptr (GError) error = NULL;
  const VfPlanContext context = make_context (fixture, VF_PLAN_LOCK_IGNORED);
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  g_autofree char *path = vf_plan_lock_path (spec);
  write_lock (fixture);
  g_autoptr (VfLockfile) before = NULL;
  g_assert_true (vf_lockfile_read (path, &before, &error));
  g_autoptr (VfLockfile) after = vf_plan_update_lock (&context, spec, names, &error);
  g_assert_no_error (error);
  /* This plugin installs nothing that is installed, so nothing moves; the lock is complete all the same. */
  g_autofree char *old = vf_lockfile_to_text (before), *new = vf_lockfile_to_text (after);
  g_assert_cmpstr (old, ==, new);
}

int
main (int argc, char **argv)
{
  fixture_init (&argc, &argv);
  FIXTURE_ADD ("/plan/lock/a lock gives the keys of resolving and asks nobody",
               a_lock_gives_the_keys_of_resolving_and_asks_nobody);
  FIXTURE_ADD ("/plan/lock/another mirror leaves a lock as it is", another_mirror_leaves_a_lock_as_it_is);
  FIXTURE_ADD ("/plan/lock/what moved away from a lock is said", what_moved_away_from_a_lock_is_said);
  FIXTURE_ADD ("/plan/lock/a lock can be demanded", a_lock_can_be_demanded);
  FIXTURE_ADD ("/plan/lock/an update that moves nothing leaves the lock as it is",
               an_update_that_moves_nothing_changes_nothing);
  return g_test_run ();
}
