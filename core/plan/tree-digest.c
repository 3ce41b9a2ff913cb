/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The digest of a folder that a spec names: over the sorted list of its entries with type, mode and content.
 * Owners and times stay out: the worker does not copy them. Each word ends with a NUL, which no name and no
 * target of a link can hold: so two lists are the same only if the folders are. */
#include "plan/inputs.h"

#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* With the folder itself, as the worker counts. */
#define MAX_DEPTH 64

typedef struct {
  GString *words;
  gboolean with_modes;
} Listing;

static gboolean add_folder (Listing *listing, int dirfd, const char *prefix, int depth, GError **error);

static void
add_word (Listing *listing, const char *word)
{
  g_string_append_len (listing->words, word, (gssize)strlen (word) + 1);
}

static void
add_mode (Listing *listing, mode_t mode)
{
  char word[16];
  if (!listing->with_modes)
    return;
  g_snprintf (word, sizeof word, "%o", (guint)mode & 07777);
  add_word (listing, word);
}

static gboolean
add_link (Listing *listing, int dirfd, const char *name, const char *path, GError **error)
{
  char target[4096];
  ssize_t length = readlinkat (dirfd, name, target, sizeof target - 1);
  if (length < 0)
    return vf_error_set_errno (error, "cannot read the link '%s'", path);
  target[length] = '\0';
  add_word (listing, "l");
  add_word (listing, path);
  add_word (listing, target);
  return TRUE;
}

static gboolean
add_entry (Listing *listing, int dirfd, const char *name, const char *path, int depth, GError **error)
{
  struct stat st;
  if (fstatat (dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return vf_error_set_errno (error, "cannot read '%s'", path);
  if (S_ISLNK (st.st_mode))
    return add_link (listing, dirfd, name, path, error);
  if (!S_ISREG (st.st_mode) && !S_ISDIR (st.st_mode))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is neither a file, a folder nor a symbolic link",
                         path);
  add_word (listing, S_ISDIR (st.st_mode) ? "d" : "f");
  add_mode (listing, st.st_mode);
  add_word (listing, path);
  vf_autofd int fd = openat (dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return vf_error_set_errno (error, "cannot read '%s'", path);
  if (S_ISDIR (st.st_mode))
    return add_folder (listing, fd, path, depth + 1, error);
  g_autofree char *digest = vf_digest_fd (fd, error);
  if (digest == NULL)
    return FALSE;
  add_word (listing, digest);
  return TRUE;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *
sorted_names (int dirfd, const char *prefix, GError **error)
{
  vf_autofd int copy = fcntl (dirfd, F_DUPFD_CLOEXEC, 3);
  DIR *dir = copy < 0 ? NULL : fdopendir (copy);
  if (dir == NULL) {
    vf_error_set_errno (error, "cannot list '%s'", *prefix == '\0' ? "." : prefix);
    return NULL;
  }
  vf_fd_steal (&copy);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (struct dirent *entry; (errno = 0, entry = readdir (dir)) != NULL;)
    if (g_strcmp0 (entry->d_name, ".") != 0 && g_strcmp0 (entry->d_name, "..") != 0)
      g_ptr_array_add (names, g_strdup (entry->d_name));
  int failure = errno;
  closedir (dir);
  errno = failure;
  if (failure != 0) {
    vf_error_set_errno (error, "cannot list '%s'", *prefix == '\0' ? "." : prefix);
    return NULL;
  }
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
}

static gboolean
add_folder (Listing *listing, int dirfd, const char *prefix, int depth, GError **error)
{
  if (depth >= MAX_DEPTH)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is nested deeper than %d folders", prefix,
                         MAX_DEPTH);
  g_autoptr (GPtrArray) names = sorted_names (dirfd, prefix, error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *path = *prefix == '\0' ? g_strdup (name) : g_strconcat (prefix, "/", name, NULL);
    if (!add_entry (listing, dirfd, name, path, depth, error))
      return FALSE;
  }
  return TRUE;
}

char *
vf_inputs_tree_digest (const char *path, gboolean with_modes, GError **error)
{
  vf_autofd int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) < 0) {
    vf_error_set_errno (error, "cannot read '%s'", path);
    return NULL;
  }
  g_autoptr (GString) words = g_string_new (NULL);
  Listing listing = {.words = words, .with_modes = with_modes};
  add_mode (&listing, st.st_mode);
  if (!add_folder (&listing, fd, "", 0, error)) {
    g_prefix_error (error, "below '%s': ", path);
    return NULL;
  }
  return vf_digest_data (words->str, words->len);
}
