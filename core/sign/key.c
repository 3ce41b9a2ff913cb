/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Secret keys, and how a passphrase protects one. */
#include "sign/sign-private.h"
#include "support/digest.h"
#include "support/error.h"

#include <errno.h>
#include <gcrypt.h>
#include <string.h>
#include <sys/random.h>

/* What minisign writes: libsodium's crypto_pwhash_scryptsalsa208sha256_…LIMIT_SENSITIVE. */
#define OPERATIONS 33554432
#define MEMORY     1073741824

/* The most that reading a key may cost: the memory that minisign's keys take, and the time of four of them. A
 * file could ask for years. */
#define MAX_MEMORY MEMORY
#define MAX_WORK   (4 * G_GUINT64_CONSTANT (1048576))

#define BLOCK 8 /* scrypt's r, fixed by libsodium */

typedef struct {
  guint64 n;
  guint32 p;
} Cost;

VfSignKey *
sign_key_new (void)
{
  vf_digest_init ();
  return gcry_xcalloc_secure (1, sizeof (VfSignKey));
}

void
vf_sign_key_free (VfSignKey *key)
{
  if (key == NULL)
    return;
  /* Where an embedder did without secure memory, libgcrypt does not wipe it. */
  explicit_bzero (key, sizeof *key);
  gcry_free (key);
}

const VfSignPublic *
vf_sign_key_public (const VfSignKey *key)
{
  return &key->public;
}

static gboolean
fill_random (void *bytes, gsize length, GError **error)
{
  ssize_t got;
  do
    got = getrandom (bytes, length, 0);
  while (got < 0 && errno == EINTR);
  return got == (ssize_t)length || vf_error_set_errno (error, "the kernel gives no random numbers");
}

VfSignKey *
vf_sign_key_generate (GError **error)
{
  g_autoptr (VfSignKey) key = sign_key_new ();
  if (!fill_random (key->secret, SIGN_SEED_BYTES, error) ||
      !fill_random (key->public.id, VF_SIGN_ID_BYTES, error) ||
      !sign_ed25519_public (key->secret, key->public.point, error))
    return NULL;
  memcpy (key->secret + SIGN_SEED_BYTES, key->public.point, SIGN_POINT_BYTES);
  return g_steal_pointer (&key);
}

static guint64
read_number (const guint8 bytes[8])
{
  guint64 number;
  memcpy (&number, bytes, sizeof number);
  return GUINT64_FROM_LE (number);
}

/* The least power of two above half of most: the loop of pickparams(). */
static guint64
pick_n (guint64 most)
{
  guint64 n = 2;
  while (n <= most / 2 && n < G_GUINT64_CONSTANT (1) << 62)
    n *= 2;
  return n;
}

/* From limits to scrypt's parameters: pickparams() of libsodium's
 * crypto_pwhash/scryptsalsa208sha256/pwhash_scryptsalsa208sha256.c. */
static Cost
pick_cost (guint64 operations, guint64 memory)
{
  operations = MAX (operations, 32768);
  if (operations < memory / 32)
    return (Cost){pick_n (operations / (BLOCK * 4)), 1};
  guint64 n = pick_n (memory / (BLOCK * 128));
  return (Cost){n, (guint32)(MIN (operations / 4 / n, 0x3fffffff) / BLOCK)};
}

static gboolean
get_cost (const SignSecretBytes *bytes, const char *name, Cost *cost, GError **error)
{
  *cost = pick_cost (read_number (bytes->operations), read_number (bytes->memory));
  if (cost->p == 0)
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "'%s' is damaged: no passphrase can have been used with its limits", name);
  if (cost->n > MAX_MEMORY / (128 * BLOCK) || cost->n > MAX_WORK / cost->p)
    return vf_error_set (
        error, VMFORGE_ERROR_FAILED,
        "'%s' asks for more memory or time for its passphrase than minisign's keys do: it is "
        "damaged, or `minisign -C` has to write it anew",
        name);
  return TRUE;
}

gboolean
sign_key_check_limits (const SignSecretBytes *bytes, const char *name, GError **error)
{
  Cost cost;
  return get_cost (bytes, name, &cost, error);
}

gboolean
sign_key_is_encrypted (const SignSecretBytes *bytes)
{
  return memcmp (bytes->kdf, "Sc", 2) == 0;
}

gboolean
sign_key_crypt (SignSecretBytes *bytes, const char *name, const char *passphrase, GError **error)
{
  Cost cost;
  if (!get_cost (bytes, name, &cost, error))
    return FALSE;
  vf_digest_init ();
  guint8 *stream = gcry_calloc_secure (1, sizeof bytes->sealed);
  if (stream == NULL)
    return vf_error_set_errno (error, "'%s': cannot work with its passphrase", name);
  gcry_error_t failure =
      gcry_kdf_derive (passphrase, strlen (passphrase), GCRY_KDF_SCRYPT, (int)cost.n, bytes->salt,
                       sizeof bytes->salt, cost.p, sizeof bytes->sealed, stream);
  guint8 *sealed = (guint8 *)&bytes->sealed;
  for (gsize i = 0; failure == 0 && i < sizeof bytes->sealed; i++)
    sealed[i] ^= stream[i];
  explicit_bzero (stream, sizeof bytes->sealed);
  gcry_free (stream);
  if (failure == 0)
    return TRUE;
  return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                       "'%s': cannot work with its passphrase, which takes %" G_GUINT64_FORMAT
                       " MiB of memory: %s",
                       name, cost.n * 128 * BLOCK >> 20, gcry_strerror (failure));
}

void
sign_key_set_limits (SignSecretBytes *bytes)
{
  guint64 operations = GUINT64_TO_LE (OPERATIONS), memory = GUINT64_TO_LE (MEMORY);
  memcpy (bytes->operations, &operations, sizeof operations);
  memcpy (bytes->memory, &memory, sizeof memory);
}

void
sign_key_sum (const SignSecretBytes *bytes, guint8 sum[SIGN_CHECK_BYTES])
{
  gcry_buffer_t parts[] = {
      {.data = (void *)bytes->signature, .len = sizeof bytes->signature},
      {.data = (void *)&bytes->sealed, .len = sizeof bytes->sealed.id + sizeof bytes->sealed.secret},
  };
  vf_digest_init ();
  gcry_md_hash_buffers (GCRY_MD_BLAKE2B_256, 0, sum, parts, G_N_ELEMENTS (parts));
}
