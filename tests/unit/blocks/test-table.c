/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "blocks/table.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *folder;
  int fd;
  VfBlockTable *table;
} Fixture;

#define FILE_NAME "blocks"

static gboolean
all_live (guint32 number, gpointer user_data)
{
  return TRUE;
}

static gboolean
odd_live (guint32 number, gpointer user_data)
{
  return number % 2 == 1;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("vmforge-table-XXXXXX", NULL);
  fixture->fd = open (fixture->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  fixture->table = vf_block_table_open (fixture->fd, FILE_NAME, TRUE, NULL);
  g_assert_nonnull (fixture->table);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vf_block_table_close (fixture->table);
  (void)unlinkat (fixture->fd, FILE_NAME, 0);
  close (fixture->fd);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->folder);
}

/* As spread as a real hash is. */
static guint64
hash_of (guint64 i)
{
  guint64 x = i + G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static VfBlockHint
hint_of (guint64 i)
{
  return (VfBlockHint){hash_of (i), (guint32)(1 + i % 1000), (guint32)(i * 7 % VF_TABLE_BLOCKS)};
}

static void
add (VfBlockTable *table, guint64 first, guint64 count, VfTableAlive alive)
{
  g_autoptr (GError) error = NULL;
  g_autofree VfBlockHint *hints = g_new (VfBlockHint, count);
  for (guint64 i = 0; i < count; i++)
    hints[i] = hint_of (first + i);
  g_assert_true (vf_block_table_add (table, hints, count, alive, NULL, &error));
  g_assert_no_error (error);
}

static gboolean
has (const VfBlockTable *table, guint64 i)
{
  VfBlockHint hints[8], wanted = hint_of (i);
  guint found = vf_block_table_find (table, wanted.hash, hints, G_N_ELEMENTS (hints));
  for (guint k = 0; k < found; k++)
    if (hints[k].number == wanted.number && hints[k].block == wanted.block)
      return TRUE;
  return FALSE;
}

static guint64
count_missing (const VfBlockTable *table, guint64 count)
{
  guint64 missing = 0;
  for (guint64 i = 0; i < count; i++)
    missing += !has (table, i);
  return missing;
}

static void
what_was_added_is_found (Fixture *fixture, gconstpointer data)
{
  static const guint64 steps[] = {1, 10, 1000, 17, 100000, 3, 300000};
  guint64 count = 0, entries;
  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++) {
    add (fixture->table, count, steps[i], all_live);
    count += steps[i];
    g_assert_cmpuint (count_missing (fixture->table, count), ==, 0);
  }
  g_assert_cmpuint (vf_block_table_verify (fixture->table, &entries), ==, 0);
  g_assert_cmpuint (entries, ==, count);
}

static void
what_was_not_is_hardly_ever_taken_for_it (Fixture *fixture, gconstpointer data)
{
  guint64 wrong = 0;
  add (fixture->table, 0, 200000, all_live);
  for (guint64 i = 0; i < 200000; i++) {
    VfBlockHint hints[8];
    wrong += vf_block_table_find (fixture->table, hash_of (1000000 + i), hints, 8);
  }
  g_assert_cmpuint (wrong, <, 200);
}

