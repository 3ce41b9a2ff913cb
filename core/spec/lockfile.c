/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Reading lock files, which may come from anywhere: the schema says what is allowed, and what it cannot say
 * is checked here. */
#include "spec/lockfile.h"

#include "spec/schema.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
vf_locked_package_free (VfLockedPackage *package)
{
  g_free (package->id);
  g_free (package->name);
  g_free (package->version);
  g_free (package->arch);
  g_free (package->digest);
  g_free (package->url);
  g_free (package->data);
  g_free (package);
}

VfLockfile *
vf_lockfile_new (const char *path)
{
  VfLockfile *lock = g_new0 (VfLockfile, 1);
  lock->path = g_strdup (path);
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    lock->stages[i].packages = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_locked_package_free);
  return lock;
}

void
vf_lockfile_free (VfLockfile *lock)
{
  if (lock == NULL)
    return;
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    g_strfreev (lock->stages[i].install);
    g_strfreev (lock->stages[i].remove);
    g_free (lock->stages[i].sources);
    g_ptr_array_unref (lock->stages[i].packages);
  }
  g_free (lock->path);
  g_free (lock->digest);
  g_free (lock->distro);
  g_free (lock->release);
  g_free (lock->arch);
  g_free (lock);
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

char **
vf_lockfile_sort_words (char **words)
{
  char **sorted = words == NULL ? g_new0 (char *, 1) : g_strdupv (words);
  qsort (sorted, g_strv_length (sorted), sizeof *sorted, compare_words);
  return sorted;
}

VfLockedPackage *
vf_locked_stage_find (const VfLockedStage *stage, const char *id)
{
  for (guint i = 0; i < stage->packages->len; i++) {
    VfLockedPackage *package = g_ptr_array_index (stage->packages, i);
    if (strcmp (package->id, id) == 0)
      return package;
  }
  return NULL;
}

static gint
compare_ids (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const VfLockedPackage *const *)a)->id, (*(const VfLockedPackage *const *)b)->id);
}

/* What the schema cannot say: a package that comes must say of which bytes it is made. */
static gboolean
check_archive (const VfNode *node, const VfLockedPackage *package, GError **error)
{
  static const char *const needed[] = {"size", "sha256", "url", "installed_size"};
  for (gsize i = 0; !package->remove && i < G_N_ELEMENTS (needed); i++)
    if (vf_node_get (node, needed[i]) == NULL)
      return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "package '%s' lacks '%s'", package->name,
                            needed[i]);
  if (!package->remove && (*package->version == '\0' || *package->arch == '\0'))
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "package '%s' has no version or no arch",
                          package->name);
  g_autoptr (GUri) uri = package->url == NULL ? NULL : g_uri_parse (package->url, G_URI_FLAGS_NONE, NULL);
  if (package->url != NULL && (uri == NULL || g_uri_get_userinfo (uri) != NULL))
    return vf_node_error (vf_node_get (node, "url"), VMFORGE_ERROR_SPEC, error,
                          "the URL of package '%s' is none, or holds a user name", package->name);
  if (package->data != NULL && strlen (package->data) > VF_LOCKFILE_MAX_DATA)
    return vf_node_error (vf_node_get (node, "data"), VMFORGE_ERROR_SPEC, error,
                          "the data of package '%s' has more than %d bytes", package->name,
                          VF_LOCKFILE_MAX_DATA);
  return TRUE;
}

static VfLockedPackage *
read_package (const VfNode *node, GError **error)
{
  g_autoptr (VfLockedPackage) package = g_new0 (VfLockedPackage, 1);
  package->name = g_strdup (vf_node_get_text (node, "name", NULL));
  package->id = g_strdup (vf_node_get_text (node, "id", package->name));
  package->version = g_strdup (vf_node_get_text (node, "version", NULL));
  package->arch = g_strdup (vf_node_get_text (node, "arch", NULL));
  package->digest = g_strdup (vf_node_get_text (node, "sha256", NULL));
  package->url = g_strdup (vf_node_get_text (node, "url", NULL));
  package->data = g_strdup (vf_node_get_text (node, "data", NULL));
  package->remove = vf_node_get_bool (node, "remove", FALSE);
  package->size = (guint64)vf_node_get_int (node, "size", 0);
  package->installed_size = (guint64)vf_node_get_int (node, "installed_size", 0);
  return check_archive (node, package, error) ? g_steal_pointer (&package) : NULL;
}

