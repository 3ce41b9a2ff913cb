/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a package plugin says that it would install. */
#include "check/ledger.h"
#include "check/package-fixture.h"
#include "check/suites.h"
#include "support/error.h"
#include "support/json.h"

#include <string.h>

#define UNKNOWN "vmforge-check-no-such-package"
#define WARM_UP 2
#define CYCLES  6

gboolean
vf_check_package_open (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (VfBackend) backend = order ? vf_check_order_open (order, i == 2, error) : NULL;
    if (!backend)
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_check_package_refresh (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autofree char *first = NULL;
  for (guint i = 0; i < 2; i++) {
    g_autoptr (VfBackend) backend = order ? vf_check_order_open (order, FALSE, error) : NULL;
    g_autofree char *snapshot = NULL;
    VfBackendRequest request = {0};
    if (!backend)
      return FALSE;
    request = vf_check_order_request (order, 0);
    if (!vf_backend_refresh (backend, &request, &snapshot, error))
      return FALSE;
    if (first && strcmp (first, snapshot) != 0)
      return vf_check_fail (check, error, "refresh",
                            "the snapshot is another one a moment later: %.12s, %.12s (if the mirror has not "
                            "changed, its digest sees too much)",
                            first, snapshot);
    g_free (first);
    first = g_steal_pointer (&snapshot);
  }
  return TRUE;
}

gboolean
vf_check_package_date (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  gint64 dates[2];
  for (guint i = 0; i < G_N_ELEMENTS (dates); i++) {
    VfBackendRequest request = {0};
    if (!backend)
      return FALSE;
    request = vf_check_order_request (order, 0);
    if (!vf_backend_metadata_date (backend, &request, &dates[i], error))
      return FALSE;
  }
  return dates[0] == dates[1] ||
         vf_check_fail (check, error, "metadata_date",
                        "the date of the same metadata is another one a moment later");
}

static char *
describe (GPtrArray *packages)
{
  g_autoptr (VfJson) list = json_object_new_array ();
  for (guint i = 0; i < packages->len; i++)
    json_object_array_add (list, vf_package_to_json (g_ptr_array_index (packages, i), TRUE));
  return vf_json_canonical (list);
}

/* What the runner lets pass and an engine would stumble over later. */
static gboolean
check_package (VfCheck *check, const VfPackage *package, GError **error)
{
  const struct vmforge_package *pub = &package->pub;
  if (pub->flags & VMFORGE_PACKAGE_REMOVE)
    return TRUE;
  g_autoptr (GUri) uri = g_uri_parse (pub->url, G_URI_FLAGS_NONE, NULL);
  if (uri && g_uri_get_userinfo (uri))
    return vf_check_fail (check, error, "resolve", "the url of '%s' holds credentials", pub->id);
  if (!uri && !g_path_is_absolute (pub->url))
    return vf_check_fail (check, error, "resolve", "'%s' comes from '%s', which is no URL", pub->id,
                          pub->url);
  if (pub->download_size == 0)
    return vf_check_fail (check, error, "resolve", "the size of '%s' is unknown", pub->id);
  return TRUE;
}

gboolean
vf_check_package_resolve (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  guint total = 0;
  if (!backend)
    return FALSE;
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++) {
    GPtrArray *packages = order->packages[stage];
    total += packages->len;
    for (guint i = 0; i < packages->len; i++)
      if (!check_package (check, g_ptr_array_index (packages, i), error))
        return FALSE;
    VfBackendRequest request = vf_check_order_request (order, stage);
    g_autoptr (GPtrArray) again = vf_backend_resolve (backend, &request, error);
    if (!again)
      return FALSE;
    g_autofree char *before = describe (packages), *after = describe (again);
    if (strcmp (before, after) != 0)
      return vf_check_fail (check, error, "resolve", "the same request resolves to something else");
  }
  if (order->packages[0]->len == 0)
    return vf_check_fail (check, error, "resolve", "nothing is installed in an empty root filesystem");
  return vf_check_note (check, "%u packages in %d stages", total, VMFORGE_N_STAGES);
}

gboolean
vf_check_package_closed (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  for (guint stage = 0; stage < VMFORGE_N_STAGES; stage++) {
    VfBackendRequest request = vf_check_order_request (order, stage);
    request.bootstrap = FALSE;
    request.installed = order->installed[stage];
    g_autoptr (GPtrArray) more = vf_backend_resolve (backend, &request, error);
    if (!more)
      return FALSE;
    if (more->len > 0)
      return vf_check_fail (check, error, "resolve", "over what was just resolved it wants '%s' besides",
                            ((VfPackage *)g_ptr_array_index (more, 0))->pub.id);
  }
  return TRUE;
}

gboolean
vf_check_package_unknown (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  static const char *const names[] = {UNKNOWN, NULL};
  VfBackendRequest request = vf_check_order_request (order, 1);
  request.install = names;
  g_autoptr (GError) left = NULL;
  g_autoptr (GPtrArray) packages = vf_backend_resolve (backend, &request, &left);
  if (packages)
    return vf_check_fail (check, error, "resolve", "a package that no source has is not refused");
  if (!strstr (left->message, UNKNOWN))
    return vf_check_fail (check, error, "resolve", "the error does not quote the unknown name: %s",
                          left->message);
  if (!g_error_matches (left, VMFORGE_ERROR, VMFORGE_ERROR_SPEC))
    return vf_check_fail (check, error, "resolve", "an unknown name is not of the code INVALID: %s",
                          left->message);
  return TRUE;
}

gboolean
vf_check_package_offline (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  g_autofree char *before = describe (order->packages[0]);
  g_clear_pointer (&backend, vf_backend_close);
  backend = vf_check_no_network (error) ? vf_check_order_open (order, TRUE, error) : NULL;
  if (!backend || !vf_check_order_resolve (order, backend, error))
    return FALSE;
  g_autofree char *after = describe (order->packages[0]);
  return strcmp (before, after) == 0 ||
         vf_check_fail (check, error, "resolve", "without the network it resolves to something else");
}

/* Each callback once; nothing of ours lives from one to the next. */
static gboolean
cycle (VfCheckOrder *order, GError **error)
{
  g_autoptr (VfBackend) backend = vf_check_order_open (order, FALSE, error);
  VfBackendRequest request = vf_check_order_request (order, 0);
  char *snapshot = NULL;
  if (!backend || !vf_backend_refresh (backend, &request, &snapshot, error))
    return FALSE;
  g_free (snapshot);
  gint64 date;
  if (!vf_backend_metadata_date (backend, &request, &date, error))
    return FALSE;
  GPtrArray *packages = vf_backend_resolve (backend, &request, error);
  if (!packages)
    return FALSE;
  g_ptr_array_unref (packages);
  gint64 seconds;
  return vf_backend_fetch (backend, order->packages[0], error) &&
         vf_backend_build_time (backend, order->packages[0], &seconds, error);
}

gboolean
vf_check_package_leaks (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  if (!backend)
    return FALSE;
  g_clear_pointer (&backend, vf_backend_close);
  for (guint i = 0; i < WARM_UP; i++)
    if (!cycle (order, error))
      return FALSE;
  VfCheckLedger *ledger = vf_check_ledger_open (check);
  gboolean done = TRUE;
  for (guint i = 0; done && i < CYCLES; i++) {
    done = cycle (order, error);
    vf_check_ledger_turn (ledger);
  }
  return vf_check_ledger_close (ledger, done ? error : NULL) && done;
}
