/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Packages as values of ours. */
#include "plugin/call.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/json.h"

#include <string.h>

VfPackage *
vf_package_copy (const struct vmforge_package *package)
{
  VfPackage *ours = g_new0 (VfPackage, 1);
  ours->pub = (struct vmforge_package){
      .size = sizeof ours->pub,
      .flags = package->flags,
      .id = g_strdup (package->id),
      .name = g_strdup (package->name),
      .version = g_strdup (package->version),
      .arch = g_strdup (package->arch),
      .digest = g_strdup (package->digest),
      .url = g_strdup (package->url),
      .download_size = package->download_size,
      .installed_size = package->installed_size,
      .data = g_strdup (package->data),
  };
  return ours;
}

void
vf_package_free (VfPackage *package)
{
  g_free ((char *)package->pub.id);
  g_free ((char *)package->pub.name);
  g_free ((char *)package->pub.version);
  g_free ((char *)package->pub.arch);
  g_free ((char *)package->pub.digest);
  g_free ((char *)package->pub.url);
  g_free ((char *)package->pub.data);
  g_free (package);
}

/* Where an archive was found and how large it is estimated to be is not what it is: keys do not see it. */
struct json_object *
vf_package_to_json (const VfPackage *package, gboolean with_data)
{
  VfJson *json = json_object_new_object ();
  const struct vmforge_package *pub = &package->pub;
  vf_json_set_string (json, "id", pub->id);
  vf_json_set_string (json, "name", pub->name);
  vf_json_set_string (json, "version", pub->version);
  vf_json_set_string (json, "arch", pub->arch);
  if (pub->digest)
    vf_json_set_string (json, "digest", pub->digest);
  if (pub->flags & VMFORGE_PACKAGE_REMOVE)
    vf_json_set_bool (json, "remove", TRUE);
  if (!with_data)
    return json;
  if (pub->url)
    vf_json_set_string (json, "url", pub->url);
  if (pub->data)
    vf_json_set_string (json, "data", pub->data);
  vf_json_set_int (json, "download_size", (gint64)MIN (pub->download_size, G_MAXINT64));
  vf_json_set_int (json, "installed_size", (gint64)MIN (pub->installed_size, G_MAXINT64));
  return json;
}

VfPackage *
vf_package_from_json (struct json_object *json, GError **error)
{
  struct vmforge_package package = {
      .size = sizeof package,
      .flags = vf_json_bool (json, "remove", FALSE) ? VMFORGE_PACKAGE_REMOVE : 0,
      .id = vf_json_string (json, "id", NULL),
      .name = vf_json_string (json, "name", NULL),
      .version = vf_json_string (json, "version", NULL),
      .arch = vf_json_string (json, "arch", NULL),
      .digest = vf_json_string (json, "digest", NULL),
      .url = vf_json_string (json, "url", NULL),
      .data = vf_json_string (json, "data", NULL),
      .download_size = (guint64)MAX (vf_json_int (json, "download_size", 0), 0),
      .installed_size = (guint64)MAX (vf_json_int (json, "installed_size", 0), 0),
  };
  if (!package.id || !package.name || !package.version || !package.arch) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "a package record lacks id, name, version or arch");
    return NULL;
  }
  if (package.digest &&
      (strlen (package.digest) != VF_DIGEST_HEX || !vf_digest_is_hex (package.digest, VF_DIGEST_HEX))) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the record of package '%s' has a digest that is no SHA-256",
                  package.id);
    return NULL;
  }
  return vf_package_copy (&package);
}

const struct vmforge_package **
vf_package_pointers (GPtrArray *packages)
{
  guint n = packages ? packages->len : 0;
  const struct vmforge_package **pointers = g_new0 (const struct vmforge_package *, n + 1);
  for (guint i = 0; i < n; i++)
    pointers[i] = &((const VfPackage *)g_ptr_array_index (packages, i))->pub;
  return pointers;
}
