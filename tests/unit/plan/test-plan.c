/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The stages of one plan, and what plans of several specs have in common. */
#include "fixture.h"

#include "support/digest.h"

#include <string.h>

#define SPEC "spec.yaml"
#define MIB  (G_GUINT64_CONSTANT (1) << 20)
#define GIB  (G_GUINT64_CONSTANT (1) << 30)

typedef struct {
  VmforgeSpec *spec;
  VfPlan *plan;
} Planned;

static void
planned_clear (Planned *planned)
{
  g_clear_pointer (&planned->plan, vf_plan_free);
  g_clear_pointer (&planned->spec, vmforge_spec_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Planned, planned_clear)

static Planned
plan (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  Planned planned = {.spec = fixture_load (fixture)};
  planned.plan = fixture_plan (fixture, planned.spec, &error);
  g_assert_no_error (error);
  return planned;
}

static const VfPackage *
find_package (GPtrArray *packages, const char *id)
{
  for (guint i = 0; i < packages->len; i++)
    if (g_str_equal (((const VfPackage *)packages->pdata[i])->pub.id, id))
      return packages->pdata[i];
  return NULL;
}

static const char *
installed_version (const Planned *planned, VmforgeStageKind kind, const char *id)
{
  const VfPackage *package = find_package (planned->plan->stages[kind]->installed, id);
  return package == NULL ? NULL : package->pub.version;
}

/* ---- the chain of one spec */

static void
each_stage_stands_on_the_one_before (Fixture *fixture, gconstpointer data)
{
  g_auto (Planned) planned = plan (fixture);
  g_assert_cmpuint (planned.plan->n_stages, ==, VMFORGE_N_STAGES);
  g_assert_null (planned.plan->stages[0]->parent);
  g_assert_null (vf_json_string (planned.plan->stages[0]->inputs, "parent", NULL));
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    g_assert_cmpuint (planned.plan->stages[i]->kind, ==, i);
    g_assert_cmpstr (vf_json_string (planned.plan->stages[i]->inputs, "stage", NULL), ==,
                     vmforge_stage_name ((VmforgeStageKind)i));
  }
  for (guint i = 1; i < VMFORGE_N_STAGES; i++) {
    const VfPlanStage *stage = planned.plan->stages[i];
    g_assert_true (stage->parent == planned.plan->stages[i - 1]);
    g_assert_cmpstr (vf_json_string (stage->inputs, "parent", NULL), ==, stage->parent->key);
  }
}

static void
a_key_is_the_digest_of_the_inputs (Fixture *fixture, gconstpointer data)
{
  g_auto (Planned) planned = plan (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    g_autofree char *text = vf_json_canonical (planned.plan->stages[i]->inputs);
    g_autofree char *digest = vf_digest_text (text);
    g_assert_cmpstr (planned.plan->stages[i]->key, ==, digest);
  }
}

static void
stages_that_say_nothing_have_keys_of_their_own (Fixture *fixture, gconstpointer data)
{
  fixture_write (fixture, SPEC,
                 "vmforge: 1\nname: bare\nversion: \"1\"\ndistro: {id: fake, release: one, arch: x86_64}\n");
  g_auto (GStrv) keys = fixture_keys (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    for (guint j = 0; j < i; j++)
      g_assert_cmpstr (keys[i], !=, keys[j]);
}

static void
until_ends_the_plan_and_changes_no_key (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) keys = fixture_keys (fixture);
  for (guint n = 1; n <= VMFORGE_N_STAGES; n++) {
    fixture->n_stages = n;
    g_auto (Planned) planned = plan (fixture);
    g_assert_cmpuint (planned.plan->n_stages, ==, n);
    for (guint i = 0; i < n; i++)
      g_assert_cmpstr (planned.plan->stages[i]->key, ==, keys[i]);
  }
}

static void
until_leaves_the_errors_of_later_stages_alone (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "[image-package]", "[absent-package]");
  fixture->n_stages = VMFORGE_STAGE_BASE + 1;
  g_auto (Planned) planned = plan (fixture);
  fixture->n_stages = VMFORGE_N_STAGES;
  fixture_fails (fixture, VMFORGE_ERROR_SPEC, "stage 'image': ");
}

/* ---- packages */

