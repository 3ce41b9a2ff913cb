/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A system call filter under which fsync and its kin succeed and do nothing. A volume is made durable once,
 * when it is sealed; package tools sync for each file, which made half of the time of a bootstrap. */
#pragma once

#include <glib.h>

/* A descriptor that holds the compiled filter, for `bwrap --seccomp`; -1 with error. On a
 * machine of another architecture it allows all. */
int vf_sync_filter_open (GError **error);
