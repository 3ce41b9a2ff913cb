/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* How a package plugin brings archives into the cache. */
#include "check/package-fixture.h"
#include "check/suites.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#define KILLS 6

static char *
archive_path (VfCheck *check, const char *digest)
{
  return g_strdup_printf ("%s/%.2s/%s", check->host.package_cache, digest, digest + 2);
}

/* A cache that is empty, for this case alone. */
static gboolean
use_own_cache (VfCheck *check, GError **error)
{
  check->host.package_cache = g_build_filename (check->work, "packages", NULL);
  return vf_fs_mkdir_p (AT_FDCWD, check->host.package_cache, 0755, error);
}

/* Each archive is there, and is what it should be. */
static gboolean
check_archives (VfCheck *check, GPtrArray *packages, GError **error)
{
  for (guint i = 0; i < packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (packages, i);
    if (package->pub.flags & VMFORGE_PACKAGE_REMOVE)
      continue;
    g_autofree char *path = archive_path (check, package->pub.digest);
    g_autofree char *found = vf_digest_file (AT_FDCWD, path, NULL);
    if (!found)
      return vf_check_fail (check, error, "fetch", "the archive of '%s' is not in the cache",
                            package->pub.id);
    if (strcmp (found, package->pub.digest) != 0)
      return vf_check_fail (check, error, "fetch", "the archive of '%s' has another digest", package->pub.id);
  }
  return TRUE;
}

gboolean
vf_check_package_fetch (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++)
    if (!vf_backend_fetch (backend, order->packages[stage], error) ||
        !check_archives (check, order->packages[stage], error))
      return FALSE;
  g_clear_pointer (&backend, vf_backend_close);
  /* What is there is not asked for again. */
  backend = vf_check_no_network (error) ? vf_check_order_open (order, TRUE, error) : NULL;
  return backend && vf_backend_fetch (backend, order->packages[0], error);
}

gboolean
vf_check_package_absent (VfCheck *check, GError **error)
{
  if (!use_own_cache (check, error))
    return FALSE;
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  g_clear_pointer (&backend, vf_backend_close);
  backend = vf_check_order_open (order, TRUE, error);
  if (!backend)
    return FALSE;
  GError *left = NULL;
  gboolean done = vf_backend_fetch (backend, order->packages[0], &left);
  return vf_check_refused (check, done, left, "fetch", "to fetch offline what is not in the cache", error);
}

gboolean
vf_check_package_damaged (VfCheck *check, GError **error)
{
  if (!use_own_cache (check, error))
    return FALSE;
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  g_autoptr (GPtrArray) one = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_package_free);
  VfPackage *package = vf_package_copy (&((VfPackage *)order->packages[0]->pdata[0])->pub);
  g_ptr_array_add (one, package);
  char *digest = (char *)package->pub.digest;
  digest[0] = digest[0] == '0' ? '1' : '0';
  g_autoptr (GError) left = NULL;
  if (vf_backend_fetch (backend, one, &left))
    return vf_check_fail (check, error, "fetch", "an archive of another digest is not refused");
  if (!strstr (left->message, package->pub.name) && !strstr (left->message, digest))
    return vf_check_fail (check, error, "fetch", "the error names neither package nor digest: %s",
                          left->message);
  g_autofree char *path = archive_path (check, digest);
  return !vf_fs_exists (AT_FDCWD, path) ||
         vf_check_fail (check, error, "fetch", "an archive of another digest is in the cache");
}

static gboolean
fetch_all (VfCheck *check, gpointer data, GError **error)
{
  VfCheckOrder *order = data;
  g_autoptr (VfBackend) backend = vf_check_order_open (order, FALSE, error);
  return backend && vf_backend_fetch (backend, order->packages[0], error);
}

/* Whatever lies at the place of a digest has it. */
static gboolean
check_no_torn (VfCheck *check, GPtrArray *packages, guint *present, GError **error)
{
  *present = 0;
  for (guint i = 0; i < packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (packages, i);
    g_autofree char *path = package->pub.digest ? archive_path (check, package->pub.digest) : NULL;
    if (!path || !vf_fs_exists (AT_FDCWD, path))
      continue;
    g_autofree char *found = vf_digest_file (AT_FDCWD, path, error);
    if (!found)
      return FALSE;
    if (strcmp (found, package->pub.digest) != 0)
      return vf_check_fail (check, error, "fetch", "after a kill the archive of '%s' is torn",
                            package->pub.id);
    ++*present;
  }
  return TRUE;
}

gboolean
vf_check_package_killed (VfCheck *check, GError **error)
{
  if (!use_own_cache (check, error))
    return FALSE;
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  guint present = 0;
  if (!backend)
    return FALSE;
  g_clear_pointer (&backend, vf_backend_close);
  for (guint i = 0; i < KILLS; i++) {
    VfCheckChild child;
    if (!vf_check_start (check, fetch_all, order, &child, error))
      return FALSE;
    g_usleep (1000 + g_rand_int (check->random) % 200000);
    kill (child.pid, SIGKILL);
    vf_check_wait (check, &child, NULL);
    check->blamed = FALSE;
    if (!check_no_torn (check, order->packages[0], &present, error))
      return FALSE;
  }
  return fetch_all (check, order, error) && check_archives (check, order->packages[0], error) &&
         vf_check_note (check, "%u archives were there after the last of %u kills", present, KILLS);
}
