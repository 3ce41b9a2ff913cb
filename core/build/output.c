/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* From the last stage to an image that has a name, and to the formats that were asked for. */
#include "build/engine.h"

#include "build/manifest.h"
#include "build/output.h"
#include "image/image.h"
#include "repository/repository.h"
#include "support/error.h"
#include "support/fs.h"
#include "transfer/share.h"

static void
on_export_progress (double fraction, const char *what, gpointer user_data)
{
  vf_engine_emit (user_data, (VmforgeEvent){.type = VMFORGE_EVENT_PROGRESS,
                                            .state = VMFORGE_STATE_BUILT,
                                            .fraction = fraction,
                                            .message = what});
}

static void
emit_image (VfEngine *engine, const VfImage *image, const char *path)
{
  g_autofree char *name = g_strdup_printf ("%s:%s@%s", image->name, image->version, image->arch);
  vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_IMAGE,
                                         .state = VMFORGE_STATE_BUILT,
                                         .fraction = 1,
                                         .message = image->digest,
                                         .image = name,
                                         .path = path});
}

static gboolean
export_to (VfEngine *engine, const VfImage *image, const char *format, const char *path, GError **error)
{
  if (!vf_image_export (engine->store, image, format, path, on_export_progress, engine, engine->cancellable,
                        error)) {
    g_prefix_error (error, "cannot write '%s' as %s: ", path, format);
    return FALSE;
  }
  emit_image (engine, image, path);
  return TRUE;
}

/* Formats beside raw are kept in the store. */
static gboolean
keep_format (VfEngine *engine, const VfImage *image, const char *format, GError **error)
{
  if (g_str_equal (format, "raw"))
    return TRUE;
  g_autofree char *name = vf_store_export_name (image, format);
  g_autofree char *path = g_build_filename (engine->store->path, name, NULL);
  if (vf_store_has_export (engine->store, name)) {
    emit_image (engine, image, path);
    return TRUE;
  }
  return vf_fs_mkdir_p (engine->store->fd, "exports", 0755, error) &&
         vf_store_forget_export (engine->store, name, error) &&
         export_to (engine, image, format, path, error) &&
         vf_store_record_export (engine->store, name, error);
}

/* NULL terminated. one: room for a single format. */
static const char *const *
choose_formats (const VmforgeSpec *spec, const VmforgeBuildOptions *options, const char *one[2])
{
  one[0] = options->format != NULL ? options->format : vf_image_format_of_name (options->output);
  one[1] = NULL;
  return one[0] != NULL ? one : (const char *const *)spec->formats;
}

/* What the image of a spec will be called; borrowed. */
static VfImage
name_image (const VmforgeSpec *spec, const VmforgeBuildOptions *options)
{
  VfImage image = {.name = spec->name, .version = spec->version, .arch = (char *)spec->profile->arch};
  if (options->has_until && options->until != VMFORGE_STAGE_APPLIANCE)
    image.version = (char *)vmforge_stage_name (options->until);
  return image;
}

gboolean
vf_output_check (const VmforgeSpec *spec, const VmforgeBuildOptions *options, GError **error)
{
  const char *one[2];
  const char *const *formats = choose_formats (spec, options, one);
  if (options->output == NULL)
    return TRUE;
  if (g_str_equal (options->output, "-"))
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "standard output tells of the build: build first, then `vmforge export IMAGE --output -`");
  if (formats[0] != NULL && formats[1] != NULL && !vf_image_output_is_folder (options->output))
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "'%s' would be written in several formats: name a folder, or choose one with --format",
        options->output);
  if (options->format == NULL && !vf_image_check_ending (options->output, error))
    return FALSE;
  VfImage image = name_image (spec, options);
  for (; *formats != NULL; formats++) {
    g_autofree char *path = vf_image_output_path (&image, *formats, options->output);
    if (!g_strv_contains (vf_image_formats (), *formats))
      return vf_error_set (error, VMFORGE_ERROR_SPEC, "unknown format '%s': raw or qcow2", *formats);
    if (!vf_image_check_output (path, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vf_output_check_apart (VmforgeSpec *const *specs, gsize n_specs, const VmforgeBuildOptions *options,
                       GError **error)
{
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (gsize i = 0; options->output != NULL && i < n_specs; i++) {
    const char *one[2];
    VfImage image = name_image (specs[i], options);
    for (const char *const *format = choose_formats (specs[i], options, one); *format != NULL; format++) {
      char *path = vf_image_output_path (&image, *format, options->output);
      const VmforgeSpec *other = g_hash_table_lookup (paths, path);
      if (other != NULL) {
        vf_error_set (error, VMFORGE_ERROR_SPEC, "'%s' and '%s' would both be written to '%s'", other->path,
                      specs[i]->path, path);
        g_free (path);
        return FALSE;
      }
      g_hash_table_insert (paths, path, specs[i]);
    }
  }
  return TRUE;
}

static gboolean
write_formats (VfEngine *engine, const VmforgeSpec *spec, const VfImage *image, GError **error)
{
  const VmforgeBuildOptions *options = engine->options;
  const char *one[2];
  /* --until: what has no name is written only where that was asked for. */
  if (options->output == NULL && image->digest == NULL)
    return TRUE;
  for (const char *const *formats = choose_formats (spec, options, one); *formats != NULL; formats++) {
    gboolean written;
    if (options->output != NULL) {
      g_autofree char *path = vf_image_output_path (image, *formats, options->output);
      written = export_to (engine, image, *formats, path, error);
    } else
      written = keep_format (engine, image, *formats, error);
    if (!written)
      return FALSE;
  }
  return TRUE;
}

/* For others to pull. The image is there, so what fails of this is a warning. */
static void
share (VfEngine *engine, const char *digest)
{
  g_autoptr (GError) failure = NULL;
  if (vf_repository_has (engine->store, digest) || vf_share_update (engine->store, FALSE, &failure))
    return;
  g_autofree char *text = g_strdup_printf ("%s (`vmforge repo refresh` tries again)", failure->message);
  vf_engine_emit (engine, (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = text});
}

gboolean
vf_engine_publish (VfEngine *engine, const VfPlan *plan, GError **error)
{
  const VfPlanStage *end = plan->stages[plan->n_stages - 1];
  g_autoptr (GError) failure = NULL;
  g_autoptr (VfStage) last = vf_store_find_stage (engine->store, end->key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (last == NULL)
    return vf_error_set (error, VMFORGE_ERROR_FAILED, "stage '%s' was removed before its image was published",
                         vmforge_stage_name (end->kind));
  const char *word = end->key;
  g_autofree char *digest = NULL;
  if (end->kind == VMFORGE_STAGE_APPLIANCE) {
    g_autoptr (VfJson) manifest = vf_manifest_make (plan, last);
    if (!vf_store_publish (engine->store, manifest, &digest, error))
      return FALSE;
    share (engine, digest);
    word = digest;
  }
  g_autoptr (VfImage) image = vf_store_find_image (engine->store, word, error);
  if (image == NULL)
    return FALSE;
  if (image->name == NULL) { /* --until: a stage is an image without a name; it is written only where asked */
    image->name = g_strdup (plan->spec->name);
    image->version = g_strdup (vmforge_stage_name (end->kind));
    image->arch = g_strdup (plan->spec->profile->arch);
  } else {
    g_autofree char *path = NULL;
    if (!vf_storage_map (engine->store->storage, image->volume, TRUE, &path, error))
      return FALSE;
    emit_image (engine, image, path);
    if (!vf_storage_unmap (engine->store->storage, image->volume, error))
      return FALSE;
  }
  return write_formats (engine, plan->spec, image, error);
}