static void
what_is_installed_adds_up (Fixture *fixture, gconstpointer data)
{
  static const char *const own[] = {"core-package", "base-package", "image-package", "appliance-package"};
  g_auto (Planned) planned = plan (fixture);
  for (guint kind = 0; kind < VMFORGE_N_STAGES; kind++)
    for (guint i = 0; i < VMFORGE_N_STAGES; i++)
      g_assert_true ((installed_version (&planned, kind, own[i]) != NULL) == (i <= kind));
  g_assert_nonnull (installed_version (&planned, VMFORGE_STAGE_APPLIANCE, "essential"));
}

static void
a_stage_installs_what_is_new_alone (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "[image-package]", "[image-package, base-package]");
  g_auto (Planned) planned = plan (fixture);
  GPtrArray *packages = planned.plan->stages[VMFORGE_STAGE_IMAGE]->packages;
  g_assert_nonnull (find_package (packages, "image-package"));
  g_assert_null (find_package (packages, "base-package"));
}

static void
an_upgrade_takes_the_place_of_what_was_there (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "[image-package]", "[image-package, upgrade-base-package]");
  g_auto (Planned) planned = plan (fixture);
  guint count = 0;
  GPtrArray *installed = planned.plan->stages[VMFORGE_STAGE_IMAGE]->installed;
  for (guint i = 0; i < installed->len; i++)
    count += g_str_equal (((const VfPackage *)installed->pdata[i])->pub.id, "base-package");
  g_assert_cmpuint (count, ==, 1);
  g_assert_cmpstr (installed_version (&planned, VMFORGE_STAGE_BASE, "base-package"), ==, "1");
  g_assert_cmpstr (installed_version (&planned, VMFORGE_STAGE_IMAGE, "base-package"), ==, "9");
}

/* ---- what stages inherit */

static void
repositories_are_those_of_the_stages_below_too (Fixture *fixture, gconstpointer data)
{
  static const guint expected[] = {0, 1, 1, 2};
  fixture_edit (fixture, SPEC, "  hostname: host\n",
                "  hostname: host\n"
                "  repositories: [{url: \"http://last.example/\", suite: one, components: [main], key: "
                "key.asc, name: last}]\n");
  g_auto (Planned) planned = plan (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    g_assert_cmpuint (planned.plan->stages[i]->repositories->len, ==, expected[i]);
  const struct vmforge_repository *first = planned.plan->stages[3]->repositories->pdata[0];
  g_assert_cmpstr (first->url, ==, "http://more.example/");
}

static void
volumes_grow_to_the_size_of_the_disk (Fixture *fixture, gconstpointer data)
{
  static const guint64 expected[] = {1 * GIB, 2 * GIB, 2 * GIB, 3 * GIB};
  fixture_edit (fixture, SPEC, "  packages: [base-", "  size: 2GiB\n  packages: [base-");
  g_auto (Planned) planned = plan (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    g_assert_cmpuint (planned.plan->stages[i]->bytes, ==, expected[i]);
}

static void
the_network_of_a_stage_is_that_of_all_above (Fixture *fixture, gconstpointer data)
{
  static const gboolean expected[] = {TRUE, TRUE, FALSE, FALSE};
  fixture_edit (fixture, SPEC, "network: false", "network: true");
  g_auto (Planned) planned = plan (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    g_assert_cmpint (planned.plan->stages[i]->reproducible, ==, expected[i]);
}

static void
without_the_network_all_is_reproducible (Fixture *fixture, gconstpointer data)
{
  g_auto (Planned) planned = plan (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    g_assert_true (planned.plan->stages[i]->reproducible);
}

/* ---- several specs in one store */

/* Another spec: the first, with one change, under another name. */
static void
write_other (Fixture *fixture, const char *from, const char *to)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (fixture->path, SPEC, NULL);
  g_autofree char *text = NULL;
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  fixture_write (fixture, "other.yaml", text);
  fixture_edit (fixture, "other.yaml", "planned", "another");
  fixture_edit (fixture, "other.yaml", from, to);
}

static void
specs_share_the_stages_that_are_the_same (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) first = fixture_keys (fixture);
  write_other (fixture, "echo first", "echo second");
  fixture->spec = "other.yaml";
  g_auto (GStrv) second = fixture_keys (fixture);
  fixture_assert_changed (first, second, VMFORGE_STAGE_IMAGE);
}

static void
specs_that_differ_in_name_alone_share_everything (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) first = fixture_keys (fixture);
  write_other (fixture, "version: \"1\"", "version: \"2\"");
  fixture->spec = "other.yaml";
  g_auto (GStrv) second = fixture_keys (fixture);
  fixture_assert_changed (first, second, VMFORGE_N_STAGES);
}

static void
stages_that_are_the_same_again_above_a_change_are_not_shared (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) first = fixture_keys (fixture);
  write_other (fixture, "[base-package]", "[else-package]");
  fixture->spec = "other.yaml";
  g_auto (GStrv) second = fixture_keys (fixture);
  fixture_assert_changed (first, second, VMFORGE_STAGE_BASE);
}

