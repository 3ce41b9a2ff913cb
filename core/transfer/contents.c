/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/contents.h"

#include "store/stage-index.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A store with more would make the list that travels longer than what it saves. */
#define MAX_CONTENTS 16384
/* Of the indexes: 16 MiB, which cover 2 GiB of data. */
#define CACHED_PAGES 4096

typedef struct {
  VfStage *stage;
  guint8 root[VMFORGE_HASH_BYTES];
  VfBlockIndex *index; /* NULL: not opened yet */
  gboolean mapped;
  int fd; /* of the volume; -1: not opened yet */
} Content;

struct _VfContents {
  VmforgeStore *store;
  VfUse *use;
  VfHints *hints;
  GPtrArray *list;     /* Content */
  GArray *pub;         /* struct vmforge_content */
  GHashTable *volumes; /* id → index in list + 1 */
  VfPageCache *pages;  /* of the indexes */
  GMutex lock;         /* for the indexes */
  GMutex storage;      /* for the storage, and what is mapped */
};

static void
content_free (gpointer data)
{
  Content *content = data;
  vf_stage_free (content->stage);
  g_clear_pointer (&content->index, vf_block_index_close);
  vf_fd_clear (&content->fd);
  g_free (content);
}

static int
compare_used (gconstpointer a, gconstpointer b)
{
  const VfStage *x = (*(const Content *const *)a)->stage, *y = (*(const Content *const *)b)->stage;
  if (x->used != y->used)
    return x->used > y->used ? -1 : 1;
  return strcmp (x->key, y->key);
}

/* Stages without an index are none: nobody knows what they hold. key: NULL for all. */
static gboolean
add_stages (VfContents *contents, const char *key, GError **error)
{
  g_autoptr (GPtrArray) stages = vf_store_list_stages (contents->store, error);
  if (stages == NULL)
    return FALSE;
  g_ptr_array_set_free_func (stages, NULL);
  for (guint i = 0; i < stages->len; i++) {
    VfStage *stage = g_ptr_array_index (stages, i);
    Content *content = g_new0 (Content, 1);
    content->stage = stage;
    content->fd = -1;
    if (stage->index == NULL || strcmp (stage->storage, contents->store->storage_name) != 0 ||
        (key != NULL && strcmp (stage->key, key) != 0) ||
        !vf_digest_from_hex (stage->index, content->root, sizeof content->root))
      content_free (content);
    else
      g_ptr_array_add (contents->list, content);
  }
  g_ptr_array_sort (contents->list, compare_used);
  if (contents->list->len > MAX_CONTENTS)
    g_ptr_array_remove_range (contents->list, MAX_CONTENTS, contents->list->len - MAX_CONTENTS);
  return TRUE;
}

static gboolean
hold_stages (VfContents *contents, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  for (guint i = 0; i < contents->list->len; i++)
    g_ptr_array_add (keys, ((Content *)g_ptr_array_index (contents->list, i))->stage->key);
  g_ptr_array_add (keys, NULL);
  contents->use = vf_store_use (contents->store, (const char *const *)keys->pdata, error);
  return contents->use != NULL;
}

static VfContents *
new_contents (VmforgeStore *store, const char *key, GError **error)
{
  g_autoptr (VfContents) contents = g_new0 (VfContents, 1);
  contents->store = store;
  contents->list = g_ptr_array_new_with_free_func (content_free);
  contents->pub = g_array_new (FALSE, TRUE, sizeof (struct vmforge_content));
  contents->volumes = g_hash_table_new (g_str_hash, g_str_equal);
  contents->pages = vf_page_cache_new (CACHED_PAGES);
  g_mutex_init (&contents->lock);
  g_mutex_init (&contents->storage);
  if (!add_stages (contents, key, error) || !hold_stages (contents, error))
    return NULL;
  contents->hints = vf_hints_open (store);
  for (guint i = 0; i < contents->list->len; i++) {
    const Content *content = g_ptr_array_index (contents->list, i);
    struct vmforge_content pub = {.size = sizeof pub, .bytes = content->stage->bytes, .root = content->root};
    g_array_append_val (contents->pub, pub);
    g_hash_table_insert (contents->volumes, content->stage->volume, GUINT_TO_POINTER (i + 1));
  }
  return g_steal_pointer (&contents);
}

VfContents *
vf_contents_new (VmforgeStore *store, GError **error)
{
  return new_contents (store, NULL, error);
}

VfContents *
vf_contents_new_one (VmforgeStore *store, const char *key, GError **error)
{
  return new_contents (store, key, error);
}

