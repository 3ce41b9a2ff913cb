/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Writing lock files: the same content gives the same bytes, whoever writes it. */
#include "spec/lockfile.h"

#include "support/error.h"
#include "support/fs.h"
#include "support/json.h"

#include <string.h>

/* JSON that is YAML too: what YAML takes for the end of a line, or does not take at all, is escaped. */
static void
append_text (GString *text, const char *value)
{
  g_autoptr (VfJson) json = json_object_new_string (value);
  g_autofree char *quoted = vf_json_canonical (json);
  for (const char *at = quoted; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);
    gboolean ends_line = c == 0x2028 || c == 0x2029;
    if (ends_line || (c >= 0x7f && c < 0x10000 && !g_unichar_isprint (c)))
      g_string_append_printf (text, "\\u%04x", c);
    else
      g_string_append_unichar (text, c);
  }
}

/* ", "name": "value"", without the comma after an opening brace. */
static void
append_member (GString *text, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (text, "%s\"%s\": ", text->str[text->len - 1] == '{' ? "" : ", ", name);
  append_text (text, value);
}

static void
append_words (GString *text, const char *name, char **words)
{
  g_string_append_printf (text, "      \"%s\": [", name);
  for (char **word = words; word != NULL && *word != NULL; word++) {
    g_string_append (text, word == words ? "\n        " : ",\n        ");
    append_text (text, *word);
  }
  g_string_append (text, words == NULL || *words == NULL ? "],\n" : "\n      ],\n");
}

/* What people compare comes first, what only the plugin reads last. */
static void
append_package (GString *text, const VfLockedPackage *package)
{
  g_string_append_c (text, '{');
  if (strcmp (package->id, package->name) != 0)
    append_member (text, "id", package->id);
  append_member (text, "name", package->name);
  append_member (text, "version", package->version);
  append_member (text, "arch", package->arch);
  if (package->remove)
    g_string_append (text, ", \"remove\": true");
  else
    g_string_append_printf (text, ", \"size\": %" G_GUINT64_FORMAT, package->size);
  append_member (text, "sha256", package->digest);
  append_member (text, "url", package->url);
  if (!package->remove)
    g_string_append_printf (text, ", \"installed_size\": %" G_GUINT64_FORMAT, package->installed_size);
  append_member (text, "data", package->data);
  g_string_append_c (text, '}');
}

static void
append_stage (GString *text, VmforgeStageKind kind, const VfLockedStage *stage)
{
  g_string_append_printf (text, "    \"%s\": {\n", vmforge_stage_name (kind));
  append_words (text, "install", stage->install);
  append_words (text, "remove", stage->remove);
  g_string_append (text, "      \"sources\": ");
  append_text (text, stage->sources);
  g_string_append (text, ",\n      \"packages\": [");
  for (guint i = 0; i < stage->packages->len; i++) {
    g_string_append (text, i == 0 ? "\n        " : ",\n        ");
    append_package (text, g_ptr_array_index (stage->packages, i));
  }
  g_string_append (text, stage->packages->len == 0 ? "]\n" : "\n      ]\n");
  g_string_append (text, kind + 1 == VMFORGE_N_STAGES ? "    }\n" : "    },\n");
}

static char *
write_text (const VfLockfile *lock, const char *checksum)
{
  GString *text = g_string_new ("{\n  \"lock\": 1,\n");
  if (checksum != NULL)
    g_string_append_printf (text, "  \"checksum\": \"%s\",\n", checksum);
  g_string_append (text, "  \"date\": ");
  g_autoptr (GDateTime) date = lock->date == 0 ? NULL : g_date_time_new_from_unix_utc (lock->date);
  g_autofree char *words = date == NULL ? NULL : g_date_time_format (date, "\"%Y-%m-%dT%H:%M:%SZ\"");
  g_string_append_printf (text, "%s,\n  \"distro\": {", words == NULL ? "null" : words);
  append_member (text, "id", lock->distro);
  append_member (text, "release", lock->release);
  append_member (text, "arch", lock->arch);
  g_string_append (text, "},\n  \"stages\": {\n");
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    append_stage (text, i, &lock->stages[i]);
  g_string_append (text, "  }\n}\n");
  return g_string_free (text, FALSE);
}

char *
vf_lockfile_to_text (const VfLockfile *lock)
{
  g_autofree char *text = write_text (lock, NULL);
  g_autoptr (VfNode) root = vf_node_parse (text, strlen (text), lock->path, NULL);
  g_autofree char *checksum = root == NULL ? NULL : vf_lockfile_checksum (root);
  return write_text (lock, checksum);
}

gboolean
vf_lockfile_write (const VfLockfile *lock, GError **error)
{
  g_autofree char *text = vf_lockfile_to_text (lock);
  /* A lock that the next build would refuse must not take the place of one that it would not. */
  g_autoptr (VfLockfile) same = vf_lockfile_parse (text, strlen (text), lock->path, error);
  if (same == NULL) {
    g_prefix_error (error, "the lock cannot be written in a form that can be read again: ");
    return FALSE;
  }
  return vf_fs_write (-1, lock->path, text, strlen (text), 0644, error);
}
