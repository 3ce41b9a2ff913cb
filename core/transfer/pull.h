/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* An image from a repository that somebody serves as a folder. */
#pragma once

#include "transfer/session.h"

/* urls: of mirrors, tried in turn; NULL terminated. word: as vf_listing_find() has it. name:
 * NAME:VERSION@ARCH of what was found, as soon as it was; free it. *there: the store had its content already.
 */
typedef void (*VfPullFoundFunc) (const char *name, guint64 bytes, gpointer user_data);
gboolean vf_session_pull (VfSession *session, const char *const *urls, const char *word, VfPullFoundFunc func,
                          gpointer user_data, GError **error);
