/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/suggest.h"

#include <string.h>

#define MAX_WORD 64

/* Insertions, deletions, changes, and swaps of neighbours, each counted once. */
static guint
distance (const char *a, const char *b)
{
  guint rows[3][MAX_WORD + 1], n = (guint)strlen (b);
  for (guint j = 0; j <= n; j++)
    rows[0][j] = j;
  guint i = 0;
  for (; a[i] != '\0'; i++) {
    const guint *before = rows[(i + 2) % 3], *above = rows[i % 3];
    guint *row = rows[(i + 1) % 3];
    row[0] = i + 1;
    for (guint j = 0; j < n; j++) {
      guint change = above[j] + (a[i] == b[j] ? 0 : 1);
      row[j + 1] = MIN (MIN (row[j], above[j + 1]) + 1, change);
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = MIN (row[j + 1], before[j - 1] + 1);
    }
  }
  return rows[i % 3][n];
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
