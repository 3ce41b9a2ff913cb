/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* One call of one callback, for the runners (storage.c, backend.c): nothing else calls plugin code. */
#pragma once

#include "plugin/call.h"

/* What a callback may use besides error, log, progress, cancelled, run and the cache. */
typedef enum {
  VF_CALL_EMITS_PACKAGES = 1 << 0,
  VF_CALL_EMITS_VOLUMES = 1 << 1,
  VF_CALL_EMITS_EXTENTS = 1 << 2,
  VF_CALL_EMITS_DIFFERENCES = 1 << 3,
  VF_CALL_EMITS_ARTEFACTS = 1 << 4,
  VF_CALL_HAS_ROOT = 1 << 5,
  VF_CALL_EXCHANGES = 1 << 7,
  VF_CALL_CLEANS_UP = 1 << 6, /* runs to its end although the user stopped the work */
} VfCallFlags;

typedef struct {
  struct vmforge_call pub; /* first */
  const VfHost *host;
  GCancellable *cancellable;
  const char *plugin;
  const char *callback;
  VfCallFlags flags;
  GError *said;       /* the plugin's own error(), or what it did against the rules */
  GError *pending;    /* of a host function that failed: the plugin may recover from it */
  GPtrArray *kept;    /* strings that the plugin was given */
  gboolean told;      /* why it fails is told to the peer */
  GPtrArray *results; /* VfPackage, VfVolume or VfArtefact */
  GArray *extents;    /* VfExtent */
  guint64 bytes;      /* of the volume whose extents are emitted */
} VfCall;

/* callback must be a literal. */
void vf_call_begin (VfCall *call, const VfHost *host, const char *plugin, const char *callback,
                    VfCallFlags flags);
/* Judges the end of a call by what it returned and by what it said; frees what the call holds but results and
 * extents. */
gboolean vf_call_end (VfCall *call, int returned, GError **error);
/* The same for a callback that kept to its return value but not to the contract. Returns FALSE. */
gboolean vf_call_misbehaved (const char *plugin, const char *callback, GError **error, const char *format,
                             ...) G_GNUC_PRINTF (4, 5);
/* For the one callback that has no call: close. */
void vf_call_close (const VfHost *host, void (*close) (void *handle), void *handle);
void vf_call_clear (VfCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VfCall, vf_call_clear)

/* For the parts of the host table. Each returns -1. */
int vf_call_pend (VfCall *call, GError *error);
int vf_call_refuse (VfCall *call, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* vmforge_exchange.reason: without the plugin's name, which the peer puts there. */
const char *vf_call_reason (VfCall *call);
void vf_call_log (VfCall *call, enum vmforge_log_level level, const char *text);

/* One line of valid UTF-8 without control characters, at most limit bytes. */
char *vf_call_clean_line (const char *text, gsize limit);

/* Of the calls that exchange (exchange.c). */
extern const struct vmforge_exchange vf_call_exchange;
/* Members of the host table (emit.c, cache.c, run.c). */
int vf_call_emit_package (struct vmforge_call *call, const struct vmforge_package *package);
int vf_call_emit_volume (struct vmforge_call *call, const struct vmforge_volume *volume);
int vf_call_emit_extent (struct vmforge_call *call, uint64_t offset, uint64_t length,
                         enum vmforge_extent_state state);
int vf_call_emit_artefact (struct vmforge_call *call, enum vmforge_artefact_kind kind, const char *path,
                           const char *target);
const char *vf_call_cache_find (struct vmforge_call *call, const char *digest);
int vf_call_cache_add (struct vmforge_call *call, const char *path, const char *digest);
int vf_call_run (struct vmforge_call *call, const struct vmforge_program *program);
int vf_call_run_in_root (struct vmforge_call *call, const struct vmforge_program *program,
                         const struct vmforge_sandbox *sandbox);

/* A zero-filled copy of a sized struct that a plugin passed: at most what it says it has. */
#define VF_COPY_SIZED(to, from)                                                                              \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    memset ((to), 0, sizeof *(to));                                                                          \
    memcpy ((to), (from), MIN ((gsize)(from)->size, sizeof *(to)));                                          \
  }                                                                                                          \
  G_STMT_END
