/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a storage plugin must refuse, with a reason. */
#include "check/suites.h"
#include "check/volume.h"
#include "support/digest.h"

#include <string.h>

#define SIZE (4 * VF_CHECK_MIB)

/* The setting of the case with one parameter replaced. */
static char *
setting_with (const VfCheck *check, const char *key, const char *value)
{
  g_autoptr (GString) setting = g_string_new (check->plugin->name);
  const char *colon = strchr (check->setting, ':');
  g_auto (GStrv) words = g_strsplit (colon ? colon + 1 : "", ",", -1);
  g_string_append_printf (setting, ":%s=%s", key, value);
  gsize length = strlen (key);
  for (char **word = words; *word; word++)
    if (strncmp (*word, key, length) != 0 || (*word)[length] != '=')
      g_string_append_printf (setting, ",%s", *word);
  return g_string_free (g_steal_pointer (&setting), FALSE);
}

/* Opens with a value that makes no sense. A plugin may know better and take it; else it says why. */
static gboolean
try_parameter (VfCheck *check, const char *key, const char *value, gboolean *taken, GError **error)
{
  g_autofree char *setting = setting_with (check, key, value);
  g_autofree char *what = g_strdup_printf ("%s=%s", key, value);
  GError *left = NULL;
  g_autoptr (VfStorage) storage =
      vf_storage_open (setting, check->store, check->store_id, &check->host, &left);
  *taken = storage != NULL;
  if (!storage)
    return vf_check_refused (check, FALSE, left, "open", what, error);
  g_autoptr (GPtrArray) listed = vf_storage_list (storage, error);
  return listed != NULL;
}

gboolean
vf_check_storage_parameters (VfCheck *check, GError **error)
{
  g_autofree char *nowhere = g_build_filename (check->work, "no-such", "folder", NULL);
  guint n = 0, accepted = 0;
  gboolean taken;
  if (!try_parameter (check, "vmforge-check", "1", &taken, error))
    return FALSE;
  if (taken)
    return vf_check_fail (check, error, "open", "a parameter that is not declared is not refused");
  for (const struct vmforge_parameter *p = check->plugin->descriptor->parameters; p && p->name; p++) {
    if (strcmp (p->type, "bool") == 0)
      continue;
    const char *nonsense = strcmp (p->type, "size") == 0   ? "1"
                           : strcmp (p->type, "path") == 0 ? nowhere
                                                           : "vmforge-check-nonsense";
    if (!try_parameter (check, p->name, nonsense, &taken, error))
      return FALSE;
    n++;
    accepted += taken;
  }
  return n == 0 || vf_check_note (check, "of %u senseless values %u are refused", n, n - accepted);
}

/* One callback with the id of a volume that does not exist. */
typedef struct {
  VfCheck *check;
  VfStorage *storage;
  char *absent, *other;
} Unknown;

static gboolean
refuses_unknown (Unknown *unknown, const char *callback, gboolean done, GError *left, GError **error)
{
  return vf_check_refused (unknown->check, done, left, callback, "a volume that does not exist", error);
}

static gboolean
ranges_refuse_unknown (Unknown *unknown, GError **error)
{
  const struct vmforge_storage *table = unknown->check->plugin->descriptor->storage;
  GError *left = NULL;
  g_autoptr (GArray) extents =
      table->extents ? vf_storage_extents (unknown->storage, unknown->absent, SIZE, &left) : NULL;
  if (table->extents && !refuses_unknown (unknown, "extents", extents != NULL, left, error))
    return FALSE;
  left = NULL;
  g_autoptr (GArray) differences =
      table->differences
          ? vf_storage_differences (unknown->storage, unknown->absent, unknown->other, SIZE, &left)
          : NULL;
  return !table->differences || refuses_unknown (unknown, "differences", differences != NULL, left, error);
}

static gboolean
others_refuse_unknown (Unknown *unknown, GError **error)
{
  GError *left = NULL;
  g_autofree char *path = NULL;
  gboolean done = vf_storage_map (unknown->storage, unknown->absent, TRUE, &path, &left);
  if (!refuses_unknown (unknown, "map", done, left, error))
    return FALSE;
  left = NULL;
  done = vf_storage_clone (unknown->storage, unknown->other, unknown->absent, &left);
  if (!refuses_unknown (unknown, "clone", done, left, error))
    return FALSE;
  left = NULL;
  done = vf_storage_grow (unknown->storage, unknown->absent, SIZE, &left);
  if (!refuses_unknown (unknown, "grow", done, left, error))
    return FALSE;
  left = NULL;
  done = vf_storage_seal (unknown->storage, unknown->absent, &left);
  return refuses_unknown (unknown, "seal", done, left, error);
}

gboolean
vf_check_storage_unknown (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autofree char *absent = vf_digest_random_id (), *other = vf_digest_random_id ();
  Unknown unknown = {check, storage, absent, other};
  VfCheckVolume *const none[] = {NULL};
  return storage && others_refuse_unknown (&unknown, error) && ranges_refuse_unknown (&unknown, error) &&
         vf_check_volumes_listed (check, storage, none, "clone", error);
}

gboolean
vf_check_storage_twice (VfCheck *check, GError **error)
{
  g_autoptr (VfStorage) storage = vf_check_open (check, error);
  g_autoptr (VfCheckVolume) sealed = storage ? vf_check_volume_sealed (check, storage, SIZE, error) : NULL;
  g_autoptr (VfCheckVolume) volume = sealed ? vf_check_volume_create (check, storage, SIZE, error) : NULL;
  if (!volume || !vf_check_volume_change (volume, 8, error))
    return FALSE;
  GError *left = NULL;
  gboolean done = vf_storage_create (storage, volume->id, SIZE, &left);
  if (!vf_check_refused (check, done, left, "create", "to create a volume that exists", error))
    return FALSE;
  left = NULL;
  done = vf_storage_clone (storage, volume->id, sealed->id, &left);
  VfCheckVolume *const volumes[] = {sealed, volume, NULL};
  return vf_check_refused (check, done, left, "clone", "to clone onto a volume that exists", error) &&
         vf_check_volumes_listed (check, storage, volumes, "clone", error) &&
         vf_check_volume_verify (volume, "clone", error);
}
