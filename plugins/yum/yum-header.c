/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* When packages were built: two tags of the header of an .rpm. The file is a lead of 96 bytes, a header of
 * signatures, padded to 8 bytes, and the header; a header is 8 bytes, two numbers, entries of 16 bytes and a
 * store. Numbers are big-endian. */
#include "yum.h"

#include <fcntl.h>
#include <unistd.h>

#define LEAD_BYTES  96
#define TAG_BUILT   1006 /* BUILDTIME */
#define TAG_CHANGED 1034 /* FILEMTIMES */
#define TYPE_INT32  4
#define MAX_ENTRIES 65536
#define MAX_STORE   (256 * 1024 * 1024)

static const guint8 lead_magic[] = {0xed, 0xab, 0xee, 0xdb}, header_magic[] = {0x8e, 0xad, 0xe8, 0x01};

typedef struct {
  guint8 magic[4], reserved[4];
  guint32 entries, store; /* how many; bytes */
} Intro;

typedef struct {
  guint32 tag, type, offset, count;
} Entry;

static gboolean
read_at (int fd, void *room, gsize length, gint64 offset)
{
  return pread (fd, room, length, offset) == (ssize_t)length;
}

static gboolean
read_intro (int fd, gint64 offset, Intro *intro)
{
  if (!read_at (fd, intro, sizeof *intro, offset) ||
      memcmp (intro->magic, header_magic, sizeof header_magic) != 0)
    return FALSE;
  intro->entries = GUINT32_FROM_BE (intro->entries);
  intro->store = GUINT32_FROM_BE (intro->store);
  return intro->entries <= MAX_ENTRIES && intro->store <= MAX_STORE;
}

/* Of an array of times; -1 where it is none. store: where the store begins in the file. */
static gint64
newest_of (int fd, const Entry *entry, const Intro *intro, gint64 store)
{
  guint32 count = GUINT32_FROM_BE (entry->count), offset = GUINT32_FROM_BE (entry->offset);
  gint64 newest = -1;
  if (GUINT32_FROM_BE (entry->type) != TYPE_INT32 || offset > intro->store ||
      count > (intro->store - offset) / 4)
    return -1;
  g_autofree guint32 *times = g_new (guint32, count);
  if (!read_at (fd, times, (gsize)count * sizeof *times, store + offset))
    return -1;
  for (guint32 i = 0; i < count; i++)
    newest = MAX (newest, (gint64)GUINT32_FROM_BE (times[i]));
  return newest;
}

gint64
yum_header_time (int fd)
{
  guint8 lead[LEAD_BYTES];
  Intro signatures, intro;
  if (!read_at (fd, lead, sizeof lead, 0) || memcmp (lead, lead_magic, sizeof lead_magic) != 0 ||
      !read_intro (fd, LEAD_BYTES, &signatures))
    return -1;
  gint64 start = LEAD_BYTES + (gint64)sizeof signatures + signatures.entries * (gint64)sizeof (Entry) +
                 ((gint64)signatures.store + 7) / 8 * 8;
  if (!read_intro (fd, start, &intro))
    return -1;
  gsize bytes = intro.entries * sizeof (Entry);
  g_autofree Entry *entries = g_malloc (bytes);
  if (!read_at (fd, entries, bytes, start + (gint64)sizeof intro))
    return -1;
  gint64 newest = -1, store = start + (gint64)sizeof intro + (gint64)bytes;
  for (guint32 i = 0; i < intro.entries; i++) {
    guint32 tag = GUINT32_FROM_BE (entries[i].tag);
    if (tag == TAG_BUILT || tag == TAG_CHANGED)
      newest = MAX (newest, newest_of (fd, &entries[i], &intro, store));
  }
  return newest;
}

int
yum_build_time (void *handle, Call *call, const struct vmforge_package *const *packages, int64_t *seconds)
{
  *seconds = 0;
  for (; *packages != NULL; packages++) {
    const char *path = call->host->cache_find (call, (*packages)->digest);
    int fd = path == NULL ? -1 : open (path, O_RDONLY | O_CLOEXEC);
    gint64 time = fd < 0 ? -1 : yum_header_time (fd);
    if (fd >= 0)
      close (fd);
    if (time < 0)
      return pkg_fail (call, VMFORGE_PLUGIN_FAILED, "package '%s' in the cache is no .rpm",
                       (*packages)->name);
    *seconds = MAX (*seconds, time);
  }
  return 0;
}
