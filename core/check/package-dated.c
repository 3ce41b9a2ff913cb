/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* When a package plugin says that packages were built. */
#include "check/package-fixture.h"
#include "check/suites.h"

static gboolean
ask (VfBackend *backend, VfCheckOrder *order, gint64 *times, GError **error)
{
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++)
    if (!vf_backend_build_time (backend, order->packages[stage], &times[stage], error))
      return FALSE;
  return TRUE;
}

/* That of one alone is not newer than that of all. */
static gboolean
check_newest (VfCheck *check, VfBackend *backend, GPtrArray *packages, gint64 newest, GError **error)
{
  for (guint i = 0; i < packages->len; i++) {
    VfPackage *package = g_ptr_array_index (packages, i);
    g_autoptr (GPtrArray) one = g_ptr_array_new ();
    gint64 time;
    g_ptr_array_add (one, package);
    if (!vf_backend_build_time (backend, one, &time, error))
      return FALSE;
    if (time > newest)
      return vf_check_fail (check, error, "build_time", "the time of '%s' is newer than that of all with it",
                            package->pub.id);
  }
  return TRUE;
}

/* All packages of all stages; borrowed. */
static GPtrArray *
collect (VfCheckOrder *order)
{
  GPtrArray *all = g_ptr_array_new ();
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++)
    g_ptr_array_extend (all, order->packages[stage], NULL, NULL);
  return all;
}

gboolean
vf_check_package_dated (VfCheck *check, GError **error)
{
  gint64 before[VMFORGE_N_STAGES], after[VMFORGE_N_STAGES], newest;
  if (!check->plugin->descriptor->package->build_time)
    return vf_check_skip (check, "it does not say when packages were built");
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  g_autoptr (GPtrArray) all = collect (order);
  if (!vf_backend_fetch (backend, all, error) || !ask (backend, order, before, error))
    return FALSE;
  g_clear_pointer (&backend, vf_backend_close);
  backend = vf_check_no_network (error) ? vf_check_order_open (order, TRUE, error) : NULL;
  if (!backend || !ask (backend, order, after, error))
    return FALSE;
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++)
    if (before[stage] != after[stage])
      return vf_check_fail (check, error, "build_time", "the same packages have another one a moment later");
  return vf_backend_build_time (backend, all, &newest, error) &&
         check_newest (check, backend, all, newest, error);
}
