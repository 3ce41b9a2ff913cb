/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* From libyaml's events to a tree, within bounds that hold after aliases are expanded. */
#include "spec/node.h"

#include "support/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

typedef struct {
  yaml_parser_t yaml;
  const char *file;
  const char *text;    /* all of it, to find positions of undecodable bytes */
  GHashTable *anchors; /* name → VfNode (borrowed), or NULL while the node is being read */
  guint n_nodes;
  gsize n_bytes; /* of scalars */
} Reader;

static VfNode *read_node (Reader *reader, const yaml_event_t *event, int depth, GError **error);

static gboolean fail_at (const Reader *reader, const yaml_mark_t *mark, GError **error, const char *format,
                         ...) G_GNUC_PRINTF (4, 5);

static gboolean
fail_at (const Reader *reader, const yaml_mark_t *mark, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "%s:%zu:%zu: %s", reader->file, mark->line + 1,
                       mark->column + 1, message);
}

/* libyaml tells the offset alone of bytes that it cannot decode. */
static yaml_mark_t
mark_of_offset (const Reader *reader, size_t offset)
{
  yaml_mark_t mark = {.index = offset};
  for (size_t i = 0; i < offset; i++) {
    if (reader->text[i] == '\n') {
      mark.line++;
      mark.column = 0;
    } else if ((reader->text[i] & 0xc0) != 0x80)
      mark.column++;
  }
  return mark;
}

/* What libyaml's words mostly mean. */
static const char *
hint_for (const char *problem, const char *context)
{
  if (context != NULL && strstr (context, "scanning a tag") != NULL)
    return "; a text that begins with '!' needs quotes";
  if (strstr (problem, "cannot start any token") != NULL)
    return "; indent with spaces, not tabs, and quote a text that begins with '@', '`' or '%'";
  return "";
}

static gboolean
fail_syntax (const Reader *reader, GError **error)
{
  const yaml_parser_t *yaml = &reader->yaml;
  if (yaml->error == YAML_READER_ERROR) {
    yaml_mark_t mark = mark_of_offset (reader, yaml->problem_offset);
    return fail_at (reader, &mark, error, "this is no YAML: %s", yaml->problem);
  }
  const char *problem = yaml->problem == NULL ? "out of memory" : yaml->problem;
  const char *hint = hint_for (problem, yaml->context);
  if (yaml->context == NULL)
    return fail_at (reader, &yaml->problem_mark, error, "this is no YAML: %s%s", problem, hint);
  return fail_at (reader, &yaml->problem_mark, error, "this is no YAML: %s, %s (line %zu)%s", problem,
                  yaml->context, yaml->context_mark.line + 1, hint);
}

static gboolean
next_event (Reader *reader, yaml_event_t *event, GError **error)
{
  return yaml_parser_parse (&reader->yaml, event) != 0 || fail_syntax (reader, error);
}

/* Counts what is about to enter the tree. */
static gboolean
charge (Reader *reader, guint nodes, gsize bytes, const yaml_mark_t *mark, GError **error)
{
  if (nodes > VF_NODE_MAX_NODES - reader->n_nodes)
    return fail_at (reader, mark, error, "more than %d values (aliases expanded)", VF_NODE_MAX_NODES);
  if (bytes > VF_NODE_MAX_BYTES - reader->n_bytes)
    return fail_at (reader, mark, error, "more than %d bytes of text (aliases expanded)", VF_NODE_MAX_BYTES);
  reader->n_nodes += nodes;
  reader->n_bytes += bytes;
  return TRUE;
}

static gboolean
check_tag (const Reader *reader, const yaml_event_t *event, GError **error)
{
  const yaml_char_t *tag = NULL;
  if (event->type == YAML_SCALAR_EVENT)
    tag = event->data.scalar.tag;
  else if (event->type == YAML_SEQUENCE_START_EVENT)
    tag = event->data.sequence_start.tag;
  else if (event->type == YAML_MAPPING_START_EVENT)
    tag = event->data.mapping_start.tag;
  if (tag == NULL)
    return TRUE;
  return fail_at (reader, &event->start_mark, error,
                  "the tag '%s' is not allowed (if it is meant as text, put it in quotes)", tag);
}

static gboolean
is_word (const char *text, const char *lower, const char *title, const char *upper)
{
  return strcmp (text, lower) == 0 || strcmp (text, title) == 0 || strcmp (text, upper) == 0;
}

static gboolean
parse_integer (const char *text, gint64 *value)
{
  const char *digits = text + (*text == '-' || *text == '+');
  if (*digits == '\0' || strspn (digits, "0123456789") != strlen (digits))
    return FALSE;
  errno = 0;
  *value = g_ascii_strtoll (text, NULL, 10);
  return errno == 0;
}

