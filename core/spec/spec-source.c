/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec-private.h"

#include "spec/merge.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail_errno (const VfNode *node, const char *path, GError **error)
{
  return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "cannot read '%s': %s", path, g_strerror (errno));
}

/* Opens a file, or a folder where is_folder is given; nothing else, and never waits for a pipe's writer. */
static int
open_source (const VfNode *node, const char *path, gboolean *is_folder, GError **error)
{
  struct stat st;
  vf_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat (fd, &st) < 0) {
    fail_errno (node, path, error);
    return -1;
  }
  gboolean folder = S_ISDIR (st.st_mode);
  if (!S_ISREG (st.st_mode) && !(folder && is_folder != NULL)) {
    vf_node_error (node, VMFORGE_ERROR_SPEC, error, "'%s' is no %s", path,
                   is_folder == NULL ? "regular file" : "regular file or folder");
    return -1;
  }
  if (is_folder != NULL)
    *is_folder = folder;
  return vf_fd_steal (&fd);
}

char *
vf_spec_source_path (const VfSpecLoader *loader, const VfNode *node, gboolean *is_folder, GError **error)
{
  g_autofree char *path = vf_merge_resolve_path (node);
  if (is_folder != NULL)
    *is_folder = FALSE;
  if (loader->without_files)
    return g_steal_pointer (&path);
  vf_autofd int fd = open_source (node, path, is_folder, error);
  return fd < 0 ? NULL : g_steal_pointer (&path);
}

static char *
read_all (const VfNode *node, int fd, const char *path, gsize limit, gsize *length, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[16384];
  for (;;) {
    ssize_t got = read (fd, buffer, sizeof buffer);
    if (got == 0)
      break;
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      fail_errno (node, path, error);
      return NULL;
    }
    g_string_append_len (text, buffer, got);
    if (text->len > limit) {
      vf_node_error (node, VMFORGE_ERROR_SPEC, error, "'%s' has more than %zu KiB", path, limit / 1024);
      return NULL;
    }
  }
  *length = text->len;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
vf_spec_source_read (const VfSpecLoader *loader, const VfNode *node, gsize limit, char **path, gsize *length,
                     GError **error)
{
  g_autofree char *name = vf_merge_resolve_path (node);
  g_autofree char *text = NULL;
  *length = 0;
  if (loader->without_files)
    text = g_strdup ("");
  else {
    vf_autofd int fd = open_source (node, name, NULL, error);
    if (fd < 0)
      return NULL;
    text = read_all (node, fd, name, limit, length, error);
  }
  if (text != NULL && path != NULL)
    *path = g_steal_pointer (&name);
  return g_steal_pointer (&text);
}
