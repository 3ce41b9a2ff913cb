/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* JSON files that reveal a flipped byte: the member "checksum" is the SHA-256 of the canonical form of the
 * rest.
 */
#pragma once

#include "support/json.h"

/* Writes json, an object, with its checksum; json stays as it is. */
gboolean vf_checked_write (int dirfd, const char *path, VfJson *json, GError **error);
/* Reads an object, without its checksum, which is verified; a file without one is taken as it is. */
VfJson *vf_checked_read (int dirfd, const char *path, GError **error);

typedef enum {
  VF_CHECKED_GOOD,
  VF_CHECKED_ABSENT, /* no such file */
  VF_CHECKED_PLAIN,  /* an object, but without a checksum */
  VF_CHECKED_BAD,
} VfChecked;
/* The same for whoever looks for damage: also a byte that reading does not care about is BAD. why: what is
 * wrong with a BAD one; free it. */
VfChecked vf_checked_verify (int dirfd, const char *path, char **why);
