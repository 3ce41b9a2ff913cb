/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where the block indexes of stages lie: building/VOLUME.index until the stage is recorded, then
 * stages/KEY/STORAGE.index. docs/store.md says why none is lost or left. */
#pragma once

#include "blocks/index.h"
#include "store/store.h"

/* Each relative to the store; free the result. VOLUME.index.part is in use while VOLUME.index is made. */
char *vf_stage_index_path (const char *key, const char *storage);
char *vf_building_index_path (const char *volume);
char *vf_building_part_path (const char *volume);

/* With the root that its record says. The stage has one (stage->index). */
VfBlockIndex *vf_stage_index_open (VmforgeStore *store, const VfStage *stage, GError **error);
/* Of the volume of an image, or of a stage that was asked for as one; an error where there is none. */
VfBlockIndex *vf_image_index_open (VmforgeStore *store, const VfImage *image, GError **error);

/* Gives the stage the index of its volume, on stable storage, before STORAGE.json names it. Under the gate.
 */
gboolean vf_stage_index_record (VmforgeStore *store, const char *key, const char *volume,
                                const VfStageIndex *index, GError **error);
/* Under the gate, when STORAGE.json is gone; an absent one is no error. */
gboolean vf_stage_index_remove (VmforgeStore *store, const char *key, GError **error);
/* What recording or removing left when it was cut off: indexes of storages that have no record. Under the
 * gate. */
gboolean vf_stage_index_sweep (VmforgeStore *store, const char *key, char **storages, GError **error);

/* Before the building record goes; what cannot be removed now is swept later. */
void vf_building_index_remove (VmforgeStore *store, const char *volume);
/* Those without a building record. Under the gate. */
gboolean vf_building_index_sweep (VmforgeStore *store, GError **error);
