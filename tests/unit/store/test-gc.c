/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What garbage collection takes, in which order, and what it leaves. */
#include "common.h"
#include "support/checked.h"
#include "support/digest.h"
#include "support/fs.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY (24 * 60 * 60)

typedef struct {
  char *path;
  VmforgeStore *store;
  char *core, *base, *old, *young; /* keys; old and young are children of base */
  GString *gone;                   /* "old base …": what was removed, in order */
} Fixture;

static void
set_age (Fixture *fixture, const char *file, gint64 seconds)
{
  gint64 time = g_get_real_time () / G_USEC_PER_SEC - seconds;
  const struct timespec times[2] = {{.tv_sec = time}, {.tv_sec = time}};
  g_assert_cmpint (utimensat (fixture->store->fd, file, times, 0), ==, 0);
}

/* Was last used so many days ago. A stage cannot have been used before it was built, so its record says that
 * too. */
static void
set_used (Fixture *fixture, const char *key, gint64 days)
{
  g_autofree char *file = g_strdup_printf ("stages/%s/plain.json", key);
  g_autoptr (VfJson) record = vf_checked_read (fixture->store->fd, file, NULL);
  vf_json_set_int (record, "built", 1);
  g_assert_true (vf_checked_write (fixture->store->fd, file, record, NULL));
  set_age (fixture, file, days * DAY);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = common_path ();
  fixture->store = common_open (fixture->path);
  fixture->gone = g_string_new (NULL);
  fixture->core = common_key ("core");
  fixture->base = common_key ("base");
  fixture->old = common_key ("old");
  fixture->young = common_key ("young");
  common_build (fixture->store, fixture->core, "core", NULL);
  common_build (fixture->store, fixture->base, "base", fixture->core);
  common_build (fixture->store, fixture->old, "image", fixture->base);
  common_build (fixture->store, fixture->young, "image", fixture->base);
  set_used (fixture, fixture->core, 50);
  set_used (fixture, fixture->base, 40);
  set_used (fixture, fixture->old, 30);
  set_used (fixture, fixture->young, 20);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  common_check_clean (fixture->store);
  g_clear_pointer (&fixture->store, vmforge_store_free);
  common_remove (fixture->path);
  g_string_free (fixture->gone, TRUE);
  g_free (fixture->core);
  g_free (fixture->base);
  g_free (fixture->old);
  g_free (fixture->young);
}

static void
on_removed (const VfGarbage *garbage, gpointer user_data)
{
  Fixture *fixture = user_data;
  const struct {
    const char *key, *name;
  } stages[] = {
      {fixture->core, "core"}, {fixture->base, "base"}, {fixture->old, "old"}, {fixture->young, "young"}};
  const char *name = garbage->name;
  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++)
    if (strcmp (stages[i].key, garbage->name) == 0)
      name = stages[i].name;
  g_string_append_printf (fixture->gone, "%s%s", fixture->gone->len > 0 ? " " : "", name);
}

