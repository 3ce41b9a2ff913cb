/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "vmforge/vmforge.h"

/* Gives every file, folder and link of this filesystem that was modified after epoch (seconds since 1970)
 * that time. What is mounted below root is left alone. */
gboolean vf_clamp_times (int root, gint64 epoch, GError **error);
/* The same of this one alone; fd may be an O_PATH one. */
gboolean vf_clamp_file (int fd, gint64 epoch, GError **error);
/* The same of what is in this folder, but not in those below it; nothing where fd is no folder. */
gboolean vf_clamp_entries (int fd, gint64 epoch, GError **error);
