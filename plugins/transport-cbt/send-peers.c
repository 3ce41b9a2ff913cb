/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "send.h"
#include "tree.h"

#include <string.h>

/* Contents that are compared with what is sent, the most recently used first. */
#define MAX_CANDIDATES 256

static guint
hash_root (gconstpointer root)
{
  guint value;
  memcpy (&value, root, sizeof value);
  return value;
}

static gboolean
equal_roots (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, HASH) == 0;
}

void
peers_read (Sender *sender, const guint8 *list, guint32 count)
{
  g_autoptr (GHashTable) ours = g_hash_table_new (hash_root, equal_roots);
  sender->peers = g_new (guint32, MAX (sender->n_contents, 1));
  memset (sender->peers, 0xff, sender->n_contents * sizeof (guint32));
  for (guint32 i = 0; i < sender->n_contents; i++)
    g_hash_table_insert (ours, (gpointer)sender->contents[i].root, GUINT_TO_POINTER (i + 1));
  for (guint32 i = 0; i < count; i++) {
    guint known = GPOINTER_TO_UINT (g_hash_table_lookup (ours, list + (gsize)i * CONTENT_BYTES));
    if (known > 0)
      sender->peers[known - 1] = i;
    else
      sender->peer_knows = TRUE;
  }
}

static TreeWalk
walk_from (const Sender *sender, guint32 old)
{
  return (TreeWalk){.call = sender->call,
                    .old = old,
                    .new = sender->content,
                    .old_bytes = old == VMFORGE_NO_CONTENT ? 0 : sender->contents[old].bytes,
                    .new_bytes = sender->contents[sender->content].bytes};
}

static gboolean
may_be_base (const Sender *sender, guint32 content)
{
  return sender->peers[content] != NOBODY &&
         sender->contents[content].bytes <= sender->contents[sender->content].bytes;
}

gboolean
peers_choose_base (Sender *sender)
{
  TreeWalk walk = walk_from (sender, VMFORGE_NO_CONTENT);
  guint64 nearest = tree_distance (&walk, G_MAXUINT64 - 1);
  guint candidates = 0;
  /* What is half there is finished. */
  if (sender->begun == BEGUN_EMPTY)
    return nearest != G_MAXUINT64;
  for (guint32 i = 0; i < sender->n_contents && nearest != G_MAXUINT64; i++) {
    if (!may_be_base (sender, i))
      continue;
    if (sender->begun != NOBODY && sender->peers[i] == sender->begun) {
      sender->base = i;
      return TRUE;
    }
    if (candidates++ >= MAX_CANDIDATES)
      continue;
    walk = walk_from (sender, i);
    guint64 distance = tree_distance (&walk, nearest);
    if (distance == G_MAXUINT64)
      return FALSE;
    if (distance >= nearest)
      continue;
    nearest = distance;
    sender->base = i;
  }
  return nearest != G_MAXUINT64;
}
