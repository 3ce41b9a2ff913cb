/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/cli.h"

#include "cli/table.h"
#include "repository/repository.h"
#include "repository/sbom.h"
#include "support/error.h"
#include "support/fs.h"
#include "support/units.h"

#include <string.h>

static struct {
  gboolean all, any;
  char *format;
} given;

static const GOptionEntry list_entries[] = {
    {"all", 'a', 0, G_OPTION_ARG_NONE, &given.all, "List older images of a name too", NULL},
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry path_entries[] = {
    {"format", 'f', 0, G_OPTION_ARG_STRING, &given.format, "Of which format: raw (default) or qcow2",
     "FORMAT"},
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry rm_entries[] = {
    {"all", 'a', 0, G_OPTION_ARG_NONE, &given.any, "Remove the older images of the name too", NULL},
    G_OPTION_ENTRY_NULL,
};

static VfJson *
image_to_json (const VfImage *image)
{
  VfJson *json = json_object_new_object ();
  vf_json_set (json, "name", vf_cli_json_text (image->name));
  vf_json_set (json, "version", vf_cli_json_text (image->version));
  vf_json_set (json, "arch", vf_cli_json_text (image->arch));
  vf_json_set (json, "digest", vf_cli_json_text (image->digest));
  vf_json_set_string (json, "stage", image->key);
  vf_json_set_string (json, "storage", image->storage);
  vf_json_set (json, "volume", vf_cli_json_text (image->volume));
  vf_json_set_int (json, "bytes", (gint64)image->bytes);
  vf_json_set_int (json, "created", image->created);
  vf_json_set_bool (json, "current", image->current);
  if (image->tags != NULL)
    vf_json_set (json, "tags", vf_json_from_strv ((const char *const *)image->tags));
  return json;
}

static void
add_row (VfTable *table, const VfImage *image)
{
  g_autofree char *size = vf_units_format_size (image->bytes);
  g_autofree char *key = g_strndup (image->key, 12);
  g_autofree char *created = vf_cli_format_time (image->created);
  g_autofree char *tags = image->tags == NULL ? g_strdup ("") : g_strjoinv (", ", image->tags);
  g_autofree char *digest = g_strdup_printf ("%.12s%s%s%s", image->digest, image->current ? "" : " (older)",
                                             *tags == '\0' ? "" : " ", tags);
  vf_table_add (table, image->name, image->version, image->arch, size, key, created, digest);
}

static gboolean
run_list (VfCli *cli, char **arguments, GError **error)
{
  static const char *const heading[] = {"NAME",  "VERSION", "ARCH",   ">SIZE",
                                        "STAGE", "CREATED", "DIGEST", NULL};
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autoptr (GPtrArray) images = store == NULL ? NULL : vf_store_list_images (store, error);
  if (images == NULL)
    return FALSE;
  g_autoptr (VfTable) table = vf_table_new (heading);
  VfJson *list = json_object_new_array ();
  for (guint i = 0; i < images->len; i++) {
    const VfImage *image = images->pdata[i];
    gboolean tagged = image->tags != NULL && image->tags[0] != NULL;
    if (!image->current && !tagged && !given.all)
      continue;
    add_row (table, image);
    json_object_array_add (list, image_to_json (image));
  }
  vf_cli_print_list (cli, table, list);
  return TRUE;
}

static void
print_facts (const VfImage *image)
{
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, image->bytes);
  g_autofree char *created = g_strdup_printf ("%" G_GINT64_FORMAT, image->created);
  VfJson *packages = image->manifest == NULL ? NULL : vf_json_array (image->manifest, "packages");
  g_autofree char *count =
      g_strdup_printf ("%zu", packages == NULL ? 0 : json_object_array_length (packages));
  vf_cli_print_fact ("name", image->name);
  vf_cli_print_fact ("version", image->version);
  vf_cli_print_fact ("arch", image->arch);
  vf_cli_print_fact ("digest", image->digest);
  vf_cli_print_fact ("current", image->current ? "true" : "false");
  g_autofree char *tags = image->tags == NULL ? NULL : g_strjoinv (", ", image->tags);
  vf_cli_print_fact ("tags", tags);
  vf_cli_print_fact ("stage", image->key);
  vf_cli_print_fact ("storage", image->storage);
  vf_cli_print_fact ("volume", image->volume);
  vf_cli_print_fact ("bytes", bytes);
  vf_cli_print_fact ("created", created);
  if (image->manifest != NULL)
    vf_cli_print_fact ("packages", count);
}

static gboolean
run_show (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autoptr (VfImage) image = store == NULL ? NULL : vf_store_find_image (store, arguments[0], error);
  if (image == NULL)
    return FALSE;
  if (!cli->json) {
    print_facts (image);
    return TRUE;
  }
  VfJson *json = image_to_json (image);
  vf_json_set (json, "manifest", json_object_get (image->manifest));
  vf_cli_print_json (json);
  return TRUE;
}

/* Formats beside raw lie in the store once a build has made them. */
static gboolean
print_export (VmforgeStore *store, const VfImage *image, const char *format, const char *word, GError **error)
{
  g_autofree char *name =
      image->digest == NULL || image->volume == NULL ? NULL : vf_store_export_name (image, format);
  if (name == NULL || !vf_fs_exists (store->fd, name))
    return vf_error_set (
        error, VMFORGE_ERROR_NOT_FOUND,
        "'%s' is not there as %s: write it with 'vmforge export %s --format %s --output PATH'", word, format,
        word, format);
  printf ("%s/%s\n", store->path, name);
  return TRUE;
}

static gboolean
print_volume (VfCli *cli, VmforgeStore *store, const VfImage *image, GError **error)
{
  g_autofree char *path = NULL;
  if (!vf_image_check_volume (store, image, error) ||
      !vf_storage_map (store->storage, image->volume, TRUE, &path, error))
    return FALSE;
  puts (path);
  return TRUE;
}

static gboolean
run_path (VfCli *cli, char **arguments, GError **error)
{
  gboolean raw = given.format == NULL || g_str_equal (given.format, "raw");
  if (!vf_cli_check_format (given.format, "vmforge images path", error))
    return FALSE;
  if (raw && !vf_cli_need_store (cli, "asking storage for a path", error))
    return FALSE;
  g_autoptr (VmforgeStore) store =
      raw ? vf_cli_open_existing_store (cli, error) : vf_cli_open_store_plain (cli, error);
  g_autoptr (VfImage) image = store == NULL ? NULL : vf_store_find_image (store, arguments[0], error);
  if (image == NULL)
    return FALSE;
  return raw ? print_volume (cli, store, image, error)
             : print_export (store, image, given.format, arguments[0], error);
}

static gboolean
run_sbom (VfCli *cli, char **arguments, GError **error)
{
  g_autoptr (VmforgeStore) store = vf_cli_open_store_plain (cli, error);
  g_autoptr (VfImage) image = store == NULL ? NULL : vf_store_find_image (store, arguments[0], error);
  if (image == NULL)
    return FALSE;
  if (image->manifest == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "'%s' is a stage: only images that have a name have a bill of materials",
                         arguments[0]);
  g_autofree char *sbom = vf_sbom_make (image->manifest, error);
  if (sbom == NULL) {
    g_prefix_error (error, "image '%s': ", arguments[0]);
    return FALSE;
  }
  puts (sbom);
  return TRUE;
}

static gboolean
remove_one (VmforgeStore *store, const char *word, GError **error)
{
  g_autoptr (VfImage) image = vf_store_find_image (store, word, error);
  if (image == NULL)
    return FALSE;
  if (image->name == NULL)
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' is a stage: remove it with 'vmforge stages rm %s'",
                         word, word);
  vf_repository_expect (store);
  return given.any ? vf_store_remove_name (store, image, error) : vf_store_remove_image (store, image, error);
}

