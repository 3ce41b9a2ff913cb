/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Two images side by side: their root filesystems mounted read-only, the files of their EFI system partitions
 * copied out by mtools (no FAT driver is needed), their boot areas read as they are. */
#include "image/diff-tree.h"

#include "build/loop.h"
#include "image/inside.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/process.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define ESP_PREFIX "ESP:"

typedef struct {
  const VfDiffSide *side;
  VfBuilding *hold; /* the stage must not be removed meanwhile */
  char *path;       /* that the volume is mapped to */
  int fd;
  VfDiskLayout layout;
  char *root, *esp; /* folders where they can be seen */
  gboolean mounted;
} Side;

typedef struct {
  Side a, b;
  VfDifferenceFunc func;
  gpointer user_data;
  GCancellable *cancellable;
} Diff;

static gboolean
open_side (Side *side, GError **error)
{
  VmforgeStore *store = side->side->store;
  const VfImage *image = side->side->image;
  if (!vf_image_check_volume (store, image, error))
    return FALSE;
  side->hold = vf_store_begin_clone (store, image->key, 0, error);
  if (side->hold == NULL || !vf_storage_map (store->storage, image->volume, TRUE, &side->path, error))
    return FALSE;
  side->fd = open (side->path, O_RDONLY | O_CLOEXEC);
  return side->fd >= 0 ? vf_disk_read (side->path, &side->layout, error)
                       : vf_error_set_errno (error, "cannot open '%s'", side->path);
}

/* Also after the user asked to stop. */
static gboolean
close_side (Side *side, GError **error)
{
  VmforgeStore *store = side->side->store;
  GCancellable *cancellable = store->host.cancellable;
  store->host.cancellable = NULL;
  vf_fd_clear (&side->fd);
  gboolean done = side->path == NULL || vf_storage_unmap (store->storage, side->side->image->volume, error);
  /* No volume of that id was ever made: only the record goes. */
  if (side->hold != NULL)
    done = vf_store_end (store, side->hold, FALSE, FALSE, done ? error : NULL) && done;
  store->host.cancellable = cancellable;
  g_free (side->path);
  g_free (side->root);
  g_free (side->esp);
  return done;
}

/* Nothing is replayed or written: a sealed filesystem was unmounted cleanly. */
static gboolean
mount_side (Side *side, const char *folder, const char *name, GError **error)
{
  side->root = g_strdup_printf ("%s/root-%s", folder, name);
  const char *type = vf_inside_probe (side->path, &side->layout.root, error);
  if (type == NULL)
    return FALSE;
  g_autoptr (VfLoop) loop =
      vf_loop_attach_read_only (side->path, side->layout.root.offset, side->layout.root.length, error);
  if (loop == NULL)
    return FALSE;
  const char *options = g_str_equal (type, "xfs") ? "nouuid,norecovery" : "noload";
  side->mounted = mkdir (side->root, 0700) == 0 &&
                  mount (loop->path, side->root, type,
                         MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME, options) == 0;
  return side->mounted ||
         vf_error_set_errno (error, "cannot mount the root filesystem of '%s' (%s)", side->path, type);
}

static gboolean
unmount_side (Side *side, GError **error)
{
  if (!side->mounted)
    return TRUE;
  side->mounted = FALSE;
  return umount2 (side->root, UMOUNT_NOFOLLOW) == 0 ||
         vf_error_set_errno (error, "cannot unmount '%s'", side->root);
}

static gboolean
copy_esp (Side *side, const char *folder, const char *name, GCancellable *cancellable, GError **error)
{
  side->esp = g_strdup_printf ("%s/esp-%s", folder, name);
  if (mkdir (side->esp, 0700) != 0)
    return vf_error_set_errno (error, "cannot make '%s'", side->esp);
  g_autofree char *image = g_strdup_printf ("%s@@%" G_GUINT64_FORMAT, side->path, side->layout.esp.offset);
  g_autoptr (VfProcess) process =
      vf_process_new_args ("mcopy", "-s", "-m", "-n", "-i", image, "::", side->esp, NULL);
  vf_process_add_env (process, "MTOOLSRC=/dev/null");
  vf_process_add_env (process, "MTOOLS_SKIP_CHECK=1");
  return vf_process_run (process, NULL, cancellable, error);
}

