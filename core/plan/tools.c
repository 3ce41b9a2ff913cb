/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plan/tools.h"

#include "support/checked.h"
#include "support/error.h"
#include "support/fs.h"
#include "support/process.h"

#include <libfdisk.h>
#include <sys/stat.h>

#define REMEMBERED "cache/tools.json"

typedef struct {
  const char *program;
  const char *argument;   /* that makes it print its version; NULL: it does so without */
  const char *filesystem; /* that it is for; NULL: any */
} Tool;

/* What writes into a volume from outside. mkfs.fat has no option for it, but says it before it opens its
 * target. */
static const Tool tools[] = {
    {"mkfs.ext4", "-V", "ext4"}, {"resize2fs", NULL, "ext4"},      {"mkfs.xfs", "-V", "xfs"},
    {"xfs_growfs", "-V", "xfs"}, {"mkfs.fat", "/dev/null/", NULL}, {"mcopy", "--version", NULL},
};

/* Which file this is, and what it is asked. An upgrade writes a new inode; its libraries come from the same
 * source package. */
static char *
fingerprint (const Tool *tool, const char *path, GError **error)
{
  struct stat st;
  if (stat (path, &st) < 0) {
    vf_error_set_errno (error, "cannot look at '%s'", path);
    return NULL;
  }
  return g_strdup_printf ("%s %s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld", path,
                          tool->argument == NULL ? "-" : tool->argument, (guint64)st.st_ino,
                          (gint64)st.st_size, (gint64)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec);
}

/* The first line with a digit of what the tool says of itself. */
static char *
ask_version (const Tool *tool, const char *path, GError **error)
{
  g_autoptr (VfProcess) process = vf_process_new_args (path, tool->argument, NULL);
  int status = 0;
  if (!vf_process_run (process, &status, NULL, error))
    return NULL;
  g_autofree char *text =
      g_strconcat (vf_process_get_output (process), "\n", vf_process_get_error_tail (process), NULL);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (strpbrk (*line, "0123456789") != NULL)
      return g_strdup (g_strstrip (*line));
  vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s%s%s' does not say its version", path,
                tool->argument == NULL ? "" : " ", tool->argument == NULL ? "" : tool->argument);
  return NULL;
}

static gboolean
add_version (VfJson *versions, VfJson *remembered, const Tool *tool, gboolean *learned, GError **error)
{
  g_autofree char *path = vf_process_find (tool->program, error);
  if (path == NULL)
    return FALSE;
  g_autofree char *file = fingerprint (tool, path, error);
  if (file == NULL)
    return FALSE;
  const char *known = vf_json_string (remembered, file, NULL);
  if (known == NULL) {
    g_autofree char *version = ask_version (tool, path, error);
    if (version == NULL)
      return FALSE;
    vf_json_set_string (remembered, file, version);
    known = vf_json_string (remembered, file, NULL);
    *learned = TRUE;
  }
  vf_json_set_string (versions, tool->program, known);
  return TRUE;
}

/* Of the library that this process runs with: it writes the partition table. */
static const char *
library_version (void)
{
  const char *version = NULL;
  fdisk_get_library_version (&version);
  return version;
}

VfJson *
vf_tools_versions (VmforgeStore *store, const char *filesystem, const char *const *more, GError **error)
{
  g_autoptr (VfJson) versions = json_object_new_object ();
  g_autoptr (VfJson) remembered = vf_checked_read (store->fd, REMEMBERED, NULL);
  if (!json_object_is_type (remembered, json_type_object)) {
    g_clear_pointer (&remembered, vf_json_unref);
    remembered = json_object_new_object ();
  }
  gboolean learned = FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (tools); i++) {
    if (tools[i].filesystem != NULL && !g_str_equal (tools[i].filesystem, filesystem))
      continue;
    if (!add_version (versions, remembered, &tools[i], &learned, error))
      return NULL;
  }
  for (; *more != NULL; more++) {
    const Tool tool = {*more, "--version", NULL};
    g_autofree char *path = vf_process_find (*more, NULL);
    if (path != NULL && !add_version (versions, remembered, &tool, &learned, error))
      return NULL;
  }
  vf_json_set_string (versions, "libfdisk", library_version ());
  if (learned && !vf_store_write_checked (store, REMEMBERED, remembered, error))
    return NULL;
  return g_steal_pointer (&versions);
}
