/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Between spec.c and its helpers: from the merged, schema-checked tree to the model. */
#pragma once

#include "spec/spec.h"

typedef struct {
  VmforgeSpec *spec;
  gboolean without_files;   /* VF_SPEC_WITHOUT_FILES */
  GHashTable *repositories; /* names so far */
} VfSpecLoader;

/* spec-stage.c */
gboolean vf_spec_read_stage (const VfSpecLoader *loader, VmforgeStageKind kind, GError **error);
void vf_spec_stage_clear (VfSpecStage *stage);
/* A list whose entries are texts or maps by distribution, resolved and added to words (copies).
 * what: "package". */
gboolean vf_spec_add_words (const VfSpecLoader *loader, GPtrArray *words, const VfNode *list,
                            const char *what, GError **error);
/* Ends a collection of words; doubles are left out. */
char **vf_spec_steal_words (GPtrArray **words);
/* Refuses credentials. */
gboolean vf_spec_check_url (const VfNode *node, GError **error);

/* spec-user.c */
gboolean vf_spec_read_users (const VfSpecLoader *loader, VfSpecStage *stage, VmforgeStageKind kind,
                             GError **error);
void vf_spec_user_free (VfSpecUser *user);

/* spec-content.c */
gboolean vf_spec_read_files (const VfSpecLoader *loader, VfSpecStage *stage, GError **error);
gboolean vf_spec_read_run (const VfSpecLoader *loader, VfSpecStage *stage, GError **error);
void vf_spec_file_free (VfSpecFile *file);
void vf_spec_run_free (VfSpecRun *run);

/* spec-source.c: files of the build host that a spec names. Errors have the node's position. */
/* The absolute path of a readable file or folder; is_folder may be NULL where only files will do. */
char *vf_spec_source_path (const VfSpecLoader *loader, const VfNode *node, gboolean *is_folder,
                           GError **error);
/* The same and a file's content, at most limit bytes, NUL terminated ("" without files). path may be NULL. */
char *vf_spec_source_read (const VfSpecLoader *loader, const VfNode *node, gsize limit, char **path,
                           gsize *length, GError **error);

/* spec-system.c: hostname, locale, time zone, network, kernel arguments. After the stages. */
gboolean vf_spec_read_system (const VfSpecLoader *loader, GError **error);
void vf_spec_interface_free (VfSpecInterface *interface);

/* spec-size.c: after the stages. */
gboolean vf_spec_read_sizes (const VfSpecLoader *loader, GError **error);
