/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include <glib.h>

/* The candidate nearest to a mistyped word (edit distance at most a third of its length), or NULL. Borrowed.
 */
const char *vf_suggest (const char *word, const char *const *candidates);
/* " (did you mean 'X'?)" or "". Free the result. */
char *vf_suggest_hint (const char *word, const char *const *candidates);