static gboolean
run_rm (VfCli *cli, char **arguments, GError **error)
{
  return vf_cli_change_each (cli, arguments, "removing an image", remove_one, vf_cli_update_repository,
                             error);
}

/* The first word is the image, the others are tags. */
static gboolean
change_tags (VfCli *cli, char **arguments,
             gboolean (*change) (VmforgeStore *store, const VfImage *image, const char *tag, GError **error),
             GError **error)
{
  if (!vf_cli_need_store (cli, "changing an image", error))
    return FALSE;
  g_autoptr (VmforgeStore) store = NULL;
  g_autoptr (VfImage) image = vf_cli_take_image (cli, arguments[0], &store, error);
  if (image == NULL)
    return FALSE;
  for (char **tag = arguments + 1; *tag != NULL; tag++)
    if (!change (store, image, *tag, error))
      return FALSE;
  vf_cli_update_repository (store);
  return TRUE;
}

static gboolean
run_tag (VfCli *cli, char **arguments, GError **error)
{
  return change_tags (cli, arguments, vf_store_tag_image, error);
}

static gboolean
run_untag (VfCli *cli, char **arguments, GError **error)
{
  return change_tags (cli, arguments, vf_store_untag_image, error);
}

static const char image_words[] = "IMAGE is NAME[:VERSION][@ARCH], a digest or a stage key.";

static const VfCommand children[] = {
    {.name = "list",
     .arguments = "",
     .summary = "List the images of the store",
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .entries = list_entries,
     .run = run_list},
    {.name = "show",
     .arguments = "IMAGE",
     .summary = "Print the facts of an image",
     .details = image_words,
     .options = VF_CLI_STORE | VF_CLI_JSON,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_show},
    {.name = "path",
     .arguments = "IMAGE",
     .summary = "Print where an image lies",
     .details =
         "IMAGE is NAME[:VERSION][@ARCH], a digest or a stage key. The file is sealed: read it, or copy it.",
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .entries = path_entries,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_path},
    {.name = "tag",
     .arguments = "IMAGE TAG...",
     .summary = "Give an image another word for its version; it is kept while it has one",
     .details =
         "IMAGE:TAG is the image from then on; a tag that another image of the name had is taken from it.",
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .min_arguments = 2,
     .max_arguments = G_MAXUINT,
     .run = run_tag},
    {.name = "untag",
     .arguments = "IMAGE TAG...",
     .summary = "Take tags from an image",
     .details = image_words,
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .min_arguments = 2,
     .max_arguments = G_MAXUINT,
     .run = run_untag},
    {.name = "sbom",
     .arguments = "IMAGE",
     .summary = "Print the software bill of materials of an image",
     .details = "IMAGE is NAME[:VERSION][@ARCH] or a digest. SPDX 2.3 as JSON: the same bytes every time.",
     .options = VF_CLI_STORE,
     .min_arguments = 1,
     .max_arguments = 1,
     .run = run_sbom},
    {.name = "rm",
     .arguments = "IMAGE...",
     .summary = "Remove images; their stages stay",
     .details = image_words,
     .options = VF_CLI_STORE | VF_CLI_STORAGE,
     .entries = rm_entries,
     .min_arguments = 1,
     .max_arguments = G_MAXUINT,
     .run = run_rm},
    {NULL},
};

const VfCommand vf_command_images = {
    .name = "images", .summary = "List, show, locate and remove images", .children = children};
