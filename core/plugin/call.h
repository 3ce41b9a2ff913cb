/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The engine's side of one plugin call: the host table, and where errors, results and progress go. */
#pragma once

#include "vmforge/plugin.h"
#include "vmforge/vmforge.h"

typedef struct _VfHost VfHost;
typedef struct _VfExchange VfExchange;

/* What plugins may use while they work for one caller; set once, shared by many calls of one thread.
 * Everything is borrowed and may be NULL. */
struct _VfHost {
  GCancellable *cancellable;
  void (*log) (enum vmforge_log_level level, const char *line, gpointer user_data);
  void (*progress) (double fraction, const char *what, gpointer user_data);
  gpointer user_data;        /* of log and progress */
  const char *package_cache; /* folder of cached archives, by digest: ab/cdef… ; NULL: cache functions fail */
  /* Runs a program in the root filesystem under construction; NULL outside of a worker: an error. Contract of
   * vmforge_host.run_in_root, errors through GError. */
  gboolean (*run_in_root) (const struct vmforge_program *program, const struct vmforge_sandbox *sandbox,
                           int *status, gpointer root_data, GError **error);
  gpointer root_data;
  const VfExchange *exchange; /* of transports (plugin/exchange.h) */
  gpointer exchange_data;
  /* Told before and after each callback of a plugin, by the thread that calls it. */
  void (*trace) (const char *callback, gboolean begins, gpointer trace_data);
  gpointer trace_data;
};

/* One package of ours: an owned copy of struct vmforge_package. `pub` points into it. */
typedef struct {
  struct vmforge_package pub;
} VfPackage;
VfPackage *vf_package_copy (const struct vmforge_package *package);
void vf_package_free (VfPackage *package);
/* JSON object <-> package; with_data: the opaque text too (resolutions); without: as keys and manifests list
 * it. */
struct json_object *vf_package_to_json (const VfPackage *package, gboolean with_data);
VfPackage *vf_package_from_json (struct json_object *json, GError **error);
/* The NULL-terminated array of pointers that the ABI takes, borrowed from packages (GPtrArray of VfPackage).
 * Free the array with g_free. */
const struct vmforge_package **vf_package_pointers (GPtrArray *packages);

typedef struct {
  guint64 offset, length;
  enum vmforge_extent_state state;
} VfExtent;

typedef struct {
  char *id;
  gboolean sealed;
  guint64 bytes, allocated;
} VfVolume;
void vf_volume_free (VfVolume *volume);

typedef struct {
  enum vmforge_artefact_kind kind;
  char *path, *target;
} VfArtefact;
void vf_artefact_free (VfArtefact *artefact);