static void
type_plain (VfNode *node)
{
  if (*node->text == '\0' || strcmp (node->text, "~") == 0 || is_word (node->text, "null", "Null", "NULL"))
    node->type = VF_NODE_NULL;
  else if (is_word (node->text, "true", "True", "TRUE")) {
    node->type = VF_NODE_BOOL;
    node->boolean = TRUE;
  } else if (is_word (node->text, "false", "False", "FALSE"))
    node->type = VF_NODE_BOOL;
  else if (parse_integer (node->text, &node->integer))
    node->type = VF_NODE_INT;
}

static VfNode *
new_node (const Reader *reader, VfNodeType type, const yaml_event_t *event)
{
  return vf_node_new (type, reader->file, (int)event->start_mark.line + 1, (int)event->start_mark.column + 1);
}

static VfNode *
read_scalar (Reader *reader, const yaml_event_t *event, GError **error)
{
  const char *text = (const char *)event->data.scalar.value;
  gsize length = event->data.scalar.length;
  if (memchr (text, '\0', length) != NULL) {
    fail_at (reader, &event->start_mark, error, "text holds a NUL character");
    return NULL;
  }
  if (!charge (reader, 1, length, &event->start_mark, error))
    return NULL;
  VfNode *node = new_node (reader, VF_NODE_STRING, event);
  node->text = g_strndup (text, length);
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
    type_plain (node);
  return node;
}

/* Nodes, bytes of text and levels of a tree. */
static void
measure (const VfNode *node, guint *nodes, gsize *bytes, int *levels)
{
  int deepest = 0;
  *nodes += 1;
  *bytes += node->text == NULL ? 0 : strlen (node->text);
  for (guint i = 0; node->keys != NULL && i < node->keys->len; i++) {
    *nodes += 1;
    *bytes += strlen (((const VfNode *)g_ptr_array_index (node->keys, i))->text);
  }
  for (guint i = 0; i < vf_node_length (node); i++) {
    int below = 0;
    measure (vf_node_at (node, i), nodes, bytes, &below);
    deepest = MAX (deepest, below);
  }
  *levels = deepest + 1;
}

static VfNode *
read_alias (Reader *reader, const yaml_event_t *event, int depth, GError **error)
{
  const char *name = (const char *)event->data.alias.anchor;
  gpointer target;
  if (!g_hash_table_lookup_extended (reader->anchors, name, NULL, &target)) {
    fail_at (reader, &event->start_mark, error, "the alias '*%s' has no anchor '&%s' before it", name, name);
    return NULL;
  }
  if (target == NULL) {
    fail_at (reader, &event->start_mark, error, "the alias '*%s' stands inside its own anchor '&%s'", name,
             name);
    return NULL;
  }
  guint nodes = 0;
  gsize bytes = 0;
  int levels = 0;
  measure (target, &nodes, &bytes, &levels);
  if (!charge (reader, nodes, bytes, &event->start_mark, error))
    return NULL;
  if (depth + levels - 1 > VF_NODE_MAX_DEPTH) {
    fail_at (reader, &event->start_mark, error, "nested deeper than %d levels", VF_NODE_MAX_DEPTH);
    return NULL;
  }
  return vf_node_copy (target);
}

static gboolean
fill_list (Reader *reader, VfNode *list, int depth, GError **error)
{
  for (;;) {
    yaml_event_t event;
    if (!next_event (reader, &event, error))
      return FALSE;
    gboolean end = event.type == YAML_SEQUENCE_END_EVENT;
    VfNode *item = end ? NULL : read_node (reader, &event, depth + 1, error);
    yaml_event_delete (&event);
    if (item == NULL)
      return end;
    g_ptr_array_add (list->items, item);
  }
}

static gboolean
check_key (const VfNode *key, GHashTable *seen, GError **error)
{
  if (key->type == VF_NODE_LIST || key->type == VF_NODE_MAP)
    return vf_node_error (key, VMFORGE_ERROR_SPEC, error, "a key must be a word, not a list or map");
  if (key->type != VF_NODE_STRING)
    return vf_node_error (key, VMFORGE_ERROR_SPEC, error, "the key '%s' is no text (put it in quotes)",
                          key->text);
  const VfNode *first = g_hash_table_lookup (seen, key->text);
  if (first != NULL)
    return vf_node_error (key, VMFORGE_ERROR_SPEC, error, "the key '%s' is given twice (first in line %d)",
                          key->text, first->line);
  g_hash_table_insert (seen, key->text, (gpointer)key);
  return TRUE;
}

static gboolean
fill_map (Reader *reader, VfNode *map, int depth, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (;;) {
    yaml_event_t event;
    if (!next_event (reader, &event, error))
      return FALSE;
    gboolean end = event.type == YAML_MAPPING_END_EVENT;
    VfNode *key = end ? NULL : read_node (reader, &event, depth + 1, error);
    yaml_event_delete (&event);
    if (key == NULL)
      return end;
    g_ptr_array_add (map->keys, key);
    if (!check_key (key, seen, error) || !next_event (reader, &event, error))
      return FALSE;
    VfNode *value = read_node (reader, &event, depth + 1, error);
    yaml_event_delete (&event);
    if (value == NULL)
      return FALSE;
    g_ptr_array_add (map->items, value);
  }
}

