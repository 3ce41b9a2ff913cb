/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "apt.h"

/* The line that begins with `field:`, or NULL. */
static const char *
find_field (const char *stanza, const char *field)
{
  gsize length = strlen (field);
  for (const char *line = stanza; line != NULL && *line != '\0';) {
    if (g_ascii_strncasecmp (line, field, length) == 0 && line[length] == ':')
      return line + length + 1;
    line = strchr (line, '\n');
    if (line != NULL)
      line++;
  }
  return NULL;
}

char *
apt_stanza_get (const char *stanza, const char *field)
{
  const char *value = find_field (stanza, field);
  if (value == NULL)
    return NULL;
  GString *text = g_string_new (NULL);
  while (TRUE) {
    const char *end = strchrnul (value, '\n');
    g_string_append_len (text, value, end - value);
    /* A line that begins with a blank continues the field. */
    if (*end == '\0' || (end[1] != ' ' && end[1] != '\t'))
      break;
    value = end + 1;
  }
  return g_strstrip (g_string_free (text, FALSE));
}

static gboolean
is_wanted (const char *line)
{
  static const char *const fields[] = {
      "Package:",  "Version:", "Architecture:", "Multi-Arch:", "Essential:",  "Protected:",      "Important:",
      "Priority:", "Depends:", "Pre-Depends:",  "Provides:",   "Conflicts:",  "Breaks:",         "Replaces:",
      "Section:",  "Source:",  "Recommends:",   "Enhances:",   "Maintainer:", "Installed-Size:",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (g_ascii_strncasecmp (line, fields[i], strlen (fields[i])) == 0)
      return TRUE;
  return FALSE;
}

char *
apt_stanza_shorten (const char *stanza, gsize length)
{
  GString *text = g_string_sized_new (length);
  const char *end = stanza + length;
  gboolean keep = FALSE;
  for (const char *line = stanza; line < end;) {
    const char *next = memchr (line, '\n', end - line);
    next = next == NULL ? end : next + 1;
    if (*line != ' ' && *line != '\t')
      keep = is_wanted (line);
    if (keep)
      g_string_append_len (text, line, next - line);
    line = next;
  }
  if (text->len > 0 && text->str[text->len - 1] != '\n')
    g_string_append_c (text, '\n');
  return g_string_free (text, FALSE);
}

GPtrArray *
apt_stanza_relation (const char *stanza, const char *field)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *value = apt_stanza_get (stanza, field);
  if (value == NULL)
    return names;
  g_auto (GStrv) parts = g_strsplit_set (value, ",|", -1);
  for (char **part = parts; *part != NULL; part++) {
    char *name = g_strstrip (*part);
    name[strcspn (name, " (:[<")] = '\0';
    if (*name != '\0')
      g_ptr_array_add (names, g_strdup (name));
  }
  return names;
}

gboolean
apt_names_contain (const char *const *names, const char *package)
{
  gsize length = strlen (package);
  for (; names != NULL && *names != NULL; names++)
    if (strcspn (*names, "=/:") == length && strncmp (*names, package, length) == 0)
      return TRUE;
  return FALSE;
}
