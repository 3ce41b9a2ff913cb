/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/volume.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>

#define RUN_BLOCKS 64 /* of one write, at most */

void
vf_check_volume_free (VfCheckVolume *volume)
{
  vf_fd_clear (&volume->fd);
  g_free (volume->path);
  g_free (volume->id);
  g_array_unref (volume->model);
  g_free (volume);
}

guint64
vf_check_volume_bytes (const VfCheckVolume *volume)
{
  return volume->model->len * VF_CHECK_BLOCK;
}

VfStorage *
vf_check_open (VfCheck *check, GError **error)
{
  return vf_storage_open (check->setting, check->store, check->store_id, &check->host, error);
}

VfCheckVolume *
vf_check_volume_plan (VfCheck *check, VfStorage *storage, guint64 bytes)
{
  VfCheckVolume *volume = g_new0 (VfCheckVolume, 1);
  volume->check = check;
  volume->storage = storage;
  volume->id = vf_digest_random_id ();
  volume->model = g_array_new (FALSE, TRUE, sizeof (guint32));
  volume->fd = -1;
  g_array_set_size (volume->model, (guint)(bytes / VF_CHECK_BLOCK));
  return volume;
}

VfCheckVolume *
vf_check_volume_plan_clone (const VfCheckVolume *parent)
{
  VfCheckVolume *volume =
      vf_check_volume_plan (parent->check, parent->storage, vf_check_volume_bytes (parent));
  memcpy (volume->model->data, parent->model->data, parent->model->len * sizeof (guint32));
  return volume;
}

gboolean
vf_check_volume_label (VfStorage *storage, const char *id, GError **error)
{
  g_autofree char *key = vf_digest_text (id);
  return vf_storage_label (storage, id, key, error);
}

VfCheckVolume *
vf_check_volume_create (VfCheck *check, VfStorage *storage, guint64 bytes, GError **error)
{
  g_autoptr (VfCheckVolume) volume = vf_check_volume_plan (check, storage, bytes);
  return vf_check_volume_label (storage, volume->id, error) &&
                 vf_storage_create (storage, volume->id, bytes, error)
             ? g_steal_pointer (&volume)
             : NULL;
}

VfCheckVolume *
vf_check_volume_clone (const VfCheckVolume *parent, GError **error)
{
  g_autoptr (VfCheckVolume) volume = vf_check_volume_plan_clone (parent);
  return vf_check_volume_label (parent->storage, volume->id, error) &&
                 vf_storage_clone (parent->storage, volume->id, parent->id, error)
             ? g_steal_pointer (&volume)
             : NULL;
}

VfCheckVolume *
vf_check_volume_sealed (VfCheck *check, VfStorage *storage, guint64 bytes, GError **error)
{
  g_autoptr (VfCheckVolume) volume = vf_check_volume_create (check, storage, bytes, error);
  if (!volume || !vf_check_volume_change (volume, 24, error) || !vf_check_volume_seal (volume, error))
    return NULL;
  return g_steal_pointer (&volume);
}

