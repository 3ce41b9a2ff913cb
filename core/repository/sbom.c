/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "repository/sbom.h"

#include "support/digest.h"
#include "support/error.h"

#include <string.h>

#define NAMESPACE "https://spdx.org/spdxdocs/"
#define UNKNOWN   "NOASSERTION" /* SPDX's word for what nobody looked into */
#define DOCUMENT  "SPDXRef-DOCUMENT"
#define IMAGE     "SPDXRef-Image"

/* Of what an SPDX identifier may have, less the dot, which begins what else there is: two names never give
 * the same. Free the result. */
static char *
make_id (const char *text)
{
  GString *id = g_string_new ("SPDXRef-Package-");
  for (const char *c = text; *c != '\0'; c++)
    if (g_ascii_isalnum (*c) || *c == '-')
      g_string_append_c (id, *c);
    else
      g_string_append_printf (id, ".%02X", (guchar)*c);
  return g_string_free (id, FALSE);
}

static VfJson *
new_package (const char *id, const char *name, const char *version)
{
  VfJson *package = json_object_new_object ();
  vf_json_set_string (package, "SPDXID", id);
  vf_json_set_string (package, "name", name);
  vf_json_set_string (package, "versionInfo", version);
  vf_json_set_string (package, "downloadLocation", UNKNOWN);
  vf_json_set_bool (package, "filesAnalyzed", FALSE);
  vf_json_set_string (package, "licenseConcluded", UNKNOWN);
  vf_json_set_string (package, "licenseDeclared", UNKNOWN);
  vf_json_set_string (package, "copyrightText", UNKNOWN);
  return package;
}

/* kind: type and namespace, as the profile of the distribution has them. */
static VfJson *
make_purl (const char *kind, const char *name, const char *version, const char *arch)
{
  /* A colon is as it is, everywhere in such a URL: versions have it. */
  g_autofree char *in_kind = g_uri_escape_string (kind, "/", FALSE),
                  *in_name = g_uri_escape_string (name, ":", FALSE),
                  *in_version = g_uri_escape_string (version, ":", FALSE),
                  *in_arch = g_uri_escape_string (arch, ":", FALSE);
  g_autofree char *purl = g_strdup_printf ("pkg:%s/%s@%s?arch=%s", in_kind, in_name, in_version, in_arch);
  VfJson *reference = json_object_new_object ();
  vf_json_set_string (reference, "referenceCategory", "PACKAGE-MANAGER");
  vf_json_set_string (reference, "referenceType", "purl");
  vf_json_set_string (reference, "referenceLocator", purl);
  VfJson *list = json_object_new_array ();
  json_object_array_add (list, reference);
  return list;
}

static VfJson *
make_checksums (const char *digest)
{
  VfJson *checksum = json_object_new_object ();
  vf_json_set_string (checksum, "algorithm", "SHA256");
  vf_json_set_string (checksum, "checksumValue", digest);
  VfJson *list = json_object_new_array ();
  json_object_array_add (list, checksum);
  return list;
}

/* The manifest may come from elsewhere: what SPDX must have is an error where it is not there. id: free it.
 */
static VfJson *
describe_package (VfJson *manifest, VfJson *package, char **id, GError **error)
{
  const char *name = vf_json_string (package, "name", ""), *version = vf_json_string (package, "version", "");
  const char *arch = vf_json_string (package, "arch", "");
  const char *digest = vf_json_string (package, "digest", "");
  const char *kind = vf_json_string (vf_json_object (manifest, "distro"), "purl", NULL);
  if (*name == '\0' || *version == '\0') {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the manifest has a package without a name or version");
    return NULL;
  }
  *id = make_id (vf_json_string (package, "id", name));
  VfJson *json = new_package (*id, name, version);
  if (vf_digest_is_hex (digest, VF_DIGEST_HEX) && strlen (digest) == VF_DIGEST_HEX)
    vf_json_set (json, "checksums", make_checksums (digest));
  if (kind != NULL && *arch != '\0')
    vf_json_set (json, "externalRefs", make_purl (kind, name, version, arch));
  return json;
}

static void
relate (VfJson *relations, const char *from, const char *how, const char *to)
{
  VfJson *relation = json_object_new_object ();
  vf_json_set_string (relation, "spdxElementId", from);
  vf_json_set_string (relation, "relationshipType", how);
  vf_json_set_string (relation, "relatedSpdxElement", to);
  json_object_array_add (relations, relation);
}

