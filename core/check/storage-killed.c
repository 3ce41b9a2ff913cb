/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* SIGKILL at random moments: what is listed afterwards can be read and removed, and nothing stays. */
#include "check/suites.h"
#include "check/volume.h"
#include "support/error.h"

#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE    (16 * VF_CHECK_MIB)
#define KILLS   16
#define MAX_IDS 4096               /* far more than a process makes before it is killed */
#define SLACK   (8 * VF_CHECK_MIB) /* what bookkeeping may take */

/* The ids of one process, in memory that outlives it: an engine writes them down before it uses them. */
typedef struct {
  VfCheckVolume *base;
  guint n;
  char ids[MAX_IDS][40];
} Diary;

static void
note (Diary *diary, const VfCheckVolume *volume)
{
  g_strlcpy (diary->ids[diary->n % MAX_IDS], volume->id, sizeof diary->ids[0]);
  diary->n++;
}

/* Goes on until it is killed. */
static gboolean
work_for_ever (VfCheck *check, gpointer data, GError **error)
{
  Diary *diary = data;
  VfCheckVolume *base = diary->base;
  g_autoptr (VfStorage) storage = base->storage = vf_check_open (check, error);
  for (;;) {
    g_autoptr (VfCheckVolume) clone = vf_check_volume_plan_clone (base);
    g_autoptr (VfCheckVolume) fresh = vf_check_volume_plan (check, storage, SIZE);
    note (diary, clone);
    note (diary, fresh);
    if (!storage || !vf_storage_clone (storage, clone->id, base->id, error) ||
        !vf_storage_create (storage, fresh->id, SIZE, error) || !vf_check_volume_change (clone, 8, error) ||
        !vf_check_volume_grow (fresh, SIZE + VF_CHECK_MIB, error) || !vf_check_volume_seal (clone, error) ||
        (g_rand_int (check->random) % 2 && !vf_check_volume_remove (clone, error)))
      return FALSE;
  }
}

/* What a next run does: every volume that is listed can be read, and goes. */
static gboolean
clear_up (VfCheck *check, Diary *diary, guint *found, GError **error)
{
  VfCheckVolume *base = diary->base;
  g_autoptr (VfStorage) storage = base->storage = vf_check_open (check, error);
  g_autoptr (GPtrArray) listed = storage ? vf_storage_list (storage, error) : NULL;
  for (guint i = 0; listed && i < listed->len; i++) {
    const VfVolume *volume = g_ptr_array_index (listed, i);
    g_autofree char *path = NULL;
    if (g_str_equal (volume->id, base->id))
      continue;
    if (!vf_storage_map (storage, volume->id, TRUE, &path, error) ||
        !vf_storage_unmap (storage, volume->id, error) || !vf_storage_remove (storage, volume->id, error))
      return FALSE;
    ++*found;
  }
  /* And what was begun and is not listed. */
  for (guint i = 0; listed && i < MIN (diary->n, MAX_IDS); i++)
    if (!vf_storage_remove (storage, diary->ids[i], error))
      return FALSE;
  diary->n = 0;
  VfCheckVolume *const rest[] = {base, NULL};
  return listed && vf_check_volumes_listed (check, storage, rest, "remove", error) &&
         vf_check_volume_verify (base, "open", error);
}

static guint64 counted;

static int
count (const char *path, const struct stat *status, int type, struct FTW *walk)
{
  counted += S_ISREG (status->st_mode) ? (guint64)status->st_blocks * 512 : 0;
  return 0;
}

/* What the files of a folder occupy, those of other filesystems left out. */
static guint64
used_by (const char *folder)
{
  counted = 0;
  nftw (folder, count, 16, FTW_PHYS | FTW_MOUNT);
  return counted;
}

static gboolean
kill_once (VfCheck *check, Diary *diary, GError **error)
{
  VfCheckChild child;
  if (!vf_check_start (check, work_for_ever, diary, &child, error))
    return FALSE;
  g_usleep (2000 + g_rand_int (check->random) % 80000);
  kill (child.pid, SIGKILL);
  g_autoptr (GError) left = NULL;
  if (vf_check_wait (check, &child, &left))
    return vf_check_fail (check, error, "another process", "it ended before it was killed");
  check->blamed = FALSE;
  /* Whatever it says is of interest only if it was not we who ended it. */
  if (!strstr (left->message, "signal 9"))
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "%s", left->message);
  return TRUE;
}

gboolean
vf_check_storage_killed (VfCheck *check, GError **error)
{
  guint found = 0;
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) base = storage ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!base || !vf_check_volume_change (base, 120, error) || !vf_check_volume_seal (base, error))
    return FALSE;
  g_clear_pointer (&storage, vf_storage_close);
  Diary *diary = mmap (NULL, sizeof *diary, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (diary == MAP_FAILED)
    return vf_error_set_errno (error, "cannot share memory");
  diary->base = base;
  guint64 before = used_by (check->store);
  for (guint i = 0; i < KILLS; i++)
    if (!kill_once (check, diary, error) || !clear_up (check, diary, &found, error))
      return FALSE;
  guint64 after = used_by (check->store);
  if (after > before + SLACK)
    return vf_check_fail (check, error, "open",
                          "%" G_GUINT64_FORMAT " KiB of killed work stay in the store for ever",
                          (after - before) / 1024);
  return vf_check_note (check, "%u kills, %u volumes found and removed", KILLS, found);
}