static VfNode *
read_collection (Reader *reader, const yaml_event_t *event, int depth, GError **error)
{
  gboolean is_list = event->type == YAML_SEQUENCE_START_EVENT;
  if (!charge (reader, 1, 0, &event->start_mark, error))
    return NULL;
  g_autoptr (VfNode) node = new_node (reader, is_list ? VF_NODE_LIST : VF_NODE_MAP, event);
  gboolean filled = is_list ? fill_list (reader, node, depth, error) : fill_map (reader, node, depth, error);
  return filled ? g_steal_pointer (&node) : NULL;
}

static const char *
anchor_of (const yaml_event_t *event)
{
  const yaml_char_t *anchor = NULL;
  if (event->type == YAML_SCALAR_EVENT)
    anchor = event->data.scalar.anchor;
  else if (event->type == YAML_SEQUENCE_START_EVENT)
    anchor = event->data.sequence_start.anchor;
  else if (event->type == YAML_MAPPING_START_EVENT)
    anchor = event->data.mapping_start.anchor;
  return (const char *)anchor;
}

static VfNode *
read_node (Reader *reader, const yaml_event_t *event, int depth, GError **error)
{
  if (depth > VF_NODE_MAX_DEPTH) {
    fail_at (reader, &event->start_mark, error, "nested deeper than %d levels", VF_NODE_MAX_DEPTH);
    return NULL;
  }
  if (!check_tag (reader, event, error))
    return NULL;
  if (event->type == YAML_ALIAS_EVENT)
    return read_alias (reader, event, depth, error);
  const char *anchor = anchor_of (event);
  if (anchor != NULL)
    g_hash_table_insert (reader->anchors, g_strdup (anchor), NULL);
  VfNode *node = event->type == YAML_SCALAR_EVENT ? read_scalar (reader, event, error)
                                                  : read_collection (reader, event, depth, error);
  if (anchor != NULL && node != NULL)
    g_hash_table_insert (reader->anchors, g_strdup (anchor), node);
  return node;
}

/* The end of the only document, after its root. */
static gboolean
expect_end (Reader *reader, GError **error)
{
  for (;;) {
    yaml_event_t event;
    if (!next_event (reader, &event, error))
      return FALSE;
    yaml_event_type_t type = event.type;
    yaml_mark_t mark = event.start_mark;
    yaml_event_delete (&event);
    if (type == YAML_STREAM_END_EVENT)
      return TRUE;
    if (type == YAML_DOCUMENT_START_EVENT)
      return fail_at (reader, &mark, error, "a second document begins here; a file holds one");
  }
}

static VfNode *
read_document (Reader *reader, GError **error)
{
  for (;;) {
    yaml_event_t event;
    if (!next_event (reader, &event, error))
      return NULL;
    if (event.type == YAML_STREAM_END_EVENT) {
      yaml_event_delete (&event);
      return vf_node_new (VF_NODE_NULL, reader->file, 1, 1);
    }
    gboolean preamble = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT;
    g_autoptr (VfNode) root = preamble ? NULL : read_node (reader, &event, 1, error);
    yaml_event_delete (&event);
    if (preamble)
      continue;
    return root != NULL && expect_end (reader, error) ? g_steal_pointer (&root) : NULL;
  }
}

VfNode *
vf_node_parse (const char *text, gsize length, const char *name, GError **error)
{
  Reader reader = {.file = g_intern_string (name), .text = text == NULL ? "" : text};
  if (length > VF_NODE_MAX_BYTES) {
    vf_error_set (error, VMFORGE_ERROR_SPEC, "%s: more than %d bytes", name, VF_NODE_MAX_BYTES);
    return NULL;
  }
  if (!yaml_parser_initialize (&reader.yaml)) {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "%s: out of memory", name);
    return NULL;
  }
  reader.anchors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  yaml_parser_set_input_string (&reader.yaml, (const unsigned char *)reader.text, length);
  VfNode *root = read_document (&reader, error);
  g_hash_table_unref (reader.anchors);
  yaml_parser_delete (&reader.yaml);
  return root;
}

GString *
vf_node_read_bounded (int fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[65536];
  while (text->len <= VF_NODE_MAX_BYTES) {
    ssize_t got = read (fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return NULL;
    if (got == 0)
      break;
    g_string_append_len (text, buffer, got);
  }
  return g_steal_pointer (&text);
}

VfNode *
vf_node_read (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  g_autoptr (GString) text = fd < 0 ? NULL : vf_node_read_bounded (fd);
  int saved = errno;
  if (fd >= 0)
    close (fd);
  if (text == NULL) {
    vf_error_set (error, VMFORGE_ERROR_SPEC, "cannot read '%s': %s", path, g_strerror (saved));
    return NULL;
  }
  return vf_node_parse (text->str, text->len, path, error);
}
