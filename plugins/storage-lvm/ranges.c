/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What volumes hold and in what they differ, as the pool's metadata says: thin_dump and thin_delta read a
 * snapshot of it while the pool is in use. Both write XML, an element a line, in chunks of the pool. */
#include "storage-lvm.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  Call *call;
  guint64 chunk, bytes; /* bytes: of the volume */
  guint64 next;         /* bytes that were emitted */
  enum vmforge_extent_state rest;
  const char *first; /* attributes */
  gboolean failed;
} Walk;

static int
emit (Walk *walk, guint64 end, enum vmforge_extent_state state)
{
  end = MIN (end, walk->bytes);
  if (end <= walk->next)
    return 0;
  int done = walk->call->host->emit_extent (walk->call, walk->next, end - walk->next, state);
  walk->next = end;
  return done;
}

static int
emit_range (Walk *walk, guint64 begin, guint64 length, enum vmforge_extent_state state)
{
  if (begin > G_MAXUINT64 / walk->chunk - length)
    return 0;
  if (emit (walk, begin * walk->chunk, walk->rest) < 0)
    return -1;
  return emit (walk, (begin + length) * walk->chunk, state);
}

/* NAME="NUMBER" */
static gboolean
attribute (const char *line, const char *name, guint64 *value)
{
  g_autofree char *pattern = g_strdup_printf (" %s=\"", name);
  const char *found = strstr (line, pattern);
  char *end;
  if (found == NULL)
    return FALSE;
  found += strlen (pattern);
  *value = g_ascii_strtoull (found, &end, 10);
  return end > found && *end == '"';
}

static int
hear_dump (void *user, int stream, const char *line)
{
  Walk *walk = user;
  guint64 begin, length = 1;
  if (stream != 1)
    return 0;
  if (strstr (line, "<range_mapping") != NULL) {
    if (!attribute (line, "origin_begin", &begin) || !attribute (line, "length", &length))
      return -1;
  } else if (strstr (line, "<single_mapping") == NULL) {
    return 0;
  } else if (!attribute (line, "origin_block", &begin)) {
    return -1;
  }
  return emit_range (walk, begin, length, VMFORGE_EXTENT_DATA);
}

static int
hear_delta (void *user, int stream, const char *line)
{
  Walk *walk = user;
  guint64 begin, length;
  gboolean same = strstr (line, "<same ") != NULL;
  if (stream != 1 || (!same && strstr (line, "<different ") == NULL && strstr (line, "<left_only ") == NULL &&
                      strstr (line, "<right_only ") == NULL))
    return 0;
  if (!attribute (line, "begin", &begin) || !attribute (line, "length", &length))
    return -1;
  return emit_range (walk, begin, length, same ? VMFORGE_EXTENT_SAME : VMFORGE_EXTENT_CHANGED);
}

/* Runs a program over the reserved metadata. */
static int
run (Walk *walk, const char *const *argv, int (*line) (void *user, int stream, const char *line))
{
  Call *call = walk->call;
  struct vmforge_program program = {.size = sizeof program, .argv = argv, .line = line, .user = walk};
  int status = call->host->run (call, &program);
  if (status > 0)
    call->host->error (call, VMFORGE_PLUGIN_FAILED, "'%s' exited %d: the metadata of the pool may be damaged",
                       argv[0], status);
  return status == 0 ? emit (walk, walk->bytes, walk->rest) : -1;
}

/* argv[2] is the device. */
static int
run_reserved (Store *store, Call *call, Walk *walk, const char **argv, guint device,
              int (*line) (void *user, int stream, const char *line), enum vmforge_extent_state unknown)
{
  Snapshot snapshot;
  Pool pool;
  gboolean active;
  g_autofree char *name = pool_device (store, "_tmeta");
  g_autofree char *path = g_strconcat ("/dev/mapper/", name, NULL);
  argv[device] = path;
  int reserved = snapshot_reserve (store, call, &snapshot), done = reserved;
  if (reserved > 0) {
    done = pool_read (store, call, &pool, &active);
    walk->chunk = pool.chunk;
    if (done == 0)
      done = run (walk, argv, line);
  } else if (reserved == 0) {
    call->host->log (call, VMFORGE_LOG_WARNING,
                     "another program holds the metadata snapshot of pool '%s/%s': volumes are read through",
                     store->vg, store->pool);
    done = emit (walk, walk->bytes, unknown);
  }
  int released = snapshot_release (store, call, &snapshot);
  return done < 0 ? done : released;
}

int
ranges_emit (Store *store, Call *call, const Volume *volume)
{
  g_autofree char *id = g_strdup_printf ("%u", volume->thin_id);
  const char *argv[] = {"thin_dump", "--metadata-snap", "--dev-id", id, NULL, NULL};
  Walk walk = {.call = call, .bytes = volume->bytes, .rest = VMFORGE_EXTENT_HOLE};
  return run_reserved (store, call, &walk, argv, 4, hear_dump, VMFORGE_EXTENT_DATA);
}

int
ranges_compare (Store *store, Call *call, const Volume *a, const Volume *b)
{
  g_autofree char *left = g_strdup_printf ("%u", a->thin_id), *right = g_strdup_printf ("%u", b->thin_id);
  const char *argv[] = {"thin_delta", "--metadata-snap", "--snap1", left, "--snap2", right, NULL, NULL};
  Walk walk = {.call = call, .bytes = b->bytes, .rest = VMFORGE_EXTENT_SAME};
  return run_reserved (store, call, &walk, argv, 6, hear_delta, VMFORGE_EXTENT_UNKNOWN);
}
