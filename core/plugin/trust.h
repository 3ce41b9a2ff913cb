/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Root runs no plugin that another user could have written or put there. All is trusted where root is not at
 * work. */
#pragma once

#include "vmforge/vmforge.h"

#include <sys/stat.h>

/* status: of the file that path leads to. */
gboolean vf_trust_check_file (const char *path, const struct stat *status, GError **error);

/* The folder that the plugin at path was found in: of root, and writable by root alone. The folders that lead
 * to it, as it is written and behind symbolic links: not writable by everybody. Whose they are is not asked,
 * for a build tree below a user's home serves root as well, and the file must be root's anyway. */
gboolean vf_trust_check_folder (const char *path, GError **error);
