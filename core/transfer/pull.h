/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* An image from a repository that somebody serves as a folder. */
#pragma once

#include "transfer/session.h"

/* What is told while an image is pulled; none may be NULL. */
typedef struct {
  /* NAME:VERSION@ARCH, and the size of its disk. */
  void (*found) (const char *name, guint64 bytes, gpointer user_data);
  /* What this URL served is not what was promised: the next one is asked. */
  void (*skipped) (const char *url, const GError *why, gpointer user_data);
  gpointer user_data;
} VfPullWatch;

/* urls: of mirrors, tried in turn; NULL terminated. word: as vf_listing_find() has it. */
gboolean vf_session_pull (VfSession *session, const char *const *urls, const char *word,
                          const VfPullWatch *watch, GError **error);