static void
unmap (VfContents *contents)
{
  for (guint i = 0; i < contents->list->len; i++) {
    Content *content = g_ptr_array_index (contents->list, i);
    vf_fd_clear (&content->fd);
    if (content->mapped)
      vf_storage_unmap (contents->store->storage, content->stage->volume, NULL);
  }
}

void
vf_contents_free (VfContents *contents)
{
  if (contents == NULL)
    return;
  unmap (contents);
  g_clear_pointer (&contents->hints, vf_hints_close);
  g_clear_pointer (&contents->use, vf_use_end);
  g_ptr_array_unref (contents->list);
  vf_page_cache_free (contents->pages);
  g_array_unref (contents->pub);
  g_hash_table_unref (contents->volumes);
  g_mutex_clear (&contents->lock);
  g_mutex_clear (&contents->storage);
  g_free (contents);
}

const struct vmforge_content *
vf_contents_list (const VfContents *contents, guint32 *count)
{
  static const struct vmforge_content nothing = {.size = sizeof nothing};
  *count = contents->pub->len;
  return contents->pub->len == 0 ? &nothing : &g_array_index (contents->pub, struct vmforge_content, 0);
}

static Content *
get (const VfContents *contents, guint32 number, GError **error)
{
  if (number < contents->list->len)
    return g_ptr_array_index (contents->list, number);
  vf_error_set (error, VMFORGE_ERROR_FAILED, "there is no content %u", number);
  return NULL;
}

const VfStage *
vf_contents_stage (const VfContents *contents, guint32 number)
{
  return get (contents, number, NULL)->stage;
}

guint32
vf_contents_find_root (const VfContents *contents, const guint8 *root)
{
  for (guint i = 0; i < contents->list->len; i++)
    if (memcmp (((Content *)g_ptr_array_index (contents->list, i))->root, root, VMFORGE_HASH_BYTES) == 0)
      return i;
  return VMFORGE_NO_CONTENT;
}

guint32
vf_contents_find_volume (const VfContents *contents, const char *volume)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (contents->volumes, volume)) - 1;
}

const VfHints *
vf_contents_hints (const VfContents *contents)
{
  return contents->hints;
}

VfBlockIndex *
vf_contents_index (VfContents *contents, guint32 number, GError **error)
{
  Content *content = get (contents, number, error);
  if (content == NULL)
    return NULL;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&contents->lock);
  if (content->index == NULL)
    content->index = vf_stage_index_open (contents->store, content->stage, error);
  if (content->index != NULL)
    vf_block_index_set_cache (content->index, contents->pages);
  return content->index;
}

GMutexLocker *
vf_contents_lock_storage (VfContents *contents)
{
  return g_mutex_locker_new (&contents->storage);
}

static gboolean
open_volume (VfContents *contents, Content *content, GError **error)
{
  g_autofree char *path = NULL;
  if (!vf_storage_map (contents->store->storage, content->stage->volume, TRUE, &path, error))
    return FALSE;
  content->mapped = TRUE;
  content->fd = open (path, O_RDONLY | O_CLOEXEC);
  return content->fd >= 0 || vf_error_set_errno (error, "cannot open '%s'", path);
}

int
vf_contents_volume (VfContents *contents, guint32 number, GError **error)
{
  Content *content = get (contents, number, error);
  if (content == NULL)
    return -1;
  g_autoptr (GMutexLocker) locker = vf_contents_lock_storage (contents);
  if (content->fd < 0 && !open_volume (contents, content, error))
    return -1;
  return content->fd;
}

gboolean
vf_contents_read (VfContents *contents, guint32 number, guint64 block, guint32 count, void *room,
                  GError **error)
{
  int fd = vf_contents_volume (contents, number, error);
  if (fd < 0)
    return FALSE;
  const VfStage *stage = vf_contents_stage (contents, number);
  guint64 offset = block * VF_BLOCK_BYTES, wanted = (guint64)count * VF_BLOCK_BYTES;
  if (block > stage->bytes / VF_BLOCK_BYTES)
    offset = stage->bytes;
  guint64 there = MIN (wanted, stage->bytes - offset);
  for (guint64 done = 0; done < there;) {
    ssize_t step = pread (fd, (guint8 *)room + done, there - done, (off_t)(offset + done));
    if (step < 0 && errno == EINTR)
      continue;
    if (step == 0)
      errno = EIO; /* it is shorter than its record says */
    if (step <= 0)
      return vf_error_set_errno (error, "cannot read the volume of stage %.12s", stage->key);
    done += (guint64)step;
  }
  memset ((guint8 *)room + there, 0, wanted - there);
  return TRUE;
}
