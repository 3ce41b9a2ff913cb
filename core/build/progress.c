/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/progress.h"

void
vf_progress_init (VfProgress *progress, guint total_weight,
                  void (*func) (double fraction, const char *what, gpointer user_data), gpointer user_data)
{
  *progress = (VfProgress){.func = func, .user_data = user_data, .total = MAX (total_weight, 1)};
}

void
vf_progress_step (VfProgress *progress, guint weight, const char *what)
{
  progress->done += progress->current;
  progress->current = weight;
  progress->what = what;
  vf_progress_set (progress, 0.0, NULL);
}

void
vf_progress_set (VfProgress *progress, double fraction, const char *what)
{
  double part = CLAMP (fraction, 0.0, 1.0) * progress->current;
  progress->func (CLAMP ((progress->done + part) / progress->total, 0.0, 1.0), what ? what : progress->what,
                  progress->user_data);
}
