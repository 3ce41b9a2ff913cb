/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cmd-diff.h"

#define COMMAND "vmforge diff"

static struct {
  gboolean tree, matrix, rehearse;
  char *store_b;
} given;

static const GOptionEntry entries[] = {
    {"tree", 't', 0, G_OPTION_ARG_NONE, &given.tree, "Compare file by file", NULL},
    {"matrix", 'm', 0, G_OPTION_ARG_NONE, &given.matrix, "Compare blocks of all images with each other",
     NULL},
    {"rehearse", 'r', 0, G_OPTION_ARG_NONE, &given.rehearse, "Try what sending B takes, to the byte", NULL},
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
diff_tree (VfCli *cli, const VfDiffSide *a, const VfDiffSide *b, GError **error)
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

char *
vf_diff_label (const VfImage *image)
{
  return image->name == NULL ? g_strdup_printf ("stage %.12s", image->key)
                             : g_strdup_printf ("%s:%s@%s", image->name, image->version, image->arch);
}

double
vf_diff_percent (guint64 some, guint64 all)
{
  return all == 0 ? 100 : 100 * (double)some / (double)all;
}

/* Indexes lie in the store; files are reached through its storage alone. */
static VmforgeStore *
open_store (VfCli *cli, GError **error)
{
  if (given.tree || given.rehearse || cli->storage != NULL)
    return vf_cli_need_store (cli, "comparing images", error) ? vf_cli_open_existing_store (cli, error) : NULL;
  return vf_cli_open_store_plain (cli, error);
}

static VmforgeStore *
open_store_b (VfCli *cli, GError **error)
{
  if (!given.tree && !given.rehearse && cli->storage == NULL)
    return vf_store_open_plain (given.store_b, error);
  VmforgeStore *store = vmforge_store_open (given.store_b, cli->storage, error);
  if (store != NULL)
    store->host.cancellable = cli->cancellable;
  return store;
}

static gboolean
check_usage (char **arguments, GError **error)
{
  guint n = g_strv_length (arguments);
  if (given.matrix && (given.tree || given.store_b != NULL))
    return vf_cli_usage_error (error, COMMAND, "--matrix is of blocks in one store: leave out %s",
                               given.tree ? "--tree" : "--store-b");
  if (given.rehearse && (given.matrix || given.tree))
    return vf_cli_usage_error (error, COMMAND, "--rehearse is of blocks of two images: leave out %s",
                               given.tree ? "--tree" : "--matrix");
  if (given.store_b != NULL && *given.store_b == '\0')
    return vf_cli_usage_error (error, COMMAND, "--store-b names a folder, not ''");
  if (!given.matrix && n < 2)
    return vf_cli_usage_error (error, COMMAND, "'" COMMAND "' needs A B");
  if (!given.matrix && n > 2)
    return vf_cli_usage_error (error, COMMAND, "unexpected argument '%s'", arguments[2]);
  return TRUE;
}

static gboolean
run_two (VfCli *cli, VmforgeStore *store, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) other = given.store_b == NULL ? NULL : open_store_b (cli, error);
  if (other == NULL && given.store_b != NULL)
    return FALSE;
  VmforgeStore *store_b = other == NULL ? store : other;
  g_autoptr (VfImage) a = vf_store_find_image (store, arguments[0], error);
  g_autoptr (VfImage) b = a == NULL ? NULL : vf_store_find_image (store_b, arguments[1], error);
  const VfDiffSide side_a = {store, a}, side_b = {store_b, b};
  if (b == NULL)
    return FALSE;
  return given.tree ? diff_tree (cli, &side_a, &side_b, error)
                    : vf_diff_blocks (cli, &side_a, &side_b, given.rehearse, error);
}

static gboolean
run (VfCli *cli, char **arguments, GError **error)
{
  if (!check_usage (arguments, error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  g_autoptr (VmforgeStore) store = open_store (cli, error);
  if (store == NULL)
    return FALSE;
  return given.matrix ? vf_diff_matrix (cli, store, arguments, error)
                      : run_two (cli, store, arguments, error);
}

const VfCommand vf_command_diff = {
    .name = "diff",
    .arguments = "A B",
    .summary = "Show what two images or stages have in common, or differ in",
    .details =
        "A and B are NAME[:VERSION][@ARCH], a digest or a stage key. Without an option it tells how many\n"
        "blocks they share, and what B takes that is sent to a store which has A. With --tree nothing is\n"
        "printed where they are equal; the exit status is 1 where they differ. With --matrix any number\n"
        "of images may be named.",
    .options = VF_CLI_STORE | VF_CLI_STORAGE | VF_CLI_JSON,
    .entries = entries,
    .max_arguments = G_MAXUINT,
    .run = run,
};
