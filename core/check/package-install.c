/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a package plugin installs, and what it says of it afterwards. */
#include "check/package-fixture.h"
#include "check/suites.h"
#include "plan/plan.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MIB (UINT64_C (1024) * 1024)
/* Room for a journal. */
#define SMALLEST_ROOT (16 * MIB)

static guint64
root_bytes (VfCheckOrder *order)
{
  return MAX (order->spec->profile->nominal_size,
              MAX (order->spec->disk_size, 2 * vf_plan_installed_size (order->installed[3]) + 64 * MIB));
}

static char *
describe (const VfPackage *package)
{
  return g_strdup_printf ("%s %s %s", package->pub.id, package->pub.version, package->pub.arch);
}

/* The database of the root filesystem says what was resolved, no more and no less. */
static gboolean
compare (VfCheck *check, GPtrArray *wanted, GPtrArray *found, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < wanted->len; i++)
    g_hash_table_add (names, describe (g_ptr_array_index (wanted, i)));
  for (guint i = 0; i < found->len; i++) {
    g_autofree char *name = describe (g_ptr_array_index (found, i));
    if (!g_hash_table_remove (names, name))
      return vf_check_fail (check, error, "manifest", "'%s' is installed and was not resolved", name);
  }
  GHashTableIter iter;
  gpointer left;
  g_hash_table_iter_init (&iter, names);
  if (!g_hash_table_iter_next (&iter, &left, NULL))
    return TRUE;
  return vf_check_fail (check, error, "install", "'%s' was resolved and is not installed", (char *)left);
}

gboolean
vf_check_package_install (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  g_autoptr (VfCheckRoot) root = backend ? vf_check_root_new (order, root_bytes (order), error) : NULL;
  if (!root)
    return FALSE;
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++) {
    if (stage > 0 && order->packages[stage]->len == 0)
      continue;
    if (!vf_check_root_install (root, order, backend, stage, error))
      return FALSE;
    g_autoptr (GPtrArray) found = vf_backend_manifest (backend, root->root->path, root->root->fd, error);
    if (!found || !compare (check, order->installed[stage], found, error))
      return FALSE;
  }
  g_clear_pointer (&backend, vf_backend_close);
  g_clear_pointer (&root->root, vf_rootfs_close);
  return vf_mount_close (root->mount, error) &&
         vf_check_note (check, "%u packages", order->installed[VMFORGE_N_STAGES - 1]->len);
}

/* Installing is offline: the cache is all there is. */
gboolean
vf_check_package_isolated (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend || !vf_backend_fetch (backend, order->packages[0], error))
    return FALSE;
  g_clear_pointer (&backend, vf_backend_close);
  backend = vf_check_no_network (error) ? vf_check_order_open (order, TRUE, error) : NULL;
  g_autoptr (VfCheckRoot) root = backend ? vf_check_root_new (order, root_bytes (order), error) : NULL;
  VfBackendRequest request = vf_check_order_request (order, 0);
  return root &&
         vf_backend_install (backend, root->root->path, root->root->fd, &request, order->packages[0], error);
}

gboolean
vf_check_package_full (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  guint64 bytes = vf_plan_installed_size (order->packages[0]) / 2;
  if (bytes < SMALLEST_ROOT)
    return vf_check_skip (check, "the packages are too small to fill a disk");
  g_autoptr (VfCheckRoot) root = vf_check_root_new (order, bytes / MIB * MIB, error);
  if (!root)
    return FALSE;
  GError *left = NULL;
  gboolean done = vf_check_root_install (root, order, backend, 0, &left);
  return vf_check_refused (check, done, left, "install", "what does not fit", error);
}

/* The rules that the engine relies on when it places what boots. */
static gboolean
check_artefacts (VfCheck *check, VfCheckRoot *root, GPtrArray *artefacts, GError **error)
{
  guint kinds[4] = {0};
  for (guint i = 0; i < artefacts->len; i++) {
    const VfArtefact *artefact = g_ptr_array_index (artefacts, i);
    kinds[artefact->kind]++;
    vf_autofd int fd = vf_rootfs_open_at (root->root, artefact->path, O_RDONLY | O_NONBLOCK, error);
    struct stat status;
    if (fd < 0 || fstat (fd, &status) < 0)
      return FALSE;
    if (!S_ISREG (status.st_mode) || status.st_size == 0)
      return vf_check_fail (check, error, "boot", "artefact '%s' is no file with content", artefact->path);
    if (artefact->kind == VMFORGE_ARTEFACT_EFI_FILE && (!artefact->target || strstr (artefact->target, "..")))
      return vf_check_fail (check, error, "boot", "'%s' has no sound place in the EFI system partition",
                            artefact->path);
  }
  if (kinds[VMFORGE_ARTEFACT_BIOS_BOOT] > 1 || kinds[VMFORGE_ARTEFACT_BIOS_CORE] > 1 ||
      kinds[VMFORGE_ARTEFACT_BIOS_BOOT] != kinds[VMFORGE_ARTEFACT_BIOS_CORE])
    return vf_check_fail (check, error, "boot", "boot sector and core image come together, once");
  return vf_check_note (check, "%u files for BIOS, %u for UEFI",
                        kinds[VMFORGE_ARTEFACT_BIOS_BOOT] + kinds[VMFORGE_ARTEFACT_BIOS_CORE],
                        kinds[VMFORGE_ARTEFACT_EFI_FILE]);
}

gboolean
vf_check_package_boot (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  g_autoptr (VfCheckRoot) root = backend ? vf_check_root_new (order, root_bytes (order), error) : NULL;
  if (!root || !vf_check_root_install (root, order, backend, 0, error))
    return FALSE;
  g_autoptr (VfDiskIds) ids = vf_disk_ids_new ("vmforge-check");
  const struct vmforge_boot_request request = {
      .size = sizeof request,
      .firmware = order->spec->firmware,
      .filesystem = order->spec->filesystem,
      .root_uuid = ids->filesystem,
      .esp_uuid = ids->esp_uuid,
      .kernel_arguments = (const char *const *)order->spec->kernel_arguments,
  };
  g_autoptr (GPtrArray) artefacts =
      vf_backend_boot (backend, root->root->path, root->root->fd, &request, error);
  return artefacts && check_artefacts (check, root, artefacts, error);
}
