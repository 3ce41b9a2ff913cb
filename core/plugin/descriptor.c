/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/descriptor.h"

#include "support/error.h"

#include <string.h>

#define END_OF(type, member) (offsetof (type, member) + sizeof (((type *)NULL)->member))

typedef struct {
  const char *name;
  gsize offset;
} Member;

/* What the loader knows about a kind. A mandatory member is a pointer at an offset of the table. */
typedef struct {
  enum vmforge_plugin_kind kind;
  gsize pointer;    /* of the table, in struct vmforge_plugin */
  gsize first_size; /* of the smallest table that can work */
  gsize our_size;
  const Member *mandatory;  /* ends with a NULL name */
  const Member *default_of; /* where this one is set, the next have defaults */
  const Member *otherwise;  /* mandatory where it is not */
} Kind;

#define STORAGE(member)                                                                                      \
  {                                                                                                          \
#member, offsetof(struct vmforge_storage, member)                                                        \
  }
static const Member storage_members[] = {STORAGE (open), STORAGE (close), {NULL, 0}};
static const Member storage_folder = STORAGE (folder);
static const Member storage_without_folder[] = {
    STORAGE (create), STORAGE (clone),  STORAGE (map),  STORAGE (grow),
    STORAGE (seal),   STORAGE (remove), STORAGE (list), {NULL, 0},
};

#define PACKAGE(member)                                                                                      \
  {                                                                                                          \
#member, offsetof(struct vmforge_package_backend, member)                                                \
  }
static const Member package_members[] = {
    PACKAGE (open),    PACKAGE (close),    PACKAGE (refresh), PACKAGE (resolve), PACKAGE (fetch),
    PACKAGE (install), PACKAGE (manifest), PACKAGE (boot),    {NULL, 0},
};

#define TRANSPORT(member)                                                                                    \
  {                                                                                                          \
#member, offsetof(struct vmforge_transport, member)                                                      \
  }
static const Member transport_members[] = {
    TRANSPORT (open), TRANSPORT (close), TRANSPORT (send), TRANSPORT (receive), {NULL, 0},
};

static const Kind kinds[] = {
    {VMFORGE_PLUGIN_STORAGE, offsetof (struct vmforge_plugin, storage), END_OF (struct vmforge_storage, list),
     sizeof (struct vmforge_storage), storage_members, &storage_folder, storage_without_folder},
    {VMFORGE_PLUGIN_PACKAGE, offsetof (struct vmforge_plugin, package),
     END_OF (struct vmforge_package_backend, boot), sizeof (struct vmforge_package_backend), package_members,
     NULL, NULL},
    {VMFORGE_PLUGIN_TRANSPORT, offsetof (struct vmforge_plugin, transport),
     END_OF (struct vmforge_transport, receive), sizeof (struct vmforge_transport), transport_members, NULL,
     NULL},
};

/* The first descriptor that a release had: members after it are absent in older plugins. */
#define FIRST_DESCRIPTOR_SIZE END_OF (struct vmforge_plugin, transport)

const char *
vf_plugin_kind_name (enum vmforge_plugin_kind kind)
{
  switch (kind) {
  case VMFORGE_PLUGIN_PACKAGE:
    return "package";
  case VMFORGE_PLUGIN_STORAGE:
    return "storage";
  case VMFORGE_PLUGIN_TRANSPORT:
    return "transport";
  }
  return "unknown";
}

static const Kind *
find_kind (guint32 number)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if ((guint32)kinds[i].kind == number)
      return &kinds[i];
  return NULL;
}

gboolean
vf_descriptor_name_is_valid (const char *name)
{
  if (!name || !g_ascii_islower (name[0]))
    return FALSE;
  gsize length = strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-");
  return name[length] == '\0' && length <= 64;
}

gboolean
vf_descriptor_check_numbers (const char *path, const VfElfNumbers *numbers, guint64 symbol_size,
                             GError **error)
{
  if (numbers->abi > VMFORGE_PLUGIN_ABI)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' needs plugin ABI %u, this vmforge has %u: install a newer vmforge", path,
                         numbers->abi, VMFORGE_PLUGIN_ABI);
  if (numbers->abi != VMFORGE_PLUGIN_ABI)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' was built for plugin ABI %u, this vmforge has %u: rebuild the plugin", path,
                         numbers->abi, VMFORGE_PLUGIN_ABI);
  if (numbers->size < FIRST_DESCRIPTOR_SIZE || numbers->size > symbol_size)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' has a descriptor of %u bytes (the file holds %" G_GUINT64_FORMAT
                         "), the smallest has %zu",
                         path, numbers->size, symbol_size, FIRST_DESCRIPTOR_SIZE);
  const Kind *kind = find_kind (numbers->kind);
  if (!kind)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is a plugin of kind %u, which this vmforge does not know", path,
                         numbers->kind);
  if (numbers->table_size < kind->first_size)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' has a table of %u bytes, the smallest of a %s plugin has %zu", path,
                         numbers->table_size, vf_plugin_kind_name (kind->kind), kind->first_size);
  return TRUE;
}