/* An area of both disks, by name. *differs may be NULL. */
static gboolean
compare_area (const Diff *diff, const char *name, const VfDiskRange *a, const VfDiskRange *b,
              gboolean *differs, GError **error)
{
  if (a->offset == b->offset && a->length == b->length) {
    gint64 offset = vf_diff_content (diff->a.fd, diff->b.fd, (gint64)a->offset, (gint64)a->length,
                                     diff->cancellable, error);
    if (offset < 0)
      return offset == -1;
    if (differs != NULL)
      *differs = TRUE;
    const VfDifference difference = {.path = name, .what = "content", .offset = offset - (gint64)a->offset};
    if (name != NULL)
      diff->func (&difference, diff->user_data);
    return TRUE;
  }
  g_autofree char *x = g_strdup_printf ("%" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT, a->offset, a->length);
  g_autofree char *y = g_strdup_printf ("%" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT, b->offset, b->length);
  const VfDifference difference = {.path = name, .what = "place", .a = x, .b = y, .offset = -1};
  if (name != NULL)
    diff->func (&difference, diff->user_data);
  if (differs != NULL)
    *differs = TRUE;
  return TRUE;
}

/* What is in front of the partitions, and what boots a BIOS. */
static gboolean
compare_boot (const Diff *diff, GError **error)
{
  const VfDiskRange code = {0, 440}, table_a = {440, diff->a.layout.bios.offset - 440},
                    table_b = {440, diff->b.layout.bios.offset - 440};
  return compare_area (diff, "boot sector", &code, &code, NULL, error) &&
         compare_area (diff, "partition table", &table_a, &table_b, NULL, error) &&
         compare_area (diff, "BIOS boot partition", &diff->a.layout.bios, &diff->b.layout.bios, NULL, error);
}

/* The files, where not even the bytes of the partition are the same. */
static gboolean
compare_esp (Diff *diff, const char *folder, GError **error)
{
  gboolean differs = FALSE;
  const VfDiffWalk walk = {diff->func, diff->user_data, diff->cancellable, NULL, ESP_PREFIX, NULL};
  if (!compare_area (diff, NULL, &diff->a.layout.esp, &diff->b.layout.esp, &differs, error))
    return FALSE;
  return !differs || (copy_esp (&diff->a, folder, "a", diff->cancellable, error) &&
                      copy_esp (&diff->b, folder, "b", diff->cancellable, error) &&
                      vf_diff_walk (&walk, diff->a.esp, diff->b.esp, error));
}

static gboolean
compare_roots (Diff *diff, const char *folder, GError **error)
{
  guint n_read = 0;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfDiffSame) same =
      vf_diff_same_new (diff->a.side, diff->b.side, &diff->a.layout.root, &diff->b.layout.root, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  const VfDiffWalk walk = {diff->func, diff->user_data, diff->cancellable, same, "", &n_read};
  gboolean done = mount_side (&diff->a, folder, "a", error) && mount_side (&diff->b, folder, "b", error) &&
                  vf_diff_walk (&walk, diff->a.root, diff->b.root, error);
  g_debug ("pairs of files that had to be read: %u", n_read);
  gboolean unmounted_b = unmount_side (&diff->b, done ? error : NULL);
  return unmount_side (&diff->a, done && unmounted_b ? error : NULL) && unmounted_b && done;
}

/* path: what vf_inside_private made. Two EFI system partitions have more than it holds. */
static gboolean
run_inside (const char *path, gpointer user_data, GError **error)
{
  Diff *diff = user_data;
  if (mount ("tmpfs", path, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "mode=0700") != 0)
    return vf_error_set_errno (error, "cannot mount a memory filesystem on '%s'", path);
  return compare_boot (diff, error) && compare_esp (diff, path, error) && compare_roots (diff, path, error);
}

gboolean
vf_image_diff_tree (const VfDiffSide *a, const VfDiffSide *b, VfDifferenceFunc func, gpointer user_data,
                    GCancellable *cancellable, GError **error)
{
  Diff diff = {{.side = a, .fd = -1}, {.side = b, .fd = -1}, func, user_data, cancellable};
  gboolean done = open_side (&diff.a, error) && open_side (&diff.b, error) &&
                  vf_inside_private (run_inside, &diff, error);
  gboolean closed_b = close_side (&diff.b, done ? error : NULL);
  return close_side (&diff.a, done && closed_b ? error : NULL) && closed_b && done;
}
