/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec-private.h"

#include "support/units.h"

#include <string.h>

#define MIB      (G_GUINT64_CONSTANT (1024) * 1024)
#define SMALLEST (256 * MIB)
#define LARGEST  (8 * 1024 * 1024 * MIB)

static gboolean
read_size (const VfNode *node, const char *where, guint64 *bytes, GError **error)
{
  *bytes = 0;
  if (node == NULL)
    return TRUE;
  if (!vf_units_parse_size (node->text, bytes))
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                          "'size' in %s is no size: '%s' (write one such as 4GiB)", where, node->text);
  if (*bytes < SMALLEST && node->text[strspn (node->text, "0123456789")] == '\0')
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                          "'size' in %s has no unit: '%s' would be bytes (write %sGiB or %sMiB)", where,
                          node->text, node->text, node->text);
  if (*bytes < SMALLEST || *bytes > LARGEST)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                          "'size' in %s must be from 256MiB to 8TiB, but is '%s'", where, node->text);
  if (*bytes % MIB != 0)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "'size' in %s must be whole MiB, but is '%s'",
                          where, node->text);
  return TRUE;
}

/* A volume starts as a copy of the one below and never shrinks. */
static gboolean
check_growing (const VmforgeSpec *spec, const guint64 sizes[], GError **error)
{
  for (guint i = VMFORGE_STAGE_BASE; i < VMFORGE_STAGE_APPLIANCE; i++) {
    const VfSpecStage *stage = &spec->stages[i];
    if (stage->size == 0 || stage->size >= sizes[i - 1])
      continue;
    g_autofree char *below = vf_units_format_size (sizes[i - 1]);
    const char *name = vmforge_stage_name ((VmforgeStageKind)i);
    const char *name_below = vmforge_stage_name ((VmforgeStageKind)(i - 1));
    return vf_node_error (
        vf_node_get (stage->node, "size"), VMFORGE_ERROR_SPEC, error,
        "'size' in stage '%s' is less than the %s of stage '%s' below it: raise %s.size or lower "
        "%s.size",
        name, below, name_below, name, name_below);
  }
  return TRUE;
}

static gboolean
check_disk (const VmforgeSpec *spec, const guint64 sizes[], const VfNode *node, GError **error)
{
  g_autoptr (GString) stages = g_string_new (NULL);
  guint64 largest = 0;
  for (guint i = 0; i < VMFORGE_STAGE_APPLIANCE; i++) {
    if (sizes[i] <= spec->disk_size)
      continue;
    g_string_append_printf (stages, "%s%s.size", stages->len == 0 ? "" : ", ", vmforge_stage_name (i));
    largest = MAX (largest, sizes[i]);
  }
  if (largest == 0)
    return TRUE;
  g_autofree char *needed = vf_units_format_size (largest);
  return vf_node_error (
      node, VMFORGE_ERROR_SPEC, error,
      "'size' in 'disk' is '%s', less than the %s of the stages below: raise disk.size, or set a smaller %s",
      node->text, needed, stages->str);
}

gboolean
vf_spec_read_sizes (const VfSpecLoader *loader, GError **error)
{
  VmforgeSpec *spec = loader->spec;
  const VfNode *disk = vf_node_get (vf_node_get (spec->root, "disk"), "size");
  guint64 sizes[VMFORGE_STAGE_APPLIANCE];
  for (guint i = 0; i < VMFORGE_STAGE_APPLIANCE; i++) {
    VfSpecStage *stage = &spec->stages[i];
    g_autofree char *where = g_strdup_printf ("stage '%s'", vmforge_stage_name (i));
    if (!read_size (vf_node_get (stage->node, "size"), where, &stage->size, error))
      return FALSE;
    sizes[i] = MAX (stage->size != 0 ? stage->size : spec->profile->nominal_size, i == 0 ? 0 : sizes[i - 1]);
  }
  if (!read_size (disk, "'disk'", &spec->disk_size, error) || !check_growing (spec, sizes, error))
    return FALSE;
  if (disk != NULL)
    return check_disk (spec, sizes, disk, error);
  spec->disk_size = spec->profile->nominal_size;
  for (guint i = 0; i < VMFORGE_STAGE_APPLIANCE; i++)
    spec->disk_size = MAX (spec->disk_size, sizes[i]);
  return TRUE;
}
