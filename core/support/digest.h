/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* SHA-256 by libgcrypt, as lower-case hexadecimal, and names derived from it. */
#pragma once

#include "vmforge/vmforge.h"

#define VF_DIGEST_HEX   64
#define VF_DIGEST_BYTES 32

/* Readies libgcrypt, with secure memory: before any other use of it than here. */
void vf_digest_init (void);
/* Free the result. */
char *vf_digest_text (const char *text);
char *vf_digest_data (const void *data, gsize length);
/* The same, not as text. */
void vf_digest_bytes (const void *data, gsize length, guint8 digest[VF_DIGEST_BYTES]);
/* Reads the descriptor from its start to its end. */
char *vf_digest_fd (int fd, GError **error);
char *vf_digest_file (int dirfd, const char *path, GError **error);
gboolean vf_digest_is_hex (const char *text, gsize length);
/* Bytes <-> lower-case hexadecimal of exactly that length. Free the text. */
gboolean vf_digest_from_hex (const char *text, guint8 *bytes, gsize length);
char *vf_digest_to_hex (const guint8 *bytes, gsize length);

/* A UUID (version 8, lower case) made of SHA-256 over `seed NUL label`. Free the result. */
char *vf_digest_uuid (const char *seed, const char *label);
/* The first 32 bits of the same. */
guint32 vf_digest_number (const char *seed, const char *label);
/* 32 hexadecimal characters from the kernel's random numbers. Free the result. */
char *vf_digest_random_id (void);
