/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Defaults of this machine: /etc/vmforge/vmforge.yaml. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct {
  char *store;         /* folder of the store: "/var/lib/vmforge" */
  char *storage;       /* NAME[:key=value,…]: "storage-file" */
  char *transport;     /* likewise: "transport-cbt" */
  int keep_images;     /* versions kept of each name: 3 */
  guint64 store_limit; /* bytes; 0: half of the filesystem */
  char **policy_roles; /* that must have signed an image from elsewhere: "service", "author"; {"service"} */
  char **policy_keys;  /* ids of the keys that count, or NULL: all that are trusted */
  gint64 repository_expires; /* seconds that index.json of the repository is good for: 30 days */
  gboolean repository_packs; /* whether packs are made */
} VfConfig;

/* path: NULL for the installed place (paths.h). A file that does not exist means the defaults. */
VfConfig *vf_config_load (const char *path, GError **error);
void vf_config_free (VfConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfConfig, vf_config_free)
