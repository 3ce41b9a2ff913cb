/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* `distro: {snapshot: …}`: every source of packages is that of one moment, or the spec is refused. What the
 * profile's plugin calls its settings is not known here, but each URL in them is an archive. */
#include "spec/snapshot.h"

#include <stdio.h>
#include <string.h>

static gboolean
is_moment (const char *text)
{
  int year, month, day, hour, minute, second;
  if (sscanf (text, "%4d%2d%2dT%2d%2d%2dZ", &year, &month, &day, &hour, &minute, &second) != 6)
    return FALSE;
  g_autoptr (GDateTime) moment = g_date_time_new_utc (year, month, day, hour, minute, second);
  return moment != NULL;
}

static gboolean
is_url (const VfNode *node)
{
  return node->type == VF_NODE_STRING &&
         (g_str_has_prefix (node->text, "http://") || g_str_has_prefix (node->text, "https://"));
}

/* The first archive in the plugin's settings that has no snapshot URL; NULL: all have one. */
static const VfNode *
find_unpinned (const VfNode *settings, const VfNode *snapshots)
{
  for (guint i = 0; i < vf_node_length (settings); i++) {
    const VfNode *value = vf_node_at (settings, i);
    const VfNode *found = is_url (value) && vf_node_get (snapshots, value->text) == NULL
                              ? value
                              : find_unpinned (value, snapshots);
    if (found != NULL)
      return found;
  }
  return NULL;
}

gboolean
vf_snapshot_pin_profile (VfProfile *profile, const VfNode *snapshot, GError **error)
{
  /* Without a snapshot the profile is what it would be without their URLs, for plugin and keys. */
  if (snapshot == NULL) {
    vf_node_remove (profile->node, "snapshots");
    return TRUE;
  }
  if (!is_moment (snapshot->text))
    return vf_node_error (snapshot, VMFORGE_ERROR_SPEC, error, "there is no moment '%s'", snapshot->text);
  const VfNode *snapshots = vf_node_get (profile->node, "snapshots");
  if (vf_node_length (snapshots) == 0)
    return vf_node_error (
        snapshot, VMFORGE_ERROR_SPEC, error,
        "the profile '%s' has no snapshots; give the URLs of them in 'override: {snapshots: …}'",
        profile->id);
  const VfNode *unpinned = find_unpinned (vf_node_get (profile->node, "settings"), snapshots);
  if (unpinned != NULL)
    return vf_node_error (snapshot, VMFORGE_ERROR_SPEC, error,
                          "the archive '%s' of the profile '%s' has no snapshot URL; give one in 'override: "
                          "{snapshots: …}'",
                          unpinned->text, profile->id);
  vf_node_set_text (profile->node, "snapshot", snapshot->text);
  return TRUE;
}

gboolean
vf_snapshot_check_url (const VfProfile *profile, const VfNode *url, const char *what, GError **error)
{
  const char *snapshot = vf_node_get_text (profile->node, "snapshot", NULL);
  if (snapshot == NULL || strstr (url->text, snapshot) != NULL)
    return TRUE;
  return vf_node_error (
      url, VMFORGE_ERROR_SPEC, error,
      "%s '%s' is not of the snapshot: with 'distro: {snapshot: %s}' its URL must hold '%s'", what, url->text,
      snapshot, snapshot);
}
