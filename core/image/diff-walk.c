/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Two trees side by side. Hard links are compared as groups: a group is named after its first path, which is
 * the same in equal trees as both are walked in the order of names. */
#include "image/diff-tree.h"

#include "support/error.h"
#include "support/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { A, B, SIDES };

typedef struct {
  const VfDiffWalk *public;
  GHashTable *groups[SIDES]; /* inode → first path */
} Walk;

/* One name in both folders. */
typedef struct {
  const char *path, *name;
  int folder[SIDES];
  struct stat st[SIDES];
} Pair;

static void
tell (const Walk *walk, const char *path, const char *what, const char *a, const char *b)
{
  g_autofree char *full = g_strconcat (walk->public->prefix, path, NULL);
  const VfDifference difference = {.path = full, .what = what, .a = a, .b = b, .offset = -1};
  walk->public->func (&difference, walk->public->user_data);
}

/* Tells what differs in words, if it does. */
static void
tell_words (const Walk *walk, const Pair *pair, const char *what, const char *a, const char *b)
{
  if (g_strcmp0 (a, b) != 0)
    tell (walk, pair->path, what, a, b);
}

static const char *
type_name (mode_t mode)
{
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "file";
  case S_IFDIR:
    return "folder";
  case S_IFLNK:
    return "symbolic link";
  case S_IFCHR:
    return "character device";
  case S_IFBLK:
    return "block device";
  case S_IFIFO:
    return "named pipe";
  case S_IFSOCK:
    return "socket";
  default:
    return "unknown";
  }
}

static char *
format_time (const struct timespec *time)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (time->tv_sec);
  g_autofree char *text = seconds == NULL ? g_strdup_printf ("%" G_GINT64_FORMAT, (gint64)time->tv_sec)
                                          : g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");
  return g_strdup_printf ("%s.%09ldZ", text, time->tv_nsec);
}

static void
compare_inodes (const Walk *walk, const Pair *pair)
{
  const struct stat *a = &pair->st[A], *b = &pair->st[B];
  if ((a->st_mode & 07777) != (b->st_mode & 07777)) {
    g_autofree char *x = g_strdup_printf ("%04o", a->st_mode & 07777);
    g_autofree char *y = g_strdup_printf ("%04o", b->st_mode & 07777);
    tell (walk, pair->path, "mode", x, y);
  }
  if (a->st_uid != b->st_uid || a->st_gid != b->st_gid) {
    g_autofree char *x = g_strdup_printf ("%u:%u", a->st_uid, a->st_gid);
    g_autofree char *y = g_strdup_printf ("%u:%u", b->st_uid, b->st_gid);
    tell (walk, pair->path, "owner", x, y);
  }
  if (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec) {
    g_autofree char *x = format_time (&a->st_mtim), *y = format_time (&b->st_mtim);
    tell (walk, pair->path, "mtime", x, y);
  }
  if ((S_ISCHR (a->st_mode) || S_ISBLK (a->st_mode)) && a->st_rdev != b->st_rdev) {
    g_autofree char *x = g_strdup_printf ("%u:%u", major (a->st_rdev), minor (a->st_rdev));
    g_autofree char *y = g_strdup_printf ("%u:%u", major (b->st_rdev), minor (b->st_rdev));
    tell (walk, pair->path, "device", x, y);
  }
}

static gboolean
compare_xattrs (const Walk *walk, const Pair *pair, GError **error)
{
  g_autoptr (GHashTable) a = vf_diff_xattrs (pair->folder[A], pair->name, error);
  g_autoptr (GHashTable) b = a == NULL ? NULL : vf_diff_xattrs (pair->folder[B], pair->name, error);
  if (b == NULL)
    return FALSE;
  g_autoptr (GHashTable) all = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer key;
  for (int side = A; side < SIDES; side++)
    for (g_hash_table_iter_init (&iter, side == A ? a : b); g_hash_table_iter_next (&iter, &key, NULL);)
      g_hash_table_add (all, key);
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (all), (GCompareFunc)strcmp);
  for (GList *name = names; name != NULL; name = name->next) {
    GBytes *x = g_hash_table_lookup (a, name->data), *y = g_hash_table_lookup (b, name->data);
    if (x != NULL && y != NULL && g_bytes_equal (x, y))
      continue;
    g_autofree char *what = g_strconcat ("xattr ", name->data, NULL);
    g_autofree char *words_x = x == NULL ? NULL : vf_diff_format_bytes (x);
    g_autofree char *words_y = y == NULL ? NULL : vf_diff_format_bytes (y);
    tell (walk, pair->path, what, words_x, words_y);
  }
  return TRUE;
}