static void
what_specs_share_is_resolved_once (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) first = fixture_keys (fixture);
  fixture_forget_calls (fixture);
  write_other (fixture, "[image-package]", "[other-package]");
  fixture->spec = "other.yaml";
  g_auto (GStrv) second = fixture_keys (fixture);
  g_assert_cmpuint (fixture_count_calls (fixture, "resolve"), ==, 2);
}

static void
a_change_that_is_taken_back_finds_the_first_keys (Fixture *fixture, gconstpointer data)
{
  g_auto (GStrv) before = fixture_keys (fixture);
  fixture_edit (fixture, SPEC, "[core-package]", "[else-package]");
  g_auto (GStrv) between = fixture_keys (fixture);
  fixture_edit (fixture, SPEC, "[else-package]", "[core-package]");
  g_auto (GStrv) after = fixture_keys (fixture);
  fixture_assert_changed (before, between, VMFORGE_STAGE_CORE);
  fixture_assert_changed (before, after, VMFORGE_N_STAGES);
}

/* ---- hits and misses */

static void
build (Fixture *fixture, const VfPlanStage *stage)
{
  g_autoptr (GError) error = NULL;
  VfBuildingStage what = {.key = stage->key,
                          .parent = stage->parent == NULL ? NULL : stage->parent->key,
                          .stage = vmforge_stage_name (stage->kind),
                          .reserve = MIB};
  VfBuilding *building = vf_store_begin_stage (fixture->store, &what, &error);
  g_assert_no_error (error);
  vf_storage_create (fixture->store->storage, building->volume, MIB, &error);
  g_assert_no_error (error);
  vf_store_record_stage (fixture->store, stage->key, stage->inputs, building->volume, MIB, 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vf_store_end (fixture->store, building, FALSE, FALSE, &error));
}

/* The lowest stage that would have to be built. */
static guint
first_miss (Fixture *fixture)
{
  g_auto (Planned) planned = plan (fixture);
  guint first = 0;
  while (first < VMFORGE_N_STAGES) {
    g_autoptr (VfStage) found = vf_store_find_stage (fixture->store, planned.plan->stages[first]->key, NULL);
    if (found == NULL)
      break;
    first++;
  }
  return first;
}

static void
build_all (Fixture *fixture)
{
  g_auto (Planned) planned = plan (fixture);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    build (fixture, planned.plan->stages[i]);
}

static void
in_an_empty_store_everything_is_missing (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpuint (first_miss (fixture), ==, VMFORGE_STAGE_CORE);
}

static void
what_was_built_is_found (Fixture *fixture, gconstpointer data)
{
  build_all (fixture);
  g_assert_cmpuint (first_miss (fixture), ==, VMFORGE_N_STAGES);
}

static void
after_a_change_the_stages_below_are_found (Fixture *fixture, gconstpointer data)
{
  build_all (fixture);
  fixture_edit (fixture, "data.txt", "old", "new");
  g_assert_cmpuint (first_miss (fixture), ==, VMFORGE_STAGE_IMAGE);
  fixture_edit (fixture, "data.txt", "new", "old");
  g_assert_cmpuint (first_miss (fixture), ==, VMFORGE_N_STAGES);
}

static void
another_spec_finds_what_it_shares (Fixture *fixture, gconstpointer data)
{
  build_all (fixture);
  write_other (fixture, "hostname: host", "hostname: twin");
  fixture->spec = "other.yaml";
  g_assert_cmpuint (first_miss (fixture), ==, VMFORGE_STAGE_APPLIANCE);
}

/* ---- errors */

