/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes as files of one folder: what the callbacks of a storage plugin that has a `folder` do by default.
 * FOLDER/ ID.raw is a sparse file, without write permission once it is sealed; it gets its name when it is
 * whole. */
#pragma once

#include "plugin/call.h"

/* Each works in the open folder dirfd. */
/* A descriptor of the new volume; -1 with error. */
int vf_files_create (int dirfd, const char *id, guint64 bytes, GError **error);
int vf_files_clone (int dirfd, const char *id, const char *parent, GCancellable *cancellable, GError **error);
/* The name of the file in the folder; free it. */
char *vf_files_map (int dirfd, const char *id, gboolean read_only, GError **error);
gboolean vf_files_grow (int dirfd, const char *id, guint64 bytes, GError **error);
/* made: the descriptor that making it gave, or -1: what went wrong with a write since then is told to that
 * one, but perhaps not to one that is opened now. */
gboolean vf_files_seal (int dirfd, const char *id, int made, GError **error);
/* What a default that was cut off left, where there are no unnamed files. */
gboolean vf_files_remove_part (int dirfd, const char *id, GError **error);
gboolean vf_files_remove (int dirfd, const char *id, GError **error);
/* Elements VfVolume; owns them. */
GPtrArray *vf_files_list (int dirfd, GError **error);
/* Elements VfExtent by value. */
GArray *vf_files_extents (int dirfd, const char *id, GError **error);
