/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The files of secret keys. */
#include "sign/sign-private.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static gboolean
set_damaged (GError **error, const char *name, const char *why)
{
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is damaged: %s", name, why);
}

static gboolean
is_zero (const guint8 *bytes, gsize length)
{
  guint8 any = 0;
  for (gsize i = 0; i < length; i++)
    any |= bytes[i];
  return any == 0;
}

static gboolean
decode (const char *text, gsize length, const char *name, SignSecretBytes *bytes, GError **error)
{
  const char *comment, *line;
  gsize comment_length, line_length;
  if (!sign_text_comment (&text, &length, SIGN_COMMENT_BYTES, SIGN_UNTRUSTED, &comment, &comment_length) ||
      !sign_text_line (&text, &length, SIGN_COMMENT_BYTES, &line, &line_length) || length != 0 ||
      !sign_text_decode (line, line_length, (guint8 *)bytes, sizeof *bytes))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "'%s' is no minisign secret key: it has two lines, a comment and base64 of %d bytes",
                         name, (int)sizeof *bytes);
  if (memcmp (bytes->signature, "Ed", 2) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' is a secret key of another kind than Ed25519",
                         name);
  if (memcmp (bytes->check, "B2", 2) != 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' has another checksum than BLAKE2b", name);
  if (!sign_key_is_encrypted (bytes) && !is_zero (bytes->kdf, sizeof bytes->kdf))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "'%s' is protected in another way than by scrypt, which alone is known", name);
  return TRUE;
}

static gboolean
decrypt (SignSecretBytes *bytes, const char *name, VfSignPassphraseFunc func, gpointer user_data,
         GError **error)
{
  if (!sign_key_check_limits (bytes, name, error))
    return FALSE;
  if (func == NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "'%s' has a passphrase: a key that is used unattended has none", name);
  char *passphrase = func (user_data, error);
  gboolean done = passphrase != NULL && sign_key_crypt (bytes, name, passphrase, error);
  vf_sign_wipe (passphrase);
  return done;
}

/* minisign -W leaves the checksum out; what is there must be right. */
static gboolean
check_sum (const SignSecretBytes *bytes, const char *name, GError **error)
{
  guint8 sum[SIGN_CHECK_BYTES];
  sign_key_sum (bytes, sum);
  gboolean same = memcmp (sum, bytes->sealed.sum, sizeof sum) == 0;
  explicit_bzero (sum, sizeof sum);
  if (same || (!sign_key_is_encrypted (bytes) && is_zero (bytes->sealed.sum, sizeof sum)))
    return TRUE;
  if (sign_key_is_encrypted (bytes))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "wrong passphrase for '%s' (or the file is damaged: nothing can tell)", name);
  return set_damaged (error, name, "its checksum is not that of its content");
}

static VfSignKey *
key_from_bytes (const SignSecretBytes *bytes, const char *name, GError **error)
{
  g_autoptr (VfSignKey) key = sign_key_new ();
  memcpy (key->secret, bytes->sealed.secret, SIGN_SECRET_BYTES);
  memcpy (key->public.id, bytes->sealed.id, VF_SIGN_ID_BYTES);
  if (!sign_ed25519_public (key->secret, key->public.point, error))
    return NULL;
  if (memcmp (key->public.point, key->secret + SIGN_SEED_BYTES, SIGN_POINT_BYTES) != 0) {
    set_damaged (error, name, "its secret half does not fit its public half");
    return NULL;
  }
  return g_steal_pointer (&key);
}

VfSignKey *
vf_sign_key_parse (const char *text, gsize length, const char *name, VfSignPassphraseFunc func,
                   gpointer user_data, GError **error)
{
  SignSecretBytes bytes;
  VfSignKey *key = NULL;
  if (decode (text, length, name, &bytes, error) &&
      (!sign_key_is_encrypted (&bytes) || decrypt (&bytes, name, func, user_data, error)) &&
      check_sum (&bytes, name, error))
    key = key_from_bytes (&bytes, name, error);
  explicit_bzero (&bytes, sizeof bytes);
  return key;
}

