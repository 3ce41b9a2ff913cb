/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Package plugins as objects: one runner per callback. */
#pragma once

#include "plugin/call.h"
#include "plugin/plugin.h"

typedef struct _VfBackend VfBackend;

typedef struct {
  const char *profile; /* JSON text */
  const char *release, *arch;
  const char *cache_path; /* made if absent */
  char **mirrors;         /* or NULL */
  gboolean offline;
} VfBackendConfig;

/* What a stage asks for; arrays are borrowed. */
typedef struct {
  gboolean bootstrap;
  gboolean recent;         /* refresh brings only the metadata that is missing */
  GPtrArray *repositories; /* const struct vmforge_repository * */
  const char *const *install;
  const char *const *remove;
  GPtrArray *installed; /* VfPackage */
} VfBackendRequest;

VfBackend *vf_backend_open (const char *plugin, const VfBackendConfig *config, const VfHost *host,
                            GError **error);
void vf_backend_close (VfBackend *backend);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfBackend, vf_backend_close)

/* What a package plugin gives to keys, without opening it: its cache version, and the programs of the host
 * that write for it (static; never NULL). Each may be NULL. */
gboolean vf_backend_get_facts (const char *plugin, guint32 *cache_version, const char *const **tools,
                               GError **error);

/* snapshot: free it. */
gboolean vf_backend_refresh (VfBackend *backend, const VfBackendRequest *request, char **snapshot,
                             GError **error);
/* When the newest metadata were made, seconds since 1970; 0: the plugin cannot tell. */
gboolean vf_backend_metadata_date (VfBackend *backend, const VfBackendRequest *request, gint64 *date,
                                   GError **error);
/* Elements VfPackage, sorted by id; owns them. */
GPtrArray *vf_backend_resolve (VfBackend *backend, const VfBackendRequest *request, GError **error);
gboolean vf_backend_fetch (VfBackend *backend, GPtrArray *packages, GError **error);
/* When the newest package that is not to be removed was built; *seconds -1: unknown. All are in the cache. */
gboolean vf_backend_build_time (VfBackend *backend, GPtrArray *packages, gint64 *seconds, GError **error);
gboolean vf_backend_install (VfBackend *backend, const char *root_path, int root_fd,
                             const VfBackendRequest *request, GPtrArray *packages, GError **error);
GPtrArray *vf_backend_manifest (VfBackend *backend, const char *root_path, int root_fd, GError **error);
/* Elements VfArtefact; owns them. */
GPtrArray *vf_backend_boot (VfBackend *backend, const char *root_path, int root_fd,
                            const struct vmforge_boot_request *request, GError **error);