static void
it_is_the_same_when_opened_again (Fixture *fixture, gconstpointer data)
{
  add (fixture->table, 0, 50000, all_live);
  guint64 id = vf_block_table_get_id (fixture->table);
  g_autoptr (VfBlockTable) again = vf_block_table_open (fixture->fd, FILE_NAME, FALSE, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (vf_block_table_get_id (again), ==, id);
  g_assert_cmpuint (count_missing (again, 50000), ==, 0);
  /* A reader sees what a writer adds. */
  add (fixture->table, 50000, 50000, all_live);
  g_assert_cmpuint (count_missing (again, 100000), ==, 0);
}

static void
a_block_that_is_everywhere_takes_little_room (Fixture *fixture, gconstpointer data)
{
  VfBlockHint hints[1000], found[16];
  for (guint i = 0; i < G_N_ELEMENTS (hints); i++)
    hints[i] = (VfBlockHint){hash_of (1), 1 + i, i};
  g_assert_true (vf_block_table_add (fixture->table, hints, G_N_ELEMENTS (hints), all_live, NULL, NULL));
  g_assert_cmpuint (vf_block_table_find (fixture->table, hash_of (1), found, 16), ==, 4);
}

static void
volumes_that_are_gone_make_room (Fixture *fixture, gconstpointer data)
{
  guint64 entries;
  add (fixture->table, 0, 100000, all_live);
  add (fixture->table, 100000, 100000, odd_live);
  for (guint64 i = 0; i < 100000; i++)
    if (hint_of (i).number % 2 == 1)
      g_assert_true (has (fixture->table, i));
  vf_block_table_verify (fixture->table, &entries);
  g_assert_cmpuint (entries, <, 160000);
}

static void
damage_costs_hints_alone (Fixture *fixture, gconstpointer data)
{
  guint64 entries;
  add (fixture->table, 0, 100000, all_live);
  int fd = openat (fixture->fd, FILE_NAME, O_RDWR | O_CLOEXEC);
  for (off_t page = 1; page < 200; page += 10) {
    guint8 byte;
    g_assert_cmpint (pread (fd, &byte, 1, page * 4096 + 100), ==, 1);
    byte ^= 1;
    g_assert_cmpint (pwrite (fd, &byte, 1, page * 4096 + 100), ==, 1);
  }
  g_assert_cmpuint (vf_block_table_verify (fixture->table, &entries), ==, 20);
  g_assert_cmpuint (count_missing (fixture->table, 100000), <=, 20);
  /* Shorter than its header says, or of other bytes: made anew by the next writer, and none for a reader. */
  g_assert_cmpint (ftruncate (fd, 3 * 4096), ==, 0);
  close (fd);
  g_assert_null (vf_block_table_open (fixture->fd, FILE_NAME, FALSE, NULL));
  g_autoptr (VfBlockTable) anew = vf_block_table_open (fixture->fd, FILE_NAME, TRUE, NULL);
  g_assert_nonnull (anew);
  g_assert_cmpuint (vf_block_table_verify (anew, &entries), ==, 0);
  g_assert_cmpuint (entries, ==, 0);
}

/* member: which number of the header. */
static void
set_header (Fixture *fixture, off_t member, guint64 value)
{
  int fd = openat (fixture->fd, FILE_NAME, O_RDWR | O_CLOEXEC);
  value = GUINT64_TO_LE (value);
  g_assert_cmpint (pwrite (fd, &value, sizeof value, 16 + 8 * member), ==, sizeof value);
  close (fd);
}

static void
a_header_that_tells_of_too_few_pages_is_found (Fixture *fixture, gconstpointer data)
{
  guint64 entries;
  add (fixture->table, 0, 100000, all_live);
  g_assert_cmpuint (vf_block_table_verify (fixture->table, &entries), ==, 0);
  set_header (fixture, 1, 16);
  g_assert_cmpuint (vf_block_table_verify (fixture->table, &entries), >, 0);
}

static void
a_header_that_tells_of_too_many_entries_fills_no_disk (Fixture *fixture, gconstpointer data)
{
  struct stat before, st;
  add (fixture->table, 0, 100000, all_live);
  g_assert_cmpint (fstatat (fixture->fd, FILE_NAME, &before, 0), ==, 0);
  set_header (fixture, 2, G_GUINT64_CONSTANT (1) << 50);
  for (guint64 i = 0; i < 20; i++)
    add (fixture->table, 100000 + i, 1, all_live);
  g_assert_cmpint (fstatat (fixture->fd, FILE_NAME, &st, 0), ==, 0);
  /* As if all pages were full, and no larger however often something is added. */
  g_assert_cmpint (st.st_size, <=, 2 * before.st_size);
  g_assert_cmpuint (count_missing (fixture->table, 100020), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/blocks/table/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("what was added is found", what_was_added_is_found);
  ADD ("what was not is hardly ever taken for it", what_was_not_is_hardly_ever_taken_for_it);
  ADD ("it is the same when it is opened again", it_is_the_same_when_opened_again);
  ADD ("a block that is everywhere takes little room", a_block_that_is_everywhere_takes_little_room);
  ADD ("volumes that are gone make room", volumes_that_are_gone_make_room);
  ADD ("damage costs hints alone", damage_costs_hints_alone);
  ADD ("a header that tells of too few pages is found", a_header_that_tells_of_too_few_pages_is_found);
  ADD ("a header that tells of too many entries fills no disk",
       a_header_that_tells_of_too_many_entries_fills_no_disk);
  return g_test_run ();
}
