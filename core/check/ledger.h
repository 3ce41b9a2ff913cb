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
/* Ends it after `cycles` repetitions of the same callbacks, and blames the one that loses most. Frees it. */
gboolean vf_check_ledger_close (VfCheckLedger *ledger, guint cycles, GError **error);
