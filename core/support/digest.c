/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "support/digest.h"

#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <sys/random.h>

#define BUFFER_BYTES (1024 * 1024)
#define SECURE_BYTES 32768

/* libgcrypt wants to be told once that it may begin; an embedder may have done so before us. Secret keys are
 * kept in memory that is never swapped, where the kernel lets us have some; libgcrypt says nothing if not. */
void
vf_digest_init (void)
{
  static gsize done = 0;
  if (!g_once_init_enter (&done))
    return;
  if (gcry_control (GCRYCTL_INITIALIZATION_FINISHED_P) == 0) {
    gcry_check_version (NULL);
    gcry_control (GCRYCTL_DISABLE_SECMEM_WARN);
    gcry_control (GCRYCTL_DISABLE_PRIV_DROP);
    gcry_control (GCRYCTL_INIT_SECMEM, SECURE_BYTES, 0);
    gcry_control (GCRYCTL_INITIALIZATION_FINISHED, 0);
  }
  g_once_init_leave (&done, 1);
}

static char *
to_hex (const guint8 *bytes, gsize length)
{
  static const char digits[] = "0123456789abcdef";
  char *hex = g_malloc (2 * length + 1);
  for (gsize i = 0; i < length; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
  hex[2 * length] = '\0';
  return hex;
}

void
vf_digest_bytes (const void *data, gsize length, guint8 digest[VF_DIGEST_BYTES])
{
  vf_digest_init ();
  gcry_md_hash_buffer (GCRY_MD_SHA256, digest, data, length);
}

char *
vf_digest_data (const void *data, gsize length)
{
  guint8 digest[VF_DIGEST_BYTES];
  vf_digest_bytes (data, length, digest);
  return to_hex (digest, sizeof digest);
}

char *
vf_digest_text (const char *text)
{
  return vf_digest_data (text, strlen (text));
}

static gboolean
hash_fd (gcry_md_hd_t hash, int fd, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (BUFFER_BYTES);
  for (off_t offset = 0;;) {
    ssize_t length = pread (fd, buffer, BUFFER_BYTES, offset);
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return vf_error_set_errno (error, "cannot read");
    if (length == 0)
      return TRUE;
    gcry_md_write (hash, buffer, (size_t)length);
    offset += length;
  }
}

char *
vf_digest_fd (int fd, GError **error)
{
  gcry_md_hd_t hash;
  vf_digest_init ();
  if (gcry_md_open (&hash, GCRY_MD_SHA256, 0) != 0) {
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "libgcrypt has no SHA-256");
    return NULL;
  }
  char *hex = NULL;
  if (hash_fd (hash, fd, error))
    hex = to_hex (gcry_md_read (hash, GCRY_MD_SHA256), VF_DIGEST_BYTES);
  gcry_md_close (hash);
  return hex;
}

char *
vf_digest_file (int dirfd, const char *path, GError **error)
{
  vf_autofd int fd = openat (dirfd < 0 ? AT_FDCWD : dirfd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot open '%s'", path);
    return NULL;
  }
  char *hex = vf_digest_fd (fd, error);
  if (hex == NULL)
    g_prefix_error (error, "'%s': ", path);
  return hex;
}

gboolean
vf_digest_is_hex (const char *text, gsize length)
{
  return strlen (text) == length && strspn (text, "0123456789abcdef") == length;
}

gboolean
vf_digest_from_hex (const char *text, guint8 *bytes, gsize length)
{
  if (!vf_digest_is_hex (text, 2 * length))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    bytes[i] = (guint8)(g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  return TRUE;
}

char *
vf_digest_to_hex (const guint8 *bytes, gsize length)
{
  char *text = g_malloc (2 * length + 1);
  for (gsize i = 0; i < length; i++)
    g_snprintf (text + 2 * i, 3, "%02x", bytes[i]);
  text[2 * length] = '\0';
  return text;
}

static void
derive (const char *seed, const char *label, guint8 *digest)
{
  g_autoptr (GString) text = g_string_new (seed);
  g_string_append_c (text, '\0');
  g_string_append (text, label);
  vf_digest_init ();
  gcry_md_hash_buffer (GCRY_MD_SHA256, digest, text->str, text->len);
}

char *
vf_digest_uuid (const char *seed, const char *label)
{
  guint8 digest[VF_DIGEST_BYTES];
  derive (seed, label, digest);
  /* RFC 9562: version 8 (made by an own rule), variant 10. */
  digest[6] = (guint8)((digest[6] & 0x0f) | 0x80);
  digest[8] = (guint8)((digest[8] & 0x3f) | 0x80);
  g_autofree char *hex = to_hex (digest, 16);
  return g_strdup_printf ("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

guint32
vf_digest_number (const char *seed, const char *label)
{
  guint8 digest[VF_DIGEST_BYTES];
  derive (seed, label, digest);
  return (guint32)digest[0] << 24 | (guint32)digest[1] << 16 | (guint32)digest[2] << 8 | digest[3];
}

char *
vf_digest_random_id (void)
{
  guint8 bytes[16];
  /* Small requests to getrandom() do not fail once the kernel has booted. */
  while (getrandom (bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
    ;
  return to_hex (bytes, sizeof bytes);
}
