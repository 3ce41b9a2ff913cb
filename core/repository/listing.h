/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a repository has, index.json of docs/repository.md: of ours, to be written, or of another's, of which
 * nothing is believed before it is judged. */
#pragma once

#include "support/json.h"

#define VF_LISTING_MAX (64 * 1024 * 1024) /* bytes of text */

typedef struct {
  char *name, *version, *arch;
  char *digest; /* of the manifest */
  char *root;   /* of the block index */
  guint64 bytes;
  gint64 created;
  char **packs;      /* ROOT-BASE; that of the image first, then those that it builds upon */
  char **signatures; /* names of files beside the manifest */
  char **tags;
  gboolean disk; /* the raw disk is there as well */
} VfListed;

typedef struct {
  gint64 number; /* of which each is higher than the one before */
  gint64 created, expires;
  char *store;       /* id of the store that it is of */
  GPtrArray *images; /* VfListed */
} VfListing;

VfListing *vf_listing_new (void);
void vf_listing_free (VfListing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfListing, vf_listing_free)
VfListed *vf_listed_new (void);
void vf_listed_free (VfListed *listed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfListed, vf_listed_free)

VfJson *vf_listing_to_json (const VfListing *listing);
/* The images alone: what tells whether two listings are of the same. */
VfJson *vf_listing_images (const VfListing *listing);
/* Everything within bounds, names such as files may have, or an error. */
VfListing *vf_listing_parse (const char *text, gsize length, GError **error);
/* word: NAME[:VERSION or tag][@ARCH], or the beginning of a digest (6 characters at least). The newest of
 * those that fit. Borrowed. VMFORGE_ERROR_NOT_FOUND, or VMFORGE_ERROR_SPEC for a word that means several. */
const VfListed *vf_listing_find (const VfListing *listing, const char *word, GError **error);
