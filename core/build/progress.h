/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Progress of work that is made of steps: each has a weight, and the sum of the weights is the whole, so that
 * no table of them has to sum to 100. */
#pragma once

#include <glib.h>

typedef struct {
  void (*func) (double fraction, const char *what, gpointer user_data);
  gpointer user_data;
  double total, done, current; /* weights */
  const char *what;            /* of the step in progress */
} VfProgress;

void vf_progress_init (VfProgress *progress, guint total_weight,
                       void (*func) (double fraction, const char *what, gpointer user_data),
                       gpointer user_data);
/* Ends the step before and begins the next. what is static. */
void vf_progress_step (VfProgress *progress, guint weight, const char *what);
/* fraction of the step in progress, negative where unknown; what may be NULL. */
void vf_progress_set (VfProgress *progress, double fraction, const char *what);