/* The first path of an inode that has several; NULL where it has one. */
static const char *
find_group (GHashTable *groups, const struct stat *st, const char *path)
{
  if (st->st_nlink < 2)
    return NULL;
  guint64 inode = st->st_ino;
  const char *first = g_hash_table_lookup (groups, &inode);
  if (first == NULL) {
    first = g_strdup (path);
    g_hash_table_insert (groups, g_memdup2 (&inode, sizeof inode), (gpointer)first);
  }
  return first;
}

static void
tell_content (const Walk *walk, const Pair *pair, gint64 offset)
{
  g_autofree char *full = g_strconcat (walk->public->prefix, pair->path, NULL);
  g_autofree char *a = g_strdup_printf ("%" G_GINT64_FORMAT " bytes", (gint64)pair->st[A].st_size);
  g_autofree char *b = g_strdup_printf ("%" G_GINT64_FORMAT " bytes", (gint64)pair->st[B].st_size);
  const VfDifference difference = {.path = full, .what = "content", .a = a, .b = b, .offset = offset};
  walk->public->func (&difference, walk->public->user_data);
}

static gboolean
compare_files (const Walk *walk, const Pair *pair, GError **error)
{
  vf_autofd int a = openat (pair->folder[A], pair->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  vf_autofd int b = openat (pair->folder[B], pair->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (a < 0 || b < 0)
    return vf_error_set_errno (error, "cannot open");
  if (pair->st[A].st_size == pair->st[B].st_size && vf_diff_same_files (walk->public->same, a, b))
    return TRUE;
  if (walk->public->n_read != NULL)
    ++*walk->public->n_read;
  gint64 offset = vf_diff_content (a, b, 0, G_MAXINT64, walk->public->cancellable, error);
  if (offset >= 0)
    tell_content (walk, pair, offset);
  return offset >= -1;
}

static gboolean
compare_targets (const Walk *walk, const Pair *pair, GError **error)
{
  char targets[SIDES][PATH_MAX + 1];
  for (int side = A; side < SIDES; side++) {
    ssize_t length = readlinkat (pair->folder[side], pair->name, targets[side], PATH_MAX);
    if (length < 0)
      return vf_error_set_errno (error, "cannot read the link");
    targets[side][length] = '\0';
  }
  tell_words (walk, pair, "target", targets[A], targets[B]);
  return TRUE;
}

static gboolean compare_folders (const Walk *walk, const char *path, const int *folder, GError **error);

static gboolean
enter (const Walk *walk, const Pair *pair, GError **error)
{
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  vf_autofd int a = openat (pair->folder[A], pair->name, flags);
  vf_autofd int b = openat (pair->folder[B], pair->name, flags);
  if (a < 0 || b < 0)
    return vf_error_set_errno (error, "cannot open the folder '%s'", pair->path);
  const int inner[SIDES] = {a, b};
  return compare_folders (walk, pair->path, inner, error);
}

/* Of one type: all but what is below a folder. */
static gboolean
compare_entry (const Walk *walk, const Pair *pair, GError **error)
{
  const mode_t mode = pair->st[A].st_mode;
  compare_inodes (walk, pair);
  if (!compare_xattrs (walk, pair, error))
    return FALSE;
  if (S_ISDIR (mode))
    return TRUE;
  tell_words (walk, pair, "links", find_group (walk->groups[A], &pair->st[A], pair->path),
              find_group (walk->groups[B], &pair->st[B], pair->path));
  if (S_ISREG (mode))
    return compare_files (walk, pair, error);
  return !S_ISLNK (mode) || compare_targets (walk, pair, error);
}

static gboolean
compare_pair (const Walk *walk, const Pair *pair, GError **error)
{
  const mode_t a = pair->st[A].st_mode, b = pair->st[B].st_mode;
  if ((a & S_IFMT) != (b & S_IFMT)) {
    tell (walk, pair->path, "type", type_name (a), type_name (b));
    return TRUE;
  }
  if (!compare_entry (walk, pair, error)) {
    g_prefix_error (error, "'%s': ", pair->path);
    return FALSE;
  }
  return !S_ISDIR (a) || enter (walk, pair, error);
}

static gboolean
stat_side (Pair *pair, int side, GError **error)
{
  return fstatat (pair->folder[side], pair->name, &pair->st[side], AT_SYMLINK_NOFOLLOW) == 0 ||
         vf_error_set_errno (error, "cannot ask for the attributes of '%s'", pair->path);
}

static gboolean
compare_name (const Walk *walk, const char *folder_path, const char *name, const int *folder, GError **error)
{
  g_autofree char *path = g_strconcat (strcmp (folder_path, "/") == 0 ? "" : folder_path, "/", name, NULL);
  Pair pair = {.path = path, .name = name, .folder = {folder[A], folder[B]}};
  return stat_side (&pair, A, error) && stat_side (&pair, B, error) && compare_pair (walk, &pair, error);
}

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* Names in a folder, sorted. The descriptor stays the caller's. */
static GPtrArray *
read_names (int folder, const char *path, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int copy = openat (folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy < 0 ? NULL : fdopendir (copy);
  if (dir == NULL) {
    vf_error_set_errno (error, "cannot read the folder '%s'", path);
    vf_fd_clear (&copy);
    return NULL;
  }
  struct dirent *entry;
  while (errno = 0, (entry = readdir (dir)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      g_ptr_array_add (names, g_strdup (entry->d_name));
  int failure = errno;
  closedir (dir);
  errno = failure;
  if (failure != 0) {
    vf_error_set_errno (error, "cannot read the folder '%s'", path);
    return NULL;
  }
  g_ptr_array_sort (names, compare_strings);
  return g_steal_pointer (&names);
}

/* What one side alone has, by the name of its type; all below a folder goes without saying. */
static gboolean
tell_single (const Walk *walk, const char *folder_path, const char *name, const int *folder, int side,
             GError **error)
{
  g_autofree char *path = g_strconcat (strcmp (folder_path, "/") == 0 ? "" : folder_path, "/", name, NULL);
  struct stat st;
  if (fstatat (folder[side], name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return vf_error_set_errno (error, "cannot ask for the attributes of '%s'", path);
  const char *type = type_name (st.st_mode);
  tell (walk, path, "path", side == A ? type : NULL, side == B ? type : NULL);
  return TRUE;
}

static gboolean
compare_folders (const Walk *walk, const char *path, const int *folder, GError **error)
{
  g_autoptr (GPtrArray) a = read_names (folder[A], path, error);
  g_autoptr (GPtrArray) b = a == NULL ? NULL : read_names (folder[B], path, error);
  gboolean done = b != NULL;
  for (guint i = 0, j = 0; done && (i < a->len || j < b->len);) {
    if (vf_error_set_if_cancelled (walk->public->cancellable, error))
      return FALSE;
    int order = i == a->len ? 1 : j == b->len ? -1 : strcmp (a->pdata[i], b->pdata[j]);
    if (order == 0)
      done = compare_name (walk, path, a->pdata[i], folder, error);
    else
      done =
          tell_single (walk, path, order < 0 ? a->pdata[i] : b->pdata[j], folder, order < 0 ? A : B, error);
    i += order <= 0;
    j += order >= 0;
  }
  return done;
}

gboolean
vf_diff_walk (const VfDiffWalk *public, const char *root_a, const char *root_b, GError **error)
{
  g_autoptr (GHashTable) a = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  g_autoptr (GHashTable) b = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  const Walk walk = {public, {a, b}};
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  vf_autofd int fd_a = open (root_a, flags), fd_b = open (root_b, flags);
  if (fd_a < 0 || fd_b < 0)
    return vf_error_set_errno (error, "cannot open '%s'", fd_a < 0 ? root_a : root_b);
  /* The root itself, as "/": it is the entry "." of itself. */
  Pair pair = {.path = "/", .name = ".", .folder = {fd_a, fd_b}};
  return stat_side (&pair, A, error) && stat_side (&pair, B, error) && compare_pair (&walk, &pair, error);
}
