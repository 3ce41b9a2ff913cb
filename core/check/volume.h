/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Volumes beside a model of what they must hold: a number for each block of 4 KiB, 0 for zeros. */
#pragma once

#include "check/case.h"
#include "plugin/storage.h"

#define VF_CHECK_BLOCK UINT64_C (4096)
#define VF_CHECK_MIB   (UINT64_C (1024) * 1024)

typedef struct {
  VfCheck *check;
  VfStorage *storage; /* borrowed */
  char *id;
  GArray *model; /* guint32 */
  gboolean sealed;
  char *path; /* while it is mapped */
  int fd;     /* likewise; else -1 */
} VfCheckVolume;

void vf_check_volume_free (VfCheckVolume *volume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfCheckVolume, vf_check_volume_free)
guint64 vf_check_volume_bytes (const VfCheckVolume *volume);

/* Opens the storage of the case's store. */
VfStorage *vf_check_open (VfCheck *check, GError **error);

/* One that is to be made: with an id, a model of zeros, and no plugin called yet. */
VfCheckVolume *vf_check_volume_plan (VfCheck *check, VfStorage *storage, guint64 bytes);
/* The same with the model of its parent. */
VfCheckVolume *vf_check_volume_plan_clone (const VfCheckVolume *parent);
/* As the engine does before a volume is made. */
gboolean vf_check_volume_label (VfStorage *storage, const char *id, GError **error);
VfCheckVolume *vf_check_volume_create (VfCheck *check, VfStorage *storage, guint64 bytes, GError **error);
VfCheckVolume *vf_check_volume_clone (const VfCheckVolume *parent, GError **error);
/* A sealed one with random content. */
VfCheckVolume *vf_check_volume_sealed (VfCheck *check, VfStorage *storage, guint64 bytes, GError **error);

/* Maps and opens it, read-only once it is sealed; closes and unmaps it. */
gboolean vf_check_volume_map (VfCheckVolume *volume, GError **error);
gboolean vf_check_volume_unmap (VfCheckVolume *volume, GError **error);
/* On a mapped one: n runs of random blocks, in the volume and in the model. */
gboolean vf_check_volume_scribble (VfCheckVolume *volume, guint n, GError **error);
/* Every block, so that no hole is left. */
gboolean vf_check_volume_fill (VfCheckVolume *volume, GError **error);
/* scribble around map and unmap. */
gboolean vf_check_volume_change (VfCheckVolume *volume, guint n, GError **error);
gboolean vf_check_volume_grow (VfCheckVolume *volume, guint64 bytes, GError **error);
gboolean vf_check_volume_seal (VfCheckVolume *volume, GError **error);
gboolean vf_check_volume_remove (VfCheckVolume *volume, GError **error);
/* Maps it, reads all of it and compares. callback: which is to blame if it differs. */
gboolean vf_check_volume_verify (VfCheckVolume *volume, const char *callback, GError **error);

/* The storage lists exactly these (NULL terminated array), as they are. */
gboolean vf_check_volumes_listed (VfCheck *check, VfStorage *storage, VfCheckVolume *const *volumes,
                                  const char *callback, GError **error);
/* The entry of list() with this id, or NULL; error set if list() fails. Free it. */
VfVolume *vf_check_volume_look (VfStorage *storage, const char *id, GError **error);