static void
a_file_that_went_after_the_spec_was_read_is_named (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  fixture_remove (fixture, "data.txt");
  g_autoptr (VfPlan) none = fixture_plan (fixture, spec, &error);
  g_assert_null (none);
  g_assert_nonnull (error);
  g_autofree char *expected = g_strdup_printf ("cannot read '%s/data.txt'", fixture->path);
  g_assert_nonnull (strstr (error->message, expected));
}

static void
a_key_of_a_repository_that_went_is_named (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = fixture_load (fixture);
  fixture_remove (fixture, "key.asc");
  g_autoptr (VfPlan) none = fixture_plan (fixture, spec, &error);
  g_assert_null (none);
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "/key.asc'"));
}

static void
what_is_removed_is_not_installed_any_more (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "[image-package]", "[image-package]\n  remove: [base-package]");
  g_auto (Planned) planned = plan (fixture);
  const VfPlanStage *image = planned.plan->stages[VMFORGE_STAGE_IMAGE];
  const VfPackage *removed = find_package (image->packages, "base-package");
  g_assert_nonnull (removed);
  g_assert_cmpuint (removed->pub.flags & VMFORGE_PACKAGE_REMOVE, !=, 0);
  g_assert_nonnull (installed_version (&planned, VMFORGE_STAGE_BASE, "base-package"));
  g_assert_null (installed_version (&planned, VMFORGE_STAGE_IMAGE, "base-package"));
  g_assert_null (installed_version (&planned, VMFORGE_STAGE_APPLIANCE, "base-package"));
}

static void
what_was_removed_can_be_installed_again (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "[image-package]", "[image-package]\n  remove: [base-package]");
  fixture_edit (fixture, SPEC, "[appliance-package]", "[appliance-package, base-package]");
  g_auto (Planned) planned = plan (fixture);
  GPtrArray *packages = planned.plan->stages[VMFORGE_STAGE_APPLIANCE]->packages;
  g_assert_nonnull (find_package (packages, "base-package"));
  g_assert_nonnull (installed_version (&planned, VMFORGE_STAGE_APPLIANCE, "base-package"));
}

static void
removed_packages_take_no_space (Fixture *fixture, gconstpointer data)
{
  fixture_edit (fixture, SPEC, "[image-package]", "[image-package]\n  remove: [base-package]");
  g_auto (Planned) planned = plan (fixture);
  g_assert_cmpuint (vf_plan_installed_size (planned.plan->stages[VMFORGE_STAGE_IMAGE]->packages), ==, 100);
}

#define ADD(test) FIXTURE_ADD ("/plan/" #test, test)

int
main (int argc, char **argv)
{
  fixture_init (&argc, &argv);
  ADD (each_stage_stands_on_the_one_before);
  ADD (what_is_removed_is_not_installed_any_more);
  ADD (what_was_removed_can_be_installed_again);
  ADD (removed_packages_take_no_space);
  ADD (a_key_is_the_digest_of_the_inputs);
  ADD (stages_that_say_nothing_have_keys_of_their_own);
  ADD (until_ends_the_plan_and_changes_no_key);
  ADD (until_leaves_the_errors_of_later_stages_alone);
  ADD (what_is_installed_adds_up);
  ADD (a_stage_installs_what_is_new_alone);
  ADD (an_upgrade_takes_the_place_of_what_was_there);
  ADD (repositories_are_those_of_the_stages_below_too);
  ADD (volumes_grow_to_the_size_of_the_disk);
  ADD (the_network_of_a_stage_is_that_of_all_above);
  ADD (without_the_network_all_is_reproducible);
  ADD (specs_share_the_stages_that_are_the_same);
  ADD (specs_that_differ_in_name_alone_share_everything);
  ADD (stages_that_are_the_same_again_above_a_change_are_not_shared);
  ADD (what_specs_share_is_resolved_once);
  ADD (a_change_that_is_taken_back_finds_the_first_keys);
  ADD (in_an_empty_store_everything_is_missing);
  ADD (what_was_built_is_found);
  ADD (after_a_change_the_stages_below_are_found);
  ADD (another_spec_finds_what_it_shares);
  ADD (a_file_that_went_after_the_spec_was_read_is_named);
  ADD (a_key_of_a_repository_that_went_is_named);
  return g_test_run ();
}
