/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Memory and descriptors that callbacks take and do not give back: what is in use is compared at the
 * beginning of each callback, so that what the engine itself holds for a result is not counted. */
#include "check/suites.h"
#include "check/volume.h"
#include "support/digest.h"

#include <dirent.h>
#include <malloc.h>
#include <string.h>

#define SIZE      (4 * VF_CHECK_MIB)
#define WARM_UP   3 /* what a library allocates once is no leak */
#define CYCLES    16
#define CALLBACKS 32

typedef struct {
  const char *callback;
  gint64 bytes, descriptors;
} Account;

typedef struct {
  void (*trace) (const char *callback, gboolean begins, gpointer trace_data); /* the one before us */
  gpointer trace_data;
  Account accounts[CALLBACKS];
  Account *current;
  gint64 bytes, descriptors; /* in use when the current one began */
} Ledger;

static gint64
bytes_in_use (void)
{
  struct mallinfo2 info = mallinfo2 ();
  return (gint64)(info.uordblks + info.hblkhd);
}

static gint64
descriptors_in_use (void)
{
  gint64 n = 0;
  DIR *folder = opendir ("/proc/self/fd");
  while (folder && readdir (folder))
    n++;
  if (folder)
    closedir (folder);
  return n;
}

static Account *
account_of (Ledger *ledger, const char *callback)
{
  Account *account = ledger->accounts;
  while (account->callback && strcmp (account->callback, callback) != 0)
    account++;
  account->callback = callback;
  return account;
}

/* Charges the callback that was called last with what is in use since. */
static void
settle (Ledger *ledger)
{
  gint64 bytes = bytes_in_use (), descriptors = descriptors_in_use ();
  if (ledger->current) {
    ledger->current->bytes += bytes - ledger->bytes;
    ledger->current->descriptors += descriptors - ledger->descriptors;
  }
  ledger->bytes = bytes;
  ledger->descriptors = descriptors;
}

static void
on_trace (const char *callback, gboolean begins, gpointer data)
{
  Ledger *ledger = data;
  ledger->trace (callback, begins, ledger->trace_data);
  if (!begins)
    return;
  settle (ledger);
  ledger->current = account_of (ledger, callback);
}

static gboolean
read_ranges (VfStorage *storage, const char *a, const char *b, GError **error)
{
  g_autoptr (GArray) extents = vf_storage_extents (storage, b, 2 * SIZE, error);
  if (!extents)
    return FALSE;
  g_clear_pointer (&extents, g_array_unref);
  extents = vf_storage_differences (storage, a, b, 2 * SIZE, error);
  return extents != NULL;
}

static gboolean
map_and_unmap (VfStorage *storage, const char *id, GError **error)
{
  g_autofree char *path = NULL;
  return vf_storage_map (storage, id, FALSE, &path, error) && vf_storage_sync (storage, id, path, error) &&
         vf_storage_discard (storage, id, path, 0, VF_CHECK_BLOCK, error) &&
         vf_storage_unmap (storage, id, error);
}

static gboolean
list_once (VfStorage *storage, GError **error)
{
  g_autoptr (GPtrArray) listed = vf_storage_list (storage, error);
  return listed != NULL;
}

/* Every callback, each followed by another; errors too. Nothing of ours outlives a callback. */
static gboolean
cycle (VfCheck *check, const char *a, const char *b, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  guint64 total, available, granularity;
  gboolean snapshots;
  GError *left = NULL;
  gboolean done = storage && vf_storage_create (storage, a, SIZE, error) &&
                  map_and_unmap (storage, a, error) && vf_storage_seal (storage, a, error) &&
                  vf_storage_clone (storage, b, a, error) && vf_storage_grow (storage, b, 2 * SIZE, error) &&
                  vf_storage_seal (storage, b, error) && read_ranges (storage, a, b, error) &&
                  list_once (storage, error) && vf_storage_capacity (storage, &total, &available, error) &&
                  vf_storage_can_snapshot (storage, &snapshots, error) &&
                  vf_storage_granularity (storage, &granularity, error);
  if (done && vf_storage_create (storage, b, SIZE, &left))
    return vf_check_fail (check, error, "create", "to create a volume that exists is not refused");
  g_clear_error (&left);
  return done && vf_storage_remove (storage, b, error) && vf_storage_remove (storage, a, error);
}

static gboolean
blame (VfCheck *check, const Account *account, gint64 bytes, gint64 descriptors, GError **error)
{
  if (descriptors >= CYCLES)
    return vf_check_fail (check, error, account->callback, "it leaves %.1f descriptors open each time",
                          (double)descriptors / CYCLES);
  return vf_check_fail (check, error, account->callback, "it leaks %" G_GINT64_FORMAT " bytes each time",
                        bytes / CYCLES);
}

/* What open() takes may be given back by close() and nothing else: those two are one. The one that loses most
 * is named. */
static gboolean
judge (VfCheck *check, Ledger *ledger, GError **error)
{
  gint64 bytes = 0, descriptors = 0;
  Account *open = account_of (ledger, "open"), *close = account_of (ledger, "close");
  for (const Account *account = ledger->accounts; account->callback; account++) {
    bytes += account->bytes;
    descriptors += account->descriptors;
  }
  if (bytes < 8 * CYCLES && descriptors < CYCLES)
    return TRUE;
  open->bytes += close->bytes;
  open->descriptors += close->descriptors;
  *close = (Account){.callback = close->callback};
  const Account *worst = open;
  for (const Account *account = ledger->accounts; account->callback; account++)
    if (descriptors >= CYCLES ? account->descriptors > worst->descriptors : account->bytes > worst->bytes)
      worst = account;
  return blame (check, worst, bytes, descriptors, error);
}

/* A memory checker has an allocator of its own, which glibc knows nothing of. */
static gboolean
can_measure (void)
{
  gint64 before = bytes_in_use ();
  g_autofree char *probe = g_malloc (1 << 16);
  memset (probe, 1, 1 << 16);
  return bytes_in_use () > before;
}

gboolean
vf_check_storage_leaks (VfCheck *check, GError **error)
{
  Ledger ledger = {.trace = check->host.trace, .trace_data = check->host.trace_data};
  g_autofree char *a = vf_digest_random_id (), *b = vf_digest_random_id ();
  for (guint i = 0; i < WARM_UP; i++)
    if (!cycle (check, a, b, error))
      return FALSE;
  check->host.trace = on_trace;
  check->host.trace_data = &ledger;
  gboolean done = TRUE;
  for (guint i = 0; done && i < CYCLES; i++)
    done = cycle (check, a, b, error);
  settle (&ledger);
  check->host.trace = ledger.trace;
  check->host.trace_data = ledger.trace_data;
  if (!done || !judge (check, &ledger, error))
    return FALSE;
  return can_measure () || vf_check_note (check, "descriptors alone: memory cannot be measured here");
}