static gboolean
add_packages (VfJson *manifest, VfJson *packages, VfJson *relations, GError **error)
{
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  VfJson *list = vf_json_array (manifest, "packages");
  for (gsize i = 0; list != NULL && i < json_object_array_length (list); i++) {
    char *id = NULL;
    VfJson *package = describe_package (manifest, json_object_array_get_idx (list, i), &id, error);
    if (package == NULL)
      return FALSE;
    json_object_array_add (packages, package);
    relate (relations, IMAGE, "CONTAINS", id);
    if (!g_hash_table_add (ids, id))
      return vf_error_set (error, VMFORGE_ERROR_FAILED, "the manifest has package '%s' twice",
                           vf_json_string (package, "name", ""));
  }
  return TRUE;
}

/* What an SPDX document calls a tool: NAME-VERSION. Free the result. */
static char *
name_tool (VfJson *manifest)
{
  g_auto (GStrv) words = g_strsplit (vf_json_string (manifest, "builder", "vmforge"), " ", -1);
  g_autofree char *joined = g_strjoinv ("-", words);
  return g_strconcat ("Tool: ", joined, NULL);
}

static VfJson *
make_creation (VfJson *manifest, GError **error)
{
  gint64 created = vf_json_int (manifest, "created", 0);
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (created);
  if (time == NULL) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the manifest was created at %" G_GINT64_FORMAT ", no time",
                  created);
    return NULL;
  }
  g_autofree char *text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ");
  g_autofree char *tool = name_tool (manifest);
  const char *const creators[] = {tool, NULL};
  VfJson *creation = json_object_new_object ();
  vf_json_set_string (creation, "created", text);
  vf_json_set (creation, "creators", vf_json_from_strv (creators));
  return creation;
}

static VfJson *
describe_image (VfJson *manifest, const char *digest)
{
  VfJson *image =
      new_package (IMAGE, vf_json_string (manifest, "name", ""), vf_json_string (manifest, "version", ""));
  const char *root = vf_json_string (manifest, "root", NULL);
  g_autofree char *comment =
      root == NULL
          ? g_strdup_printf ("SHA-256 of the manifest: %s", digest)
          : g_strdup_printf ("SHA-256 of the manifest: %s, root of the block index: %s", digest, root);
  vf_json_set_string (image, "comment", comment);
  vf_json_set_string (image, "primaryPackagePurpose", "OPERATING_SYSTEM");
  return image;
}

/* What the document is called in the world: another manifest gives another. */
static void
name_document (VfJson *manifest, const char *digest, VfJson *document)
{
  g_autofree char *name =
      g_strdup_printf ("%s-%s-%s", vf_json_string (manifest, "name", ""),
                       vf_json_string (manifest, "version", ""), vf_json_string (manifest, "arch", ""));
  g_autofree char *escaped = g_uri_escape_string (name, NULL, FALSE);
  g_autofree char *where = g_strconcat (NAMESPACE, escaped, "-", digest, NULL);
  vf_json_set_string (document, "name", name);
  vf_json_set_string (document, "documentNamespace", where);
}

char *
vf_sbom_make (VfJson *manifest, GError **error)
{
  g_autofree char *text = vf_json_canonical (manifest);
  g_autofree char *digest = vf_digest_text (text);
  g_autoptr (VfJson) document = json_object_new_object ();
  VfJson *packages = json_object_new_array (), *relations = json_object_new_array ();
  vf_json_set (document, "packages", packages);
  vf_json_set (document, "relationships", relations);
  VfJson *creation = make_creation (manifest, error);
  if (creation == NULL)
    return NULL;
  vf_json_set (document, "creationInfo", creation);
  vf_json_set_string (document, "spdxVersion", "SPDX-2.3");
  vf_json_set_string (document, "dataLicense", "CC0-1.0");
  vf_json_set_string (document, "SPDXID", DOCUMENT);
  name_document (manifest, digest, document);
  json_object_array_add (packages, describe_image (manifest, digest));
  relate (relations, DOCUMENT, "DESCRIBES", IMAGE);
  return add_packages (manifest, packages, relations, error) ? vf_json_canonical (document) : NULL;
}
