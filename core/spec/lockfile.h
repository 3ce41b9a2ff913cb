/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* SPEC.lock: what the packages of a spec were resolved to, written so that a diff of two of them reads well:
 * JSON with one package a line. (It has nothing to do with the locks of support/lock.h.) */
#pragma once

#include "spec/node.h"

#define VF_LOCKFILE_ENDING ".lock"
/* Of a package's opaque text, as the plugin ABI has it. */
#define VF_LOCKFILE_MAX_DATA (64 * 1024)

typedef struct {
  char *id, *name, *version, *arch;
  char *digest, *url, *data; /* NULL where it has none */
  guint64 size, installed_size;
  gboolean remove;
} VfLockedPackage;
void vf_locked_package_free (VfLockedPackage *package);

typedef struct {
  char **install, **remove; /* names that were asked for, sorted */
  char *sources;            /* digest of where they were looked for */
  GPtrArray *packages;      /* VfLockedPackage, sorted by id, each id once */
} VfLockedStage;

typedef struct {
  char *path;
  char *digest; /* of the file that was read; NULL for one that was made */
  gint64 date;  /* of the newest metadata, seconds since 1970; 0: unknown */
  char *distro, *release, *arch;
  VfLockedStage stages[VMFORGE_N_STAGES];
} VfLockfile;

/* Four empty stages. */
VfLockfile *vf_lockfile_new (const char *path);
void vf_lockfile_free (VfLockfile *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfLockfile, vf_lockfile_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfLockedPackage, vf_locked_package_free)

/* A sorted copy. */
char **vf_lockfile_sort_words (char **words);
/* Borrowed, or NULL. */
VfLockedPackage *vf_locked_stage_find (const VfLockedStage *stage, const char *id);

/* Errors are VMFORGE_ERROR_SPEC with file, line and column. */
VfLockfile *vf_lockfile_parse (const char *text, gsize length, const char *path, GError **error);
/* *lock: NULL where the file does not exist, which is no error. */
gboolean vf_lockfile_read (const char *path, VfLockfile **lock, GError **error);
/* The text of the file. Free the result. */
/* Of what was read, without the member of that name. Free it. */
char *vf_lockfile_checksum (const VfNode *root);
char *vf_lockfile_to_text (const VfLockfile *lock);
/* Replaces the file at lock->path as a whole. */
gboolean vf_lockfile_write (const VfLockfile *lock, GError **error);

/* What differs between two locks: one package of one stage. */
typedef struct {
  VmforgeStageKind stage;
  char *name;
  char *before, *after; /* versions; NULL: the stage does not install it; equal: another archive */
} VfLockChange;
void vf_lock_change_free (VfLockChange *change);
/* Elements VfLockChange, by stage and name. */
GPtrArray *vf_lockfile_compare (const VfLockfile *before, const VfLockfile *after);
