/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A stage while it is built: what the steps of a worker share. */
#pragma once

#include "build/changes.h"
#include "build/disk.h"
#include "build/events.h"
#include "build/mount.h"
#include "build/progress.h"
#include "build/rootfs.h"
#include "build/sandbox.h"
#include "plugin/backend.h"
#include "plugin/storage.h"
#include "support/json.h"

typedef struct {
  VfJson *job;
  const char *stage; /* "core" … */
  gint64 epoch;
  guint64 bytes; /* of the volume */
  VfEvents *events;
  VfProgress progress;
  VfHost host;
  VmforgeStore *store;
  VfStorage *storage;
  VfDiskIds *ids;
  VfDiskLayout layout;
  char *volume_path;
  guint64 bytes_before, bytes_told; /* that the volume takes: at the beginning, and since then */
  char **mkfs;
  VfMount *mount;
  VfRootfs *root;
  VfChanges *changes; /* of the root filesystem since it was mounted; NULL: all files are looked at */
  VfSandbox sandbox;
  VfBackend *backend;
  GHashTable *host_keys; /* names in /etc/ssh that stay */
  GPtrArray *packages;   /* VfPackage: to install */
  GPtrArray *manifest;   /* VfPackage: installed at the end */
  char *index_root;      /* of the block index, when it is made */
  guint64 own_bytes;     /* of the blocks that the parent's index does not have in their place */
} VfWork;

static inline gboolean
vf_work_is_core (const VfWork *work)
{
  return vf_json_string (work->job, "parent_volume", NULL) == NULL;
}

/* volume.c */
gboolean vf_work_prepare (VfWork *work, GError **error);
gboolean vf_work_finish (VfWork *work, GError **error);
/* index.c: of the sealed volume, into building/. */
gboolean vf_work_index (VfWork *work, GError **error);
/* keys.c: before the plugin sees the job's repositories. */
gboolean vf_work_keep_keys (VfWork *work, GError **error);
/* packages.c */
gboolean vf_work_open_backend (VfWork *work, GError **error);
gboolean vf_work_install (VfWork *work, GError **error);
gboolean vf_work_read_manifest (VfWork *work, GError **error);
/* boot.c */
gboolean vf_work_boot (VfWork *work, GError **error);
/* space.c: will the packages fit? And: replaces an error that came of a full root filesystem by one that says
 * so. */
gboolean vf_work_check_space (VfWork *work, GError **error);
/* Tells the engine how much the volume has taken of the storage, if that is worth telling. */
void vf_work_tell_written (VfWork *work);
void vf_work_explain_full (VfWork *work, GError **error);
/* configure.c */
gboolean vf_work_configure (VfWork *work, GError **error);
/* users.c, files.c, run.c, cleanup.c */
gboolean vf_work_users (VfWork *work, GError **error);
gboolean vf_work_files (VfWork *work, GError **error);
gboolean vf_work_run (VfWork *work, GError **error);
gboolean vf_work_clean (VfWork *work, GError **error);
