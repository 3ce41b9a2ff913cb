/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Memory and descriptors that callbacks take and do not give back: what is in use is compared at the
 * beginning of each callback, so that what the engine itself holds for a result is not counted. */
#pragma once

#include "check/case.h"

typedef struct _VfCheckLedger VfCheckLedger;

/* Begins to count. Between this and the end the caller itself keeps no memory from one callback to the next.
 */
VfCheckLedger *vf_check_ledger_open (VfCheck *check);
/* Told after each repetition of the same callbacks. */
void vf_check_ledger_turn (VfCheckLedger *ledger);
/* Ends it. A leak is what every repetition loses; what a library keeps once is none. Blames the callback that
 * loses most. Frees the ledger. */
gboolean vf_check_ledger_close (VfCheckLedger *ledger, GError **error);
