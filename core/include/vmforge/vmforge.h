/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* libvmforge: builds virtual machine images from specs. For embedders; the `vmforge` program is one.
 *
 * The library is silent: it neither prints nor exits. What happens is told through a VmforgeEventFunc, what
 * fails through GError in the domain VMFORGE_ERROR. Functions that build or change a store need root.
 * An object is used by one thread at a time; different objects may be used in different threads. */
#ifndef VMFORGE_H
#define VMFORGE_H

#include <gio/gio.h>
#include <glib.h>

G_BEGIN_DECLS

#define VMFORGE_API __attribute__ ((visibility ("default")))

/**
 * VmforgeError:
 * @VMFORGE_ERROR_FAILED: the build failed (exit status 1 of the program)
 * @VMFORGE_ERROR_SPEC: what the user wrote is wrong (2)
 * @VMFORGE_ERROR_ENVIRONMENT: this machine lacks something (3)
 * @VMFORGE_ERROR_CANCELLED: the user stopped it (130)
 * @VMFORGE_ERROR_NO_SPACE: a disk, the volume's or the host's, is full (1)
 * @VMFORGE_ERROR_NOT_FOUND: no such image, stage or volume (2)
 */
typedef enum {
  VMFORGE_ERROR_FAILED = 1,
  VMFORGE_ERROR_SPEC = 2,
  VMFORGE_ERROR_ENVIRONMENT = 3,
  VMFORGE_ERROR_CANCELLED = 4,
  VMFORGE_ERROR_NO_SPACE = 5,
  VMFORGE_ERROR_NOT_FOUND = 6,
} VmforgeError;

#define VMFORGE_ERROR vmforge_error_quark ()
VMFORGE_API GQuark vmforge_error_quark (void);

typedef struct _VmforgeSpec VmforgeSpec;
typedef struct _VmforgeStore VmforgeStore;

typedef enum {
  VMFORGE_STAGE_CORE,
  VMFORGE_STAGE_BASE,
  VMFORGE_STAGE_IMAGE,
  VMFORGE_STAGE_APPLIANCE,
} VmforgeStageKind;
#define VMFORGE_N_STAGES 4

typedef enum {
  VMFORGE_STATE_WAITING, /* planned */
  VMFORGE_STATE_BLOCKED, /* another process builds it: message says which */
  VMFORGE_STATE_BUILDING,
  VMFORGE_STATE_BUILT,
  VMFORGE_STATE_REUSED,
  VMFORGE_STATE_FAILED,
} VmforgeStageState;

typedef enum {
  VMFORGE_EVENT_STAGE,    /* the state of a stage changed */
  VMFORGE_EVENT_PROGRESS, /* fraction and message of a running stage, or of planning (stage_key NULL) */
  VMFORGE_EVENT_LOG,      /* a line of a stage's log (message) */
  VMFORGE_EVENT_WARNING,  /* something that the user should know (message) */
  VMFORGE_EVENT_IMAGE,    /* an image was published (image, path) */
  VMFORGE_EVENT_REMOVED,  /* the store gave up what was not used for long (message) */
  VMFORGE_EVENT_SPEC,     /* a spec has come to its end: VMFORGE_STATE_BUILT or _FAILED, or
                             _WAITING: others failed before it was whole */
} VmforgeEventType;

/** VmforgeEvent: what happens; valid during the call of the VmforgeEventFunc only. */
typedef struct {
  VmforgeEventType type;
  const char *spec; /* path of the spec, or NULL */
  VmforgeStageKind stage;
  VmforgeStageState state;
  const char *stage_key; /* 64 hexadecimal characters, or NULL while unknown */
  double fraction;       /* 0.0 … 1.0 of the stage; negative: unknown */
  double seconds;        /* since the stage began, or its whole time */
  const char *message;   /* or NULL */
  const char *image;     /* NAME:VERSION@ARCH, with VMFORGE_EVENT_IMAGE */
  const char *path;      /* of the image or of the log, or NULL */
} VmforgeEvent;

/* Called in the thread that called the library. */
typedef void (*VmforgeEventFunc) (const VmforgeEvent *event, gpointer user_data);

/** vmforge_stage_name: Returns: "core", "base", "image" or "appliance". */
VMFORGE_API const char *vmforge_stage_name (VmforgeStageKind stage);

/** vmforge_spec_load: reads, merges and checks a spec. Needs neither network nor root.
 * @path: the spec file
 * Returns: (transfer full): the spec; NULL with VMFORGE_ERROR_SPEC */
VMFORGE_API VmforgeSpec *vmforge_spec_load (const char *path, GError **error);
VMFORGE_API void vmforge_spec_free (VmforgeSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmforgeSpec, vmforge_spec_free)
VMFORGE_API const char *vmforge_spec_get_name (const VmforgeSpec *spec);

/** vmforge_spec_schema: Returns: the JSON Schema of specs, as text; static. */
VMFORGE_API const char *vmforge_spec_schema (void);

/** vmforge_store_open: opens the store, makes it where absent, and removes what dead processes left.
 * @path: folder, or NULL for VMFORGE_STORE or the default
 * @storage: `NAME[:key=value,…]`, or NULL for the configured one */
VMFORGE_API VmforgeStore *vmforge_store_open (const char *path, const char *storage, GError **error);
VMFORGE_API void vmforge_store_free (VmforgeStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmforgeStore, vmforge_store_free)

/** VmforgeBuildOptions: zero-initialise it, then set what you need. */
typedef struct {
  gboolean has_until;
  VmforgeStageKind until; /* build up to this stage alone, with has_until */
  const char *output;     /* where to write the image beside the store; NULL: nowhere */
  const char *format;     /* overrides the spec's output.formats; NULL: the spec's */
  gboolean keep_failed;   /* keep the volume of a failed stage for `vmforge shell` */
  gboolean offline;       /* fetch nothing */
  guint jobs;             /* stages that are built at once; 0: by processors and memory */
  int refresh_seconds; /* age of metadata that needs no refresh; 0: the default (3600); -1: always refresh */
  gboolean locked;     /* fail where a spec has no lock file beside it; one that is there is always used */
  gboolean paranoid; /* read all of each volume for its block index, and compare with the one that was made */
} VmforgeBuildOptions;

/** vmforge_build: builds every spec and publishes its image.
 * Plans all of them first; a stage that several need is built once, stages that need nothing of each other
 * side by side. After a failure no stage begins; what runs is ended, and its stages stay. Nothing
 * half-made is left. */
VMFORGE_API gboolean vmforge_build (VmforgeStore *store, VmforgeSpec *const *specs, gsize n_specs,
                                    const VmforgeBuildOptions *options, VmforgeEventFunc func,
                                    gpointer user_data, GCancellable *cancellable, GError **error);

G_END_DECLS
#endif
