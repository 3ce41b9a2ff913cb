/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A file that has its name only once it is whole. */
#pragma once

#include <glib.h>

typedef struct _VfOutputFile VfOutputFile;

/* id: where the filesystem has no unnamed files, it is ".tmp-ID" until then; in a store, ID tells recovery
 * whose it is. */
VfOutputFile *vf_output_file_new (const char *folder, const char *id, GError **error);
int vf_output_file_get_fd (const VfOutputFile *file);
/* Synced, and in the place of what may have been there. path: in the folder. */
gboolean vf_output_file_publish (VfOutputFile *file, const char *path, GError **error);
/* What was not published vanishes. */
void vf_output_file_free (VfOutputFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfOutputFile, vf_output_file_free)
