/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* repository/packs/ROOT-BASE.pack: the blocks in which one content differs from another, or from zeros. An
 * image is served by a chain of them, which it shares with what was built upon the same stages. */
#include "repository/repository-private.h"

#include "store/records.h"
#include "support/digest.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_CHAIN 32
#define ZEROS     "zeros"

/* The pack of a content that is there, or NULL. */
static const char *
find_pack (char **packs, const char *root)
{
  for (; packs != NULL && *packs != NULL; packs++)
    if (strncmp (*packs, root, VF_DIGEST_HEX) == 0)
      return *packs;
  return NULL;
}

static const char *
base_of (const char *pack)
{
  const char *base = pack + VF_DIGEST_HEX + 1;
  return strcmp (base, ZEROS) == 0 ? NULL : base;
}

/* Adds a pack and those that it builds upon. FALSE: one of them is not there. */
static gboolean
follow (VfUpdate *update, const char *root, GPtrArray *chain)
{
  while (root != NULL) {
    const char *pack = find_pack (update->packs, root);
    if (pack == NULL || chain->len >= MAX_CHAIN)
      return FALSE;
    g_ptr_array_add (chain, (gpointer)pack);
    root = base_of (pack);
  }
  return TRUE;
}

static gboolean
write_pack (VfUpdate *update, const char *root, const char *base, const char *temporary, GError **error)
{
  VmforgeStore *store = update->store;
  vf_autofd int output = openat (store->fd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output < 0)
    return vf_error_set_errno (error, "cannot make '%s/%s'", store->path, temporary);
  if (!update->pack (store, root, base, output, update->user_data, error))
    return FALSE;
  return fsync (output) == 0 || vf_error_set_errno (error, "cannot write '%s/%s'", store->path, temporary);
}

static gboolean
make_pack (VfUpdate *update, const char *root, const char *base, GError **error)
{
  VmforgeStore *store = update->store;
  g_autofree char *name = g_strdup_printf ("%s-%s", root, base == NULL ? ZEROS : base);
  g_autofree char *path = g_strdup_printf (PACKS_FOLDER "/%s.pack", name);
  g_autofree char *temporary = g_strdup_printf (PACKS_FOLDER "/.tmp-%s", name);
  gboolean made = write_pack (update, root, base, temporary, error);
  if (made && renameat (store->fd, temporary, store->fd, path) < 0)
    made = vf_error_set_errno (error, "cannot rename '%s/%s'", store->path, temporary);
  if (!made) {
    (void)unlinkat (store->fd, temporary, 0);
    return FALSE;
  }
  guint count = g_strv_length (update->packs);
  update->packs = g_renew (char *, update->packs, count + 2);
  update->packs[count] = g_steal_pointer (&name);
  update->packs[count + 1] = NULL;
  return TRUE;
}

static VfStage *
parent_of (VfUpdate *update, const VfStage *stage, GError **error)
{
  if (stage->parent == NULL)
    return repository_nearest (update, stage, error);
  VfStage *parent = vf_store_find_stage (update->store, stage->parent, error);
  if (parent != NULL && parent->index == NULL)
    g_clear_pointer (&parent, vf_stage_free);
  return parent;
}

/* From the lowest stage up, so that each finds the one that it builds upon. */
static gboolean
make_packs (VfUpdate *update, const VfStage *stage, guint depth, GError **error)
{
  g_autoptr (GPtrArray) chain = g_ptr_array_new ();
  if (follow (update, stage->index, chain))
    return TRUE;
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) parent = depth >= MAX_CHAIN - 1 ? NULL : parent_of (update, stage, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  /* A stage that changes nothing is its parent's content. */
  if (parent != NULL && strcmp (parent->index, stage->index) == 0)
    return make_packs (update, parent, depth + 1, error);
  if (parent != NULL && !make_packs (update, parent, depth + 1, error))
    return FALSE;
  return make_pack (update, stage->index, parent == NULL ? NULL : parent->index, error);
}

gboolean
repository_add_packs (VfUpdate *update, const VfStage *stage, VfListed *listed, GError **error)
{
  g_autoptr (GPtrArray) chain = g_ptr_array_new ();
  g_autoptr (GStrvBuilder) packs = g_strv_builder_new ();
  gboolean makes = update->pack != NULL && (update->imports || strcmp (stage->stage, "import") != 0);
  if (makes && !make_packs (update, stage, 0, error))
    return FALSE;
  if (follow (update, stage->index, chain))
    for (guint i = 0; i < chain->len; i++) {
      g_strv_builder_add (packs, chain->pdata[i]);
      g_hash_table_add (update->wanted, g_strdup (chain->pdata[i]));
    }
  listed->packs = g_strv_builder_end (packs);
  return TRUE;
}
