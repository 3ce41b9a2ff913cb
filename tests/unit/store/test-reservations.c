/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "common.h"

#include "store/records.h"

static VmforgeStore *
open_small (const char *path)
{
  g_autoptr (GError) error = NULL;
  VmforgeStore *store = vmforge_store_open (path, "plain:available=1000", &error);
  g_assert_no_error (error);
  return store;
}

static VfBuilding *
begin (VmforgeStore *store, guint64 reserve)
{
  g_autoptr (GError) error = NULL;
  VfBuilding *building = vf_store_begin_clone (store, NULL, reserve, &error);
  g_assert_no_error (error);
  return building;
}

static void
end (VmforgeStore *store, VfBuilding *building)
{
  g_assert_true (vf_store_end (store, building, TRUE, FALSE, NULL));
}

static void
what_a_build_has_written_is_not_reserved_again (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = open_small (path);
  VfBuilding *first = begin (store, 600);
  g_assert_null (vf_store_begin_clone (store, NULL, 700, NULL));
  g_assert_true (vf_store_still_needs (store, first, 300, &error));
  g_assert_no_error (error);
  VfBuilding *second = begin (store, 700);
  g_assert_null (vf_store_begin_clone (store, NULL, 1, NULL));
  end (store, first);
  end (store, second);
  common_check_clean (store);
  common_remove (path);
}

static void
a_build_that_ended_since_the_storage_was_asked_still_counts (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = open_small (path);
  VfBuilding *first = begin (store, 600);
  g_auto (VfRoom) room = {0};
  g_assert_true (vf_room_ask (store, &room, &error));
  end (store, first);
  g_assert_false (vf_room_check (store, &room, 500, &error));
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_NO_SPACE);
  common_remove (path);
}

static void
a_build_that_began_since_the_storage_was_asked_counts_once (void)
{
  g_autoptr (GError) error = NULL;
  char *path = common_path ();
  g_autoptr (VmforgeStore) store = open_small (path);
  VfBuilding *before = begin (store, 300);
  g_auto (VfRoom) room = {0};
  g_assert_true (vf_room_ask (store, &room, &error));
  VfBuilding *after = begin (store, 300);
  g_assert_true (vf_room_check (store, &room, 400, &error));
  g_assert_no_error (error);
  g_assert_false (vf_room_check (store, &room, 401, &error));
  end (store, before);
  end (store, after);
  common_remove (path);
}

int
main (int argc, char **argv)
{
  common_init (&argc, &argv);
  g_test_add_func ("/store/reservations/what_a_build_has_written_is_not_reserved_again",
                   what_a_build_has_written_is_not_reserved_again);
  g_test_add_func ("/store/reservations/a_build_that_ended_since_the_storage_was_asked_still_counts",
                   a_build_that_ended_since_the_storage_was_asked_still_counts);
  g_test_add_func ("/store/reservations/a_build_that_began_since_the_storage_was_asked_counts_once",
                   a_build_that_began_since_the_storage_was_asked_counts_once);
  return g_test_run ();
}