/* What goes where all that was not used for this many days may. */
static void
assert_goes (Fixture *fixture, gint64 days, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  VfGcOptions options = {.keep_seconds = days * DAY, .max_bytes = G_MAXUINT64, .dry_run = TRUE};
  VfGcResult told, done;
  guint stages = common_count_volumes (fixture->store);
  g_string_truncate (fixture->gone, 0);
  g_assert_true (vf_store_gc (fixture->store, &options, on_removed, fixture, &told, NULL, &error));
  g_assert_cmpstr (fixture->gone->str, ==, wanted);
  g_assert_cmpuint (common_count_volumes (fixture->store), ==, stages);
  g_string_truncate (fixture->gone, 0);
  options.dry_run = FALSE;
  g_assert_true (vf_store_gc (fixture->store, &options, on_removed, fixture, &done, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (fixture->gone->str, ==, wanted);
  g_assert_cmpuint (common_count_volumes (fixture->store), ==, stages - done.count);
  g_assert_cmpuint (done.count, ==, told.count);
  g_assert_cmpuint (done.bytes, ==, told.bytes);
  g_assert_cmpuint (done.left, ==, told.left);
}

static void
children_go_before_what_they_were_made_of (Fixture *fixture, gconstpointer data)
{
  assert_goes (fixture, 10, "old young base core");
}

static void
what_was_used_lately_stays_with_all_below_it (Fixture *fixture, gconstpointer data)
{
  assert_goes (fixture, 25, "old");
  vf_store_touch (fixture->store, fixture->young);
  assert_goes (fixture, 10, "");
  assert_goes (fixture, 0, "young base core");
}

static void
an_image_keeps_its_stages (Fixture *fixture, gconstpointer data)
{
  g_autofree char *digest = common_publish (fixture->store, "web", "1", "x86_64", fixture->old, 1);
  assert_goes (fixture, 0, "young");
  g_autoptr (VfImage) image = vf_store_find_image (fixture->store, digest, NULL);
  g_assert_true (vf_store_remove_image (fixture->store, image, NULL));
  assert_goes (fixture, 0, "old base core");
}

static void
a_pin_keeps_a_stage (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (vf_store_pin (fixture->store, fixture->base, TRUE, &error));
  g_assert_true (vf_store_is_pinned (fixture->store, fixture->base));
  assert_goes (fixture, 0, "old young");
  g_assert_false (vf_store_remove_stage (fixture->store, fixture->base, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_SPEC);
  g_assert_true (vf_store_pin (fixture->store, fixture->base, FALSE, NULL));
  assert_goes (fixture, 0, "base core");
  g_clear_error (&error);
  g_assert_false (vf_store_pin (fixture->store, fixture->base, TRUE, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NOT_FOUND);
}

static void
a_use_keeps_stages_until_it_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *keys[] = {fixture->young, NULL};
  VfUse *use = vf_store_use (fixture->store, keys, &error);
  g_assert_no_error (error);
  assert_goes (fixture, 0, "old");
  g_assert_false (vf_store_remove_stage (fixture->store, fixture->young, &error));
  g_assert_nonnull (strstr (error->message, "the build of process"));
  vf_use_end (use);
  g_assert_cmpuint (common_count_files (fixture->store, "uses"), ==, 0);
  assert_goes (fixture, 0, "young base core");
}

/* In a child, which is killed while it needs a stage. */
static void
use_and_die (const char *path, gpointer data)
{
  const Fixture *fixture = data;
  const char *keys[] = {fixture->young, NULL};
  g_autoptr (VmforgeStore) store = common_open (path);
  g_assert_nonnull (vf_store_use (store, keys, NULL));
  raise (SIGKILL);
}

static void
a_dead_process_keeps_nothing (Fixture *fixture, gconstpointer data)
{
  common_wait (common_fork (use_and_die, fixture->path, fixture));
  g_assert_cmpuint (common_count_files (fixture->store, "uses"), ==, 2);
  assert_goes (fixture, 0, "old young base core");
  g_assert_cmpuint (common_count_files (fixture->store, "uses"), ==, 0);
}

static void
a_lock_file_keeps_its_stages_while_it_is_unchanged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *lock = g_build_filename (fixture->path, "logs", "web.lock", NULL);
  const char *keys[] = {fixture->young, NULL};
  g_assert_true (g_file_set_contents (lock, "locked", -1, NULL));
  g_autofree char *digest = vf_digest_text ("locked");
  g_assert_true (vf_store_add_root (fixture->store, lock, digest, keys, &error));
  g_assert_true (vf_store_add_root (fixture->store, lock, digest, keys, &error));
  assert_goes (fixture, 0, "old");
  g_assert_false (vf_store_remove_stage (fixture->store, fixture->young, &error));
  g_assert_nonnull (strstr (error->message, "web.lock"));
  g_assert_true (g_file_set_contents (lock, "moved", -1, NULL));
  assert_goes (fixture, 0, "young base core");
  g_assert_cmpuint (common_count_files (fixture->store, "roots"), ==, 0);
}

static void
add_archive (Fixture *fixture, const char *name, gsize bytes, gint64 days)
{
  g_autofree char *text = g_strnfill (bytes, 'x'), *file = g_strconcat ("cache/packages/aa/", name, NULL);
  g_assert_true (vf_fs_mkdir_p (fixture->store->fd, "cache/packages/aa", 0755, NULL));
  g_assert_true (vf_fs_write (fixture->store->fd, file, text, bytes, 0644, NULL));
  set_age (fixture, file, days * DAY);
}

static gboolean
has_archive (Fixture *fixture, const char *name)
{
  g_autofree char *file = g_strconcat ("cache/packages/aa/", name, NULL);
  return vf_fs_exists (fixture->store->fd, file);
}

static void
a_size_is_kept_by_what_was_used_last (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 before;
  VfGcResult result;
  add_archive (fixture, "older", 1 << 20, 35);
  add_archive (fixture, "newer", 1 << 20, 1);
  g_assert_true (vf_store_size (fixture->store, &before, &error));
  VfGcOptions options = {.keep_seconds = -1, .max_bytes = before - 1};
  g_assert_true (vf_store_gc (fixture->store, &options, on_removed, fixture, &result, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (fixture->gone->str, ==, "cache/packages/aa/older");
  g_assert_false (has_archive (fixture, "older"));
  g_assert_true (has_archive (fixture, "newer"));
  guint64 after;
  g_assert_true (vf_store_size (fixture->store, &after, &error));
  g_assert_cmpuint (after, ==, result.left);
  g_assert_cmpuint (before - after, ==, result.bytes);
  g_assert_false (result.in_need);
}

static void
what_is_needed_stays_whatever_the_size (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VfGcResult result;
  const char *keys[] = {fixture->old, fixture->young, NULL};
  add_archive (fixture, "some", 1 << 20, 90);
  g_autoptr (VfUse) use = vf_store_use (fixture->store, keys, &error);
  VfGcOptions options = {.keep_seconds = 0, .max_bytes = 0};
  g_assert_true (vf_store_gc (fixture->store, &options, on_removed, fixture, &result, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (result.count, ==, 0); /* nor archives, which the build may be about to install */
  g_assert_true (result.in_need);
  g_assert_true (has_archive (fixture, "some"));
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
#define ADD(name) g_test_add ("/store/gc/" #name, Fixture, NULL, set_up, name, tear_down)
  ADD (children_go_before_what_they_were_made_of);
  ADD (what_was_used_lately_stays_with_all_below_it);
  ADD (an_image_keeps_its_stages);
  ADD (a_pin_keeps_a_stage);
  ADD (a_use_keeps_stages_until_it_ends);
  ADD (a_dead_process_keeps_nothing);
  ADD (a_lock_file_keeps_its_stages_while_it_is_unchanged);
  ADD (a_size_is_kept_by_what_was_used_last);
  ADD (what_is_needed_stays_whatever_the_size);
#undef ADD
  return g_test_run ();
}
