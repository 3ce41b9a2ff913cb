/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "image/diff.h"
#include "support/error.h"

#define COMMAND "vmforge diff"

static struct {
  gboolean tree;
  char *store_b;
} given;

static const GOptionEntry entries[] = {
    {"tree", 't', 0, G_OPTION_ARG_NONE, &given.tree, "Compare file by file", NULL},
    {"store-b", 0, 0, G_OPTION_ARG_FILENAME, &given.store_b, "State folder of B (default: that of A)", "DIR"},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
  guint64 count;
  VfJson *list; /* NULL: lines */
} Output;

/* A name may hold whatever bytes: one difference stays one line. Free the result. */
static char *
quote (const char *text)
{
  gboolean plain = g_utf8_validate (text, -1, NULL);
  for (const char *c = text; plain && *c != '\0'; c++)
    plain = !g_ascii_iscntrl (*c) && *c != '\\';
  return plain ? g_strdup (text) : g_strescape (text, NULL);
}

static void
print_line (const VfDifference *difference, const char *path, const char *a, const char *b)
{
  if (g_str_equal (difference->what, "path"))
    printf ("%s: only in the %s (%s)\n", path, a != NULL ? "first" : "second", a != NULL ? a : b);
  else if (difference->offset < 0)
    printf ("%s: %s %s, %s\n", path, difference->what, a == NULL ? "none" : a, b == NULL ? "none" : b);
  else if (a == NULL)
    printf ("%s: content from byte %" G_GINT64_FORMAT " on\n", path, difference->offset);
  else
    printf ("%s: content from byte %" G_GINT64_FORMAT " on (%s, %s)\n", path, difference->offset, a, b);
}

static void
on_difference (const VfDifference *difference, gpointer user_data)
{
  Output *output = user_data;
  g_autofree char *path = quote (difference->path), *what = quote (difference->what);
  g_autofree char *a = difference->a == NULL ? NULL : quote (difference->a);
  g_autofree char *b = difference->b == NULL ? NULL : quote (difference->b);
  VfDifference quoted = *difference;
  quoted.what = what;
  output->count++;
  if (output->list == NULL) {
    print_line (&quoted, path, a, b);
    return;
  }
  VfJson *item = json_object_new_object ();
  vf_json_set_string (item, "path", path);
  vf_json_set_string (item, "what", what);
  vf_json_set (item, "a", vf_cli_json_text (a));
  vf_json_set (item, "b", vf_cli_json_text (b));
  if (difference->offset >= 0)
    vf_json_set_int (item, "offset", difference->offset);
  json_object_array_add (output->list, item);
}

static gboolean
compare (VfCli *cli, const VfDiffSide *a, const VfDiffSide *b, GError **error)
{
  g_autoptr (VfJson) list = cli->json ? json_object_new_array () : NULL;
  Output output = {.list = list};
  if (!vf_image_diff_tree (a, b, on_difference, &output, cli->cancellable, error))
    return FALSE;
  if (cli->json)
    vf_cli_print_json (g_steal_pointer (&list));
  cli->status = output.count > 0 ? 1 : 0;
  return TRUE;
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (!given.tree)
    return vf_cli_usage_error (error, COMMAND, "'" COMMAND "' compares file by file alone: add --tree");
  if (given.store_b != NULL && *given.store_b == '\0')
    return vf_cli_usage_error (error, COMMAND, "--store-b names a folder, not ''");
  if (!vf_cli_need_root ("comparing images", error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  g_autoptr (VmforgeStore) store = vf_cli_open_existing_store (cli, error);
  g_autoptr (VmforgeStore) other =
      store == NULL || given.store_b == NULL ? NULL : vmforge_store_open (given.store_b, cli->storage, error);
  if (store == NULL || (other == NULL && given.store_b != NULL))
    return FALSE;
  VmforgeStore *store_b = other == NULL ? store : other;
  store_b->host.cancellable = cli->cancellable;
  g_autoptr (VfImage) a = vf_store_find_image (store, arguments[0], error);
  g_autoptr (VfImage) b = a == NULL ? NULL : vf_store_find_image (store_b, arguments[1], error);
  const VfDiffSide side_a = {store, a}, side_b = {store_b, b};
  return b != NULL && compare (cli, &side_a, &side_b, error);
}

const VfCommand vf_command_diff = {
    .name = "diff",
    .arguments = "A B",
    .summary = "Show what two images or stages differ in",
    .details =
        "A and B are NAME[:VERSION][@ARCH], a digest or a stage key. Nothing is printed where they are "
        "equal;\nthe exit status is 1 where they differ.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON,
    .entries = entries,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run,
};
