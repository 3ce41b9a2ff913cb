/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* dpkg refuses to unpack a package before its pre-dependencies are configured, but orders everything else
 * itself when it gets many packages at once, and runs triggers once a call. So: as few calls as
 * pre-dependencies allow. */
#include "apt.h"

typedef struct {
  const struct vmforge_package *package;
  GPtrArray *pre_depends, *depends; /* of Node, within the set */
  gboolean essential;
  guint level;
} Node;

static void
node_free (gpointer data)
{
  Node *node = data;
  g_ptr_array_unref (node->pre_depends);
  g_ptr_array_unref (node->depends);
  g_free (node);
}

static gboolean
is_essential (const char *stanza)
{
  g_autofree char *value = apt_stanza_get (stanza, "Essential");
  return value != NULL && g_ascii_strcasecmp (value, "yes") == 0;
}

/* name, and each provided name → Node (of the first that has it). */
static GHashTable *
index_names (GPtrArray *nodes)
{
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < nodes->len; i++) {
    Node *node = g_ptr_array_index (nodes, i);
    g_hash_table_insert (names, g_strdup (node->package->name), node);
  }
  for (guint i = 0; i < nodes->len; i++) {
    Node *node = g_ptr_array_index (nodes, i);
    g_autoptr (GPtrArray) provided = apt_stanza_relation (node->package->data, "Provides");
    for (guint j = 0; j < provided->len; j++)
      if (!g_hash_table_contains (names, g_ptr_array_index (provided, j)))
        g_hash_table_insert (names, g_strdup (g_ptr_array_index (provided, j)), node);
  }
  return names;
}

static void
link_relation (Node *node, const char *field, GHashTable *names, GPtrArray *to)
{
  g_autoptr (GPtrArray) wanted = apt_stanza_relation (node->package->data, field);
  for (guint i = 0; i < wanted->len; i++) {
    Node *other = g_hash_table_lookup (names, g_ptr_array_index (wanted, i));
    if (other != NULL && other != node)
      g_ptr_array_add (to, other);
  }
}

static GPtrArray *
make_nodes (const struct vmforge_package *const *packages)
{
  GPtrArray *nodes = g_ptr_array_new_with_free_func (node_free);
  for (; *packages != NULL; packages++) {
    if (((*packages)->flags & VMFORGE_PACKAGE_REMOVE) != 0)
      continue;
    Node *node = g_new0 (Node, 1);
    node->package = *packages;
    node->pre_depends = g_ptr_array_new ();
    node->depends = g_ptr_array_new ();
    node->essential = is_essential (node->package->data);
    g_ptr_array_add (nodes, node);
  }
  g_autoptr (GHashTable) names = index_names (nodes);
  for (guint i = 0; i < nodes->len; i++) {
    Node *node = g_ptr_array_index (nodes, i);
    link_relation (node, "Pre-Depends", names, node->pre_depends);
    link_relation (node, "Depends", names, node->depends);
  }
  return nodes;
}

/* Essential packages and all they need go together, before everything else. */
static void
spread_essential (GPtrArray *nodes)
{
  gboolean changed = TRUE;
  while (changed) {
    changed = FALSE;
    for (guint i = 0; i < nodes->len; i++) {
      Node *node = g_ptr_array_index (nodes, i);
      for (guint j = 0; node->essential && j < node->depends->len + node->pre_depends->len; j++) {
        Node *need = j < node->depends->len ? g_ptr_array_index (node->depends, j)
                                            : g_ptr_array_index (node->pre_depends, j - node->depends->len);
        changed |= !need->essential;
        need->essential = TRUE;
      }
    }
  }
}

static gboolean
raise_level (Node *node, const Node *need, guint distance)
{
  if (need->essential || node->essential || node->level >= need->level + distance)
    return FALSE;
  node->level = need->level + distance;
  return TRUE;
}

/* A package comes after its pre-dependencies, and not before its dependencies. The bound ends the rare cycle
 * through a pre-dependency; dpkg then says what it misses. */
static void
compute_levels (GPtrArray *nodes)
{
  gboolean changed = TRUE;
  for (guint round = 0; changed && round <= nodes->len; round++) {
    changed = FALSE;
    for (guint i = 0; i < nodes->len; i++) {
      Node *node = g_ptr_array_index (nodes, i);
      for (guint j = 0; j < node->pre_depends->len; j++)
        changed |= raise_level (node, g_ptr_array_index (node->pre_depends, j), 1);
      for (guint j = 0; j < node->depends->len; j++)
        changed |= raise_level (node, g_ptr_array_index (node->depends, j), 0);
    }
  }
}

GPtrArray *
apt_order_groups (const struct vmforge_package *const *packages)
{
  g_autoptr (GPtrArray) nodes = make_nodes (packages);
  GPtrArray *groups = g_ptr_array_new_with_free_func ((GDestroyNotify)g_ptr_array_unref);
  g_ptr_array_add (groups, g_ptr_array_new ());
  spread_essential (nodes);
  compute_levels (nodes);
  for (guint i = 0; i < nodes->len; i++) {
    Node *node = g_ptr_array_index (nodes, i);
    guint index = node->essential ? 0 : node->level + 1;
    while (groups->len <= index)
      g_ptr_array_add (groups, g_ptr_array_new ());
    g_ptr_array_add (g_ptr_array_index (groups, index), (gpointer)node->package);
  }
  return groups;
}

static void
add_relations (GHashTable *names, const char *stanza, const char *field)
{
  g_autoptr (GPtrArray) related = apt_stanza_relation (stanza, field);
  for (guint i = 0; i < related->len; i++)
    g_hash_table_add (names, g_strdup (g_ptr_array_index (related, i)));
}

/* What the packages that come, or the one that goes, are called, and whom they do not stand. */
typedef struct {
  GHashTable *names, *refused;
} Party;

static void
party_init (Party *party)
{
  party->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  party->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
party_clear (Party *party)
{
  g_hash_table_unref (party->names);
  g_hash_table_unref (party->refused);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Party, party_clear)

static void
party_add (Party *party, const struct vmforge_package *package)
{
  g_hash_table_add (party->names, g_strdup (package->name));
  if (package->data == NULL)
    return;
  add_relations (party->names, package->data, "Provides");
  add_relations (party->refused, package->data, "Conflicts");
  add_relations (party->refused, package->data, "Breaks");
}

static gboolean
have_common (GHashTable *few, GHashTable *many)
{
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, few);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (g_hash_table_contains (many, name))
      return TRUE;
  return FALSE;
}

static gboolean
is_in_the_way (const struct vmforge_package *package, const Party *coming)
{
  g_auto (Party) going;
  party_init (&going);
  party_add (&going, package);
  return have_common (going.names, coming->refused) || have_common (going.refused, coming->names);
}

void
apt_order_removals (const struct vmforge_package *const *packages, const char *const *asked,
                    GPtrArray *before, GPtrArray *after)
{
  g_auto (Party) coming;
  party_init (&coming);
  for (const struct vmforge_package *const *item = packages; *item != NULL; item++)
    if (((*item)->flags & VMFORGE_PACKAGE_REMOVE) == 0)
      party_add (&coming, *item);
  for (; *packages != NULL; packages++) {
    if (((*packages)->flags & VMFORGE_PACKAGE_REMOVE) == 0)
      continue;
    /* What apt chose goes since it cannot stay with what comes, or needs what goes. What the user names may
     * be needed until its replacement works (an awk), unless it is in the way itself. */
    gboolean last = apt_names_contain (asked, (*packages)->name) && !is_in_the_way (*packages, &coming);
    g_ptr_array_add (last ? after : before, (gpointer)*packages);
  }
}
