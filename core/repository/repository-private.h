/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "repository/repository.h"

#define IMAGES_FOLDER VF_REPOSITORY "/images"
#define PACKS_FOLDER  VF_REPOSITORY "/packs"
#define INDEX         VF_REPOSITORY "/index.json"
#define SIGNATURE     ".minisig"

typedef struct {
  VmforgeStore *store;
  VfPackFunc pack;
  gpointer user_data;
  char **packs;       /* names that are there */
  gboolean imports;   /* what came from elsewhere is published as well */
  GHashTable *wanted; /* names of packs that images need */
  VfListing *listing; /* that is being made */
} VfUpdate;

/* repository/images/DIGEST of one image, whole or not at all; fills in what the listing says of it. */
gboolean repository_add_image (VfUpdate *update, const VfImage *image, const VfStage *stage, VfListed *listed,
                               GError **error);
/* FOLDER/digests.json: what files in it should be. Nothing is written if it says so already. (digests.c) */
gboolean repository_write_digests (VmforgeStore *store, const char *folder, const char *const *names,
                                   GError **error);
/* The packs of a content, making that which is missing. */
gboolean repository_add_packs (VfUpdate *update, const VfStage *stage, VfListed *listed, GError **error);
/* Of a stage without a parent (one that was received): the one with most in common, of those that a pack has.
 * NULL without error if none has anything. (nearest.c) */
VfStage *repository_nearest (VfUpdate *update, const VfStage *stage, GError **error);
/* packs/digests.json: hashes those alone that it does not have yet. (digests.c) */
gboolean repository_note_packs (VfUpdate *update, GError **error);
/* Folders of images that are not listed, packs that are not wanted, and temporaries. */
gboolean repository_sweep (VfUpdate *update, GError **error);
