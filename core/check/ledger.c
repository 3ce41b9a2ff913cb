/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/ledger.h"

#include <dirent.h>
#include <malloc.h>
#include <string.h>

#define CALLBACKS 32

/* What a callback lost: in this repetition, and in the one in which it lost least. */
typedef struct {
  const char *callback;
  gint64 bytes, descriptors;
  gint64 least_bytes, least_descriptors;
} Account;

struct _VfCheckLedger {
  VfCheck *check;
  void (*trace) (const char *callback, gboolean begins, gpointer trace_data); /* the one before us */
  gpointer trace_data;
  Account accounts[CALLBACKS];
  Account *current;
  gint64 bytes, descriptors;             /* in use when the current one began */
  gint64 turn_bytes, turn_descriptors;   /* in use when the repetition began */
  gint64 least_bytes, least_descriptors; /* that a repetition lost */
  guint turns;
};

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
account_of (VfCheckLedger *ledger, const char *callback)
{
  Account *account = ledger->accounts;
  while (account->callback && strcmp (account->callback, callback) != 0)
    account++;
  if (!account->callback)
    *account = (Account){callback, 0, 0, G_MAXINT64, G_MAXINT64};
  return account;
}

/* Charges the callback that was called last with what is in use since. */
static void
settle (VfCheckLedger *ledger)
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
  VfCheckLedger *ledger = data;
  ledger->trace (callback, begins, ledger->trace_data);
  if (!begins)
    return;
  settle (ledger);
  ledger->current = account_of (ledger, callback);
}

static gboolean
blame (VfCheckLedger *ledger, const Account *account, GError **error)
{
  if (ledger->least_descriptors > 0)
    return vf_check_fail (ledger->check, error, account->callback,
                          "it leaves %" G_GINT64_FORMAT " descriptors open each time",
                          ledger->least_descriptors);
  return vf_check_fail (ledger->check, error, account->callback,
                        "it leaks %" G_GINT64_FORMAT " bytes each time", ledger->least_bytes);
}

/* How far an account is from having lost what all lost. */
static gint64
distance (const VfCheckLedger *ledger, const Account *account)
{
  gint64 lost = ledger->least_descriptors > 0 ? account->least_descriptors - ledger->least_descriptors
                                              : account->least_bytes - ledger->least_bytes;
  return lost < 0 ? -lost : lost;
}

static gboolean
judge (VfCheckLedger *ledger, GError **error)
{
  if (ledger->turns == 0 || (ledger->least_bytes <= 0 && ledger->least_descriptors <= 0))
    return TRUE;
  const Account *nearest = ledger->accounts;
  for (const Account *account = ledger->accounts; account->callback; account++)
    if (distance (ledger, account) < distance (ledger, nearest))
      nearest = account;
  return blame (ledger, nearest, error);
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

/* What the engine does before the first callback is open's: it gives that back after it. */
static void
begin_turn (VfCheckLedger *ledger)
{
  ledger->current = NULL;
  settle (ledger);
  ledger->current = account_of (ledger, "open");
  ledger->turn_bytes = ledger->bytes;
  ledger->turn_descriptors = ledger->descriptors;
}

VfCheckLedger *
vf_check_ledger_open (VfCheck *check)
{
  VfCheckLedger *ledger = g_new0 (VfCheckLedger, 1);
  ledger->check = check;
  ledger->trace = check->host.trace;
  ledger->trace_data = check->host.trace_data;
  check->host.trace = on_trace;
  check->host.trace_data = ledger;
  ledger->least_bytes = ledger->least_descriptors = G_MAXINT64;
  begin_turn (ledger);
  return ledger;
}

/* What open() takes may be given back by close() and nothing else: those two are one. */
static void
close_accounts (VfCheckLedger *ledger)
{
  Account *open = account_of (ledger, "open"), *close = account_of (ledger, "close");
  open->bytes += close->bytes;
  open->descriptors += close->descriptors;
  close->bytes = close->descriptors = 0;
  for (Account *account = ledger->accounts; account->callback; account++) {
    account->least_bytes = MIN (account->least_bytes, account->bytes);
    account->least_descriptors = MIN (account->least_descriptors, account->descriptors);
    account->bytes = account->descriptors = 0;
  }
}

void
vf_check_ledger_turn (VfCheckLedger *ledger)
{
  settle (ledger);
  ledger->least_bytes = MIN (ledger->least_bytes, ledger->bytes - ledger->turn_bytes);
  ledger->least_descriptors = MIN (ledger->least_descriptors, ledger->descriptors - ledger->turn_descriptors);
  ledger->turns++;
  close_accounts (ledger);
  begin_turn (ledger);
}

gboolean
vf_check_ledger_close (VfCheckLedger *ledger, GError **error)
{
  VfCheck *check = ledger->check;
  check->host.trace = ledger->trace;
  check->host.trace_data = ledger->trace_data;
  gboolean sound = judge (ledger, error);
  g_free (ledger);
  return sound &&
         (can_measure () || vf_check_note (check, "descriptors alone: memory cannot be measured here"));
}