static gboolean
read_stage (const VfNode *node, VmforgeStageKind kind, VfLockedStage *stage, GError **error)
{
  g_auto (GStrv) install = vf_node_dup_texts (vf_node_get (node, "install"));
  g_auto (GStrv) remove = vf_node_dup_texts (vf_node_get (node, "remove"));
  const VfNode *list = vf_node_get (node, "packages");
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  stage->install = vf_lockfile_sort_words (install);
  stage->remove = vf_lockfile_sort_words (remove);
  stage->sources = g_strdup (vf_node_get_text (node, "sources", NULL));
  for (guint i = 0; i < vf_node_length (list); i++) {
    VfLockedPackage *package = read_package (vf_node_at (list, i), error);
    if (package == NULL)
      return FALSE;
    g_ptr_array_add (stage->packages, package);
    if (!g_hash_table_add (known, package->id))
      return vf_node_error (vf_node_at (list, i), VMFORGE_ERROR_SPEC, error,
                            "package '%s' is twice in stage '%s'", package->id, vmforge_stage_name (kind));
  }
  g_ptr_array_sort (stage->packages, compare_ids);
  return TRUE;
}

static gboolean
read_date (const VfNode *node, gint64 *date, GError **error)
{
  if (node->type == VF_NODE_NULL)
    return TRUE;
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (node->text, NULL);
  if (time == NULL || g_date_time_to_unix (time) <= 0)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "there is no date '%s' since 1970", node->text);
  *date = g_date_time_to_unix (time);
  return TRUE;
}

char *
vf_lockfile_checksum (const VfNode *root)
{
  g_autoptr (VfJson) json = vf_node_to_json (root);
  json_object_object_del (json, "checksum");
  g_autofree char *text = vf_json_canonical (json);
  return vf_digest_text (text);
}

/* Two locks that were merged may agree with the spec and still be neither. */
static gboolean
check_checksum (const VfNode *root, GError **error)
{
  const VfNode *checksum = vf_node_get (root, "checksum");
  g_autofree char *made = checksum == NULL ? NULL : vf_lockfile_checksum (root);
  return checksum == NULL || g_str_equal (made, checksum->text) ||
         vf_node_error (checksum, VMFORGE_ERROR_SPEC, error, "the lock was changed since it was written");
}

VfLockfile *
vf_lockfile_parse (const char *text, gsize length, const char *path, GError **error)
{
  g_autoptr (VfNode) root = vf_node_parse (text, length, path, error);
  if (root == NULL || !vf_schema_check (vf_schema_lock (), root, error) || !check_checksum (root, error))
    return NULL;
  g_autoptr (VfLockfile) lock = vf_lockfile_new (path);
  lock->digest = vf_digest_data (text, length);
  const VfNode *distro = vf_node_get (root, "distro");
  lock->distro = g_strdup (vf_node_get_text (distro, "id", NULL));
  lock->release = g_strdup (vf_node_get_text (distro, "release", NULL));
  lock->arch = g_strdup (vf_node_get_text (distro, "arch", NULL));
  if (!read_date (vf_node_get (root, "date"), &lock->date, error))
    return NULL;
  for (guint i = 0; i < VMFORGE_N_STAGES; i++) {
    const VfNode *stage = vf_node_get (vf_node_get (root, "stages"), vmforge_stage_name (i));
    if (!read_stage (stage, i, &lock->stages[i], error))
      return NULL;
  }
  return g_steal_pointer (&lock);
}

gboolean
vf_lockfile_read (const char *path, VfLockfile **lock, GError **error)
{
  struct stat st;
  /* Never waits for the writer of a pipe. */
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  *lock = NULL;
  if (fd < 0 && errno == ENOENT) {
    /* A link to nowhere is no absence: somebody meant this spec to be locked. */
    if (lstat (path, &st) < 0)
      return TRUE;
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is a link to a file that is not there", path);
  }
  if (fd >= 0 && fstat (fd, &st) == 0 && !S_ISREG (st.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is no regular file", path);
  g_autoptr (GString) text = fd < 0 ? NULL : vf_node_read_bounded (fd);
  if (text == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "cannot read '%s': %s", path, g_strerror (errno));
  g_autoptr (GError) failure = NULL;
  *lock = vf_lockfile_parse (text->str, text->len, path, &failure);
  if (*lock != NULL)
    return TRUE;
  return vf_error_set (error, failure->code, "%s (restore it, or `vmforge lock --update` makes it anew)",
                       failure->message);
}
