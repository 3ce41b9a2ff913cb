/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec-private.h"

#include <string.h>

#define MAX_KEYS_BYTES (256 * 1024)

/* Options may come before the type, a comment after the key. */
#define KEY_PATTERN                                                                                          \
  "(^|[ \\t])(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)"      \
  "@openssh\\.com)(-cert-v01@openssh\\.com)?[ \\t]+AAAA[A-Za-z0-9+/]+={0,3}([ \\t].*)?$"

void
vf_spec_user_free (VfSpecUser *user)
{
  g_free (user->name);
  g_free (user->password);
  g_strfreev (user->groups);
  g_strfreev (user->ssh_keys);
  g_free (user->shell);
  g_free (user->home);
  g_free (user->gecos);
  g_free (user);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSpecUser, vf_spec_user_free)

static gboolean
is_public_key (const char *line)
{
  static GRegex *regex;
  if (g_once_init_enter (&regex))
    g_once_init_leave (&regex, g_regex_new (KEY_PATTERN, G_REGEX_DOLLAR_ENDONLY | G_REGEX_RAW, 0, NULL));
  return strpbrk (line, "\n\r") == NULL && g_regex_match (regex, line, 0, NULL);
}

static gboolean
add_key (GPtrArray *keys, const char *text, const VfNode *node, GError **error)
{
  g_autofree char *line = g_strstrip (g_strdup (text));
  if (!is_public_key (line))
    return vf_node_error (
        node, VMFORGE_ERROR_SPEC, error,
        "this is no SSH public key (it looks like 'ssh-ed25519 AAAA… comment'; for a file write "
        "{file: PATH})");
  g_ptr_array_add (keys, g_steal_pointer (&line));
  return TRUE;
}

static gboolean
add_key_file (const VfSpecLoader *loader, GPtrArray *keys, const VfNode *node, GError **error)
{
  gsize length;
  g_autofree char *path = NULL;
  g_autofree char *text = vf_spec_source_read (loader, node, MAX_KEYS_BYTES, &path, &length, error);
  if (text == NULL)
    return FALSE;
  if (strstr (text, "PRIVATE KEY-----") != NULL)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                          "'%s' is a private key; name the public one, mostly %s.pub", path, node->text);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint before = keys->len;
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *line = g_strstrip (lines[i]);
    if (*line == '\0' || *line == '#')
      continue;
    if (!g_utf8_validate (line, -1, NULL) || !is_public_key (line))
      return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "line %u of '%s' is no SSH public key", i + 1,
                            path);
    g_ptr_array_add (keys, g_strdup (line));
  }
  if (keys->len == before && !loader->without_files)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "'%s' holds no SSH public key", path);
  return TRUE;
}

static gboolean
read_keys (const VfSpecLoader *loader, VfSpecUser *user, const VfNode *list, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < vf_node_length (list); i++) {
    const VfNode *entry = vf_node_at (list, i);
    gboolean added = entry->type == VF_NODE_MAP
                         ? add_key_file (loader, keys, vf_node_get (entry, "file"), error)
                         : add_key (keys, entry->text, entry, error);
    if (!added)
      return FALSE;
  }
  user->ssh_keys = vf_spec_steal_words (&keys);
  return TRUE;
}

static gboolean
read_groups (const VfSpecLoader *loader, VfSpecUser *user, const VfNode *list, GError **error)
{
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (g_free);
  if (!vf_spec_add_words (loader, groups, list, "group", error))
    return FALSE;
  user->groups = vf_spec_steal_words (&groups);
  return TRUE;
}

/* Users of `extends` append, so that the same user may be written in another file. */
static gboolean
check_unique (GHashTable *seen, const VfNode *node, VmforgeStageKind kind, GError **error)
{
  const VfNode *name = vf_node_get (node, "name");
  const VfNode *other = g_hash_table_lookup (seen, name->text);
  if (other != NULL)
    return vf_node_error (name, VMFORGE_ERROR_SPEC, error,
                          "user '%s' is given twice in stage '%s' (first in %s:%d)", name->text,
                          vmforge_stage_name (kind), other->file, other->line);
  g_hash_table_insert (seen, name->text, (gpointer)name);
  return TRUE;
}

static VfSpecUser *
read_user (const VfSpecLoader *loader, const VfNode *node, GError **error)
{
  g_autoptr (VfSpecUser) user = g_new0 (VfSpecUser, 1);
  user->name = g_strdup (vf_node_get_text (node, "name", NULL));
  user->password = g_strdup (vf_node_get_text (node, "password", NULL));
  user->shell = g_strdup (vf_node_get_text (node, "shell", NULL));
  user->home = g_strdup (vf_node_get_text (node, "home", NULL));
  user->gecos = g_strdup (vf_node_get_text (node, "gecos", NULL));
  user->uid = vf_node_get_int (node, "uid", -1);
  user->system = vf_node_get_bool (node, "system", FALSE);
  return read_groups (loader, user, vf_node_get (node, "groups"), error) &&
                 read_keys (loader, user, vf_node_get (node, "ssh_keys"), error)
             ? g_steal_pointer (&user)
             : NULL;
}

gboolean
vf_spec_read_users (const VfSpecLoader *loader, VfSpecStage *stage, VmforgeStageKind kind, GError **error)
{
  const VfNode *list = vf_node_get (stage->node, "users");
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < vf_node_length (list); i++) {
    if (!check_unique (seen, vf_node_at (list, i), kind, error))
      return FALSE;
    VfSpecUser *user = read_user (loader, vf_node_at (list, i), error);
    if (user == NULL)
      return FALSE;
    g_ptr_array_add (stage->users, user);
  }
  return TRUE;
}
