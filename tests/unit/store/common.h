/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the tests of the store share: a temporary store on the storage plugin "plain". */
#pragma once

#include "store/store.h"

#define VOLUME_BYTES 65536

/* A test program begins here. */
void common_init (int *argc, char ***argv);
/* A path below a fresh temporary folder, which common_remove removes. */
char *common_path (void);
void common_remove (char *path);
VmforgeStore *common_open (const char *path);

/* The key of a text. */
char *common_key (const char *text);
VfJson *common_stage_json (const char *stage, const char *parent);
/* Makes, seals, records a stage: the whole way. */
void common_build (VmforgeStore *store, const char *key, const char *stage, const char *parent);
/* The same with an index. content: what each block of the volume is filled with; '.': zeros. */
void common_build_indexed (VmforgeStore *store, const char *key, const char *stage, const char *parent,
                           const char *content);
/* Of a block of that content. hash: VF_DIGEST_BYTES bytes. */
void common_hash (char content, guint8 *hash);
VfJson *common_manifest (const char *name, const char *version, const char *arch, const char *key,
                         int serial);
/* Free the result. */
char *common_publish (VmforgeStore *store, const char *name, const char *version, const char *arch,
                      const char *key, int serial);

guint common_count_volumes (VmforgeStore *store);
/* Entries of a folder of the store, hidden ones too. */
guint common_count_files (VmforgeStore *store, const char *folder);
gboolean common_has_volume (VmforgeStore *store, const char *volume);
/* The volumes are those of the stages and kept ones, and nothing else is left. */
void common_check_clean (VmforgeStore *store);

/* Runs func in a child; returns waitpid's status. */
typedef void (*CommonFunc) (const char *path, gpointer data);
pid_t common_fork (CommonFunc func, const char *path, gpointer data);
int common_wait (pid_t pid);