/* Not vf_fs_read: it leaves copies. */
VfSignKey *
vf_sign_key_load (int dirfd, const char *path, VfSignPassphraseFunc func, gpointer user_data, GError **error)
{
  char text[SIGN_FILE_BYTES];
  gsize length = 0;
  vf_autofd int fd = openat (dirfd < 0 ? AT_FDCWD : dirfd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    vf_error_set_errno (error, "cannot open the key '%s'", path);
    return NULL;
  }
  ssize_t step;
  while ((step = read (fd, text + length, sizeof text - length)) != 0) {
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0)
      break;
    length += (gsize)step;
  }
  VfSignKey *key = NULL;
  if (step < 0)
    vf_error_set_errno (error, "cannot read the key '%s'", path);
  else
    key = vf_sign_key_parse (text, length, path, func, user_data, error);
  explicit_bzero (text, sizeof text);
  return key;
}

static void
encode (const VfSignKey *key, SignSecretBytes *bytes)
{
  *bytes = (SignSecretBytes){.signature = "Ed", .check = "B2"};
  memcpy (bytes->sealed.id, key->public.id, VF_SIGN_ID_BYTES);
  memcpy (bytes->sealed.secret, key->secret, SIGN_SECRET_BYTES);
  sign_key_sum (bytes, bytes->sealed.sum);
}

static gboolean
encrypt (SignSecretBytes *bytes, const char *passphrase, GError **error)
{
  memcpy (bytes->kdf, "Sc", 2);
  sign_key_set_limits (bytes);
  if (getrandom (bytes->salt, sizeof bytes->salt, 0) != (ssize_t)sizeof bytes->salt)
    return vf_error_set_errno (error, "the kernel gives no random numbers");
  return sign_key_crypt (bytes, "the new key", passphrase, error);
}

char *
vf_sign_key_format (const VfSignKey *key, const char *passphrase, GError **error)
{
  SignSecretBytes bytes;
  char *text = NULL;
  encode (key, &bytes);
  if (passphrase == NULL || encrypt (&bytes, passphrase, error)) {
    char *base64 = g_base64_encode ((const guint8 *)&bytes, sizeof bytes);
    /* Not printf, which may leave copies. */
    text = g_strconcat (SIGN_UNTRUSTED "minisign ", passphrase == NULL ? "unencrypted" : "encrypted",
                        " secret key\n", base64, "\n", NULL);
    vf_sign_wipe (base64);
  }
  explicit_bzero (&bytes, sizeof bytes);
  return text;
}

/* A link, unlike a rename, fails where a file is: two that make one key at once do not both succeed. */
gboolean
vf_sign_key_save (const VfSignKey *key, int dirfd, const char *path, const char *passphrase, GError **error)
{
  int at = dirfd < 0 ? AT_FDCWD : dirfd;
  if (vf_fs_exists (at, path))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' exists: a key is never overwritten", path);
  char *text = vf_sign_key_format (key, passphrase, error);
  if (text == NULL)
    return FALSE;
  g_autofree char *parent = g_path_get_dirname (path), *name = g_path_get_basename (path);
  g_autofree char *temporary = g_strdup_printf ("%s/.tmp-new-%08x-%s", parent, g_random_int (), name);
  gboolean done = vf_fs_write (at, temporary, text, strlen (text), 0600, error);
  vf_sign_wipe (text);
  if (!done)
    return FALSE;
  if (linkat (at, temporary, at, path, 0) < 0)
    done = errno == EEXIST
               ? vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' exists: a key is never overwritten", path)
               : vf_error_set_errno (error, "cannot write '%s'", path);
  (void)unlinkat (at, temporary, 0);
  vf_autofd int folder = done ? vf_fs_open_dir (at, parent, error) : -1;
  if (done && (folder < 0 || fsync (folder) < 0))
    return folder >= 0 ? vf_error_set_errno (error, "cannot sync the folder '%s'", parent) : FALSE;
  return done;
}