gboolean
vf_check_volume_map (VfCheckVolume *volume, GError **error)
{
  if (!vf_storage_map (volume->storage, volume->id, volume->sealed, &volume->path, error))
    return FALSE;
  volume->fd = open (volume->path, (volume->sealed ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (volume->fd < 0)
    return vf_check_fail (volume->check, error, "map", "'%s' cannot be opened: %s", volume->path,
                          g_strerror (errno));
  off_t end = lseek (volume->fd, 0, SEEK_END);
  if ((guint64)end != vf_check_volume_bytes (volume))
    return vf_check_fail (volume->check, error, "map", "'%s' has %lld bytes, the volume %" G_GUINT64_FORMAT,
                          volume->path, (long long)end, vf_check_volume_bytes (volume));
  return TRUE;
}

gboolean
vf_check_volume_unmap (VfCheckVolume *volume, GError **error)
{
  vf_fd_clear (&volume->fd);
  g_clear_pointer (&volume->path, g_free);
  return vf_storage_unmap (volume->storage, volume->id, error);
}

/* The content of a block with this number. */
static void
fill_block (guint32 number, guint64 *block)
{
  guint64 state = number * UINT64_C (0x9e3779b97f4a7c15);
  for (gsize i = 0; i < VF_CHECK_BLOCK / sizeof *block; i++)
    block[i] = number == 0 ? 0 : (state = state * UINT64_C (6364136223846793005) + 1442695040888963407);
}

static gboolean
write_block (VfCheckVolume *volume, guint index, guint32 number, GError **error)
{
  guint64 block[VF_CHECK_BLOCK / sizeof (guint64)];
  fill_block (number, block);
  ssize_t length = pwrite (volume->fd, block, sizeof block, (off_t)(index * VF_CHECK_BLOCK));
  if (length < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
    return vf_error_set (error, VMFORGE_ERROR_NO_SPACE, "cannot write block %u of volume %s: %s", index,
                         volume->id, g_strerror (errno));
  if (length != sizeof block)
    return vf_check_fail (volume->check, error, "map", "block %u of '%s' cannot be written: %s", index,
                          volume->path, length < 0 ? g_strerror (errno) : "a short write");
  g_array_index (volume->model, guint32, index) = number;
  return TRUE;
}

gboolean
vf_check_volume_scribble (VfCheckVolume *volume, guint n, GError **error)
{
  GRand *random = volume->check->random;
  for (guint i = 0; i < n; i++) {
    guint first = g_rand_int (random) % volume->model->len;
    guint length = 1 + g_rand_int (random) % RUN_BLOCKS;
    gboolean zeros = g_rand_int (random) % 8 == 0;
    for (guint block = first; block < MIN (first + length, volume->model->len); block++)
      if (!write_block (volume, block, zeros ? 0 : g_rand_int (random) | 1, error))
        return FALSE;
  }
  return TRUE;
}

gboolean
vf_check_volume_fill (VfCheckVolume *volume, GError **error)
{
  for (guint block = 0; block < volume->model->len; block++)
    if (!write_block (volume, block, g_rand_int (volume->check->random) | 1, error))
      return FALSE;
  return TRUE;
}

gboolean
vf_check_volume_change (VfCheckVolume *volume, guint n, GError **error)
{
  return vf_check_volume_map (volume, error) && vf_check_volume_scribble (volume, n, error) &&
         vf_check_volume_unmap (volume, error);
}

gboolean
vf_check_volume_grow (VfCheckVolume *volume, guint64 bytes, GError **error)
{
  if (!vf_storage_grow (volume->storage, volume->id, bytes, error))
    return FALSE;
  g_array_set_size (volume->model, (guint)(bytes / VF_CHECK_BLOCK));
  return TRUE;
}

gboolean
vf_check_volume_seal (VfCheckVolume *volume, GError **error)
{
  volume->sealed = TRUE;
  return vf_storage_seal (volume->storage, volume->id, error);
}

gboolean
vf_check_volume_remove (VfCheckVolume *volume, GError **error)
{
  return vf_storage_remove (volume->storage, volume->id, error);
}

static gboolean
compare (VfCheckVolume *volume, const char *callback, GError **error)
{
  guint64 wanted[VF_CHECK_BLOCK / sizeof (guint64)], found[VF_CHECK_BLOCK / sizeof (guint64)];
  for (guint i = 0; i < volume->model->len; i++) {
    fill_block (g_array_index (volume->model, guint32, i), wanted);
    if (pread (volume->fd, found, sizeof found, (off_t)(i * VF_CHECK_BLOCK)) != sizeof found)
      return vf_check_fail (volume->check, error, callback, "block %u of '%s' cannot be read: %s", i,
                            volume->path, g_strerror (errno));
    if (memcmp (wanted, found, sizeof found) != 0)
      return vf_check_fail (volume->check, error, callback, "the block at %" G_GUINT64_FORMAT " of '%s' %s",
                            i * VF_CHECK_BLOCK, volume->path,
                            wanted[0] ? "is not what was written there" : "does not read as zeros");
  }
  return TRUE;
}

gboolean
vf_check_volume_verify (VfCheckVolume *volume, const char *callback, GError **error)
{
  return vf_check_volume_map (volume, error) && compare (volume, callback, error) &&
         vf_check_volume_unmap (volume, error);
}

static VfVolume *
find_volume (GPtrArray *listed, const char *id)
{
  for (guint i = 0; i < listed->len; i++)
    if (strcmp (((VfVolume *)g_ptr_array_index (listed, i))->id, id) == 0)
      return g_ptr_array_index (listed, i);
  return NULL;
}

VfVolume *
vf_check_volume_look (VfStorage *storage, const char *id, GError **error)
{
  g_autoptr (GPtrArray) listed = vf_storage_list (storage, error);
  VfVolume *found = listed ? find_volume (listed, id) : NULL;
  if (!found)
    return NULL;
  VfVolume *copy = g_memdup2 (found, sizeof *found);
  copy->id = g_strdup (found->id);
  return copy;
}

gboolean
vf_check_volumes_listed (VfCheck *check, VfStorage *storage, VfCheckVolume *const *volumes,
                         const char *callback, GError **error)
{
  g_autoptr (GPtrArray) listed = vf_storage_list (storage, error);
  if (!listed)
    return FALSE;
  guint n = 0;
  for (; volumes[n]; n++) {
    const VfVolume *found = find_volume (listed, volumes[n]->id);
    if (!found)
      return vf_check_fail (check, error, callback, "volume %s is not listed", volumes[n]->id);
    if (found->bytes != vf_check_volume_bytes (volumes[n]))
      return vf_check_fail (check, error, callback,
                            "volume %s of %" G_GUINT64_FORMAT " bytes is listed with %" G_GUINT64_FORMAT,
                            found->id, vf_check_volume_bytes (volumes[n]), found->bytes);
    if (found->sealed != volumes[n]->sealed)
      return vf_check_fail (check, error, callback, "volume %s is listed as %s", found->id,
                            found->sealed ? "sealed, and is not" : "writable, and is sealed");
  }
  if (listed->len != n)
    return vf_check_fail (check, error, callback, "%u volumes are listed where %u are", listed->len, n);
  return TRUE;
}