/* Whatever a plugin has there, as a piece of a line of text. */
static char *
quotable (const char *text)
{
  g_autofree char *piece = g_strndup (text ? text : "", 64);
  return g_strescape (piece, NULL);
}

static gboolean
check_parameter (const char *path, const struct vmforge_parameter *parameter, GError **error)
{
  static const char *const types[] = {"string", "size", "bool", "path", NULL};
  if (parameter->name[0] && parameter->name[strcspn (parameter->name, "=,: \n")] == '\0' && parameter->type &&
      g_strv_contains (types, parameter->type))
    return TRUE;
  g_autofree char *name = quotable (parameter->name), *type = quotable (parameter->type);
  return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                       "'%s' declares a parameter '%s' of type '%s': types are string, size, bool, path",
                       path, name, type);
}

static gboolean
check_texts (const char *path, const char *name, const struct vmforge_plugin *ours, GError **error)
{
  g_autofree char *bad = vf_descriptor_name_is_valid (ours->name) ? NULL : quotable (ours->name);
  if (bad)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' has a bad plugin name '%s': it must be [a-z][a-z0-9-]*", path, bad);
  if (strcmp (ours->name, name) != 0)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' calls itself '%s': its file must be named vmforge-%s.so", path, ours->name,
                         ours->name);
  if (!ours->version || !g_utf8_validate (ours->version, -1, NULL) || !ours->description ||
      !g_utf8_validate (ours->description, -1, NULL) || strchr (ours->description, '\n'))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' lacks a version or a description of one line in UTF-8", path);
  for (const struct vmforge_parameter *p = ours->parameters; p && p->name; p++)
    if (!check_parameter (path, p, error))
      return FALSE;
  return TRUE;
}

/* The table of the kind, and no other. */
static gboolean
check_tables (const char *path, const Kind *kind, const struct vmforge_plugin *ours, GError **error)
{
  const void *const tables[] = {ours->package, ours->storage, ours->transport};
  static const enum vmforge_plugin_kind of[] = {VMFORGE_PLUGIN_PACKAGE, VMFORGE_PLUGIN_STORAGE,
                                                VMFORGE_PLUGIN_TRANSPORT};
  for (guint i = 0; i < G_N_ELEMENTS (of); i++)
    if ((tables[i] != NULL) != (of[i] == kind->kind))
      return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                           "'%s' is of kind %s but %s a %s table: .%s must be set, and nothing else", path,
                           vf_plugin_kind_name (kind->kind), tables[i] ? "has" : "lacks",
                           vf_plugin_kind_name (of[i]), vf_plugin_kind_name (kind->kind));
  return TRUE;
}

static gboolean
is_set (const guint8 *table, const Member *member)
{
  void *pointer;
  memcpy (&pointer, table + member->offset, sizeof pointer);
  return pointer != NULL;
}

static gboolean
check_members (const char *path, const Kind *kind, const guint8 *table, const Member *members, GError **error)
{
  for (const Member *member = members; member->name; member++)
    if (!is_set (table, member))
      return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                           "'%s' lacks the callback '%s', which every %s plugin%s%s has", path, member->name,
                           vf_plugin_kind_name (kind->kind), members == kind->otherwise ? " without " : "",
                           members == kind->otherwise ? kind->default_of->name : "");
  return TRUE;
}

/* Our zero-filled copy of their table, with the mandatory members checked. */
static void *
copy_table (const char *path, const Kind *kind, guint32 table_size, const void *theirs, GError **error)
{
  guint32 said;
  memcpy (&said, theirs, sizeof said);
  if (said != table_size) {
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                  "'%s' has a %s table whose .size is %u, its descriptor says %u: set it to sizeof", path,
                  vf_plugin_kind_name (kind->kind), said, table_size);
    return NULL;
  }
  g_autofree guint8 *table = g_malloc0 (kind->our_size);
  memcpy (table, theirs, MIN (table_size, kind->our_size));
  if (!check_members (path, kind, table, kind->mandatory, error) ||
      (kind->default_of && !is_set (table, kind->default_of) &&
       !check_members (path, kind, table, kind->otherwise, error)))
    return NULL;
  return g_steal_pointer (&table);
}

const struct vmforge_plugin *
vf_descriptor_copy (const char *path, const char *name, const VfElfNumbers *numbers,
                    const struct vmforge_plugin *theirs, GError **error)
{
  if (memcmp (theirs, numbers, sizeof *numbers) != 0) {
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                  "'%s' changed its descriptor while it was loaded: it must be constant", path);
    return NULL;
  }
  const Kind *kind = find_kind (numbers->kind);
  g_autofree struct vmforge_plugin *ours = g_new0 (struct vmforge_plugin, 1);
  memcpy (ours, theirs, MIN (numbers->size, sizeof *ours));
  if (!check_texts (path, name, ours, error) || !check_tables (path, kind, ours, error))
    return NULL;

  void **place = (void **)(void *)((guint8 *)ours + kind->pointer);
  void *table = copy_table (path, kind, numbers->table_size, *place, error);
  if (!table)
    return NULL;
  *place = table;
  return g_steal_pointer (&ours);
}
