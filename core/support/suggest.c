/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/suggest.h"

#include <string.h>

#define MAX_WORD 64

static guint
distance (const char *a, const char *b)
{
  guint row[MAX_WORD + 1], n = (guint)strlen (b);
  for (guint j = 0; j <= n; j++)
    row[j] = j;
  for (guint i = 1; a[i - 1] != '\0'; i++) {
    guint diagonal = row[0];
    row[0] = i;
    for (guint j = 1; j <= n; j++) {
      guint above = row[j];
      guint change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = MIN (MIN (row[j - 1], above) + 1, change);
      diagonal = above;
    }
  }
  return row[n];
}

const char *
vf_suggest (const char *word, const char *const *candidates)
{
  if (strlen (word) > MAX_WORD)
    return NULL;
  const char *best = NULL;
  guint best_distance = MAX ((guint)strlen (word) / 3, 1) + 1;
  for (; candidates != NULL && *candidates != NULL; candidates++) {
    if (strlen (*candidates) > MAX_WORD)
      continue;
    guint found = distance (word, *candidates);
    if (found < best_distance) {
      best = *candidates;
      best_distance = found;
    }
  }
  return best;
}

char *
vf_suggest_hint (const char *word, const char *const *candidates)
{
  const char *best = vf_suggest (word, candidates);
  return best == NULL ? g_strdup ("") : g_strdup_printf (" (did you mean '%s'?)", best);
}
