/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Whether a stage needs its boot files made anew: the one definition, which the worker is told. */
#include "build/engine.h"

#include <string.h>
#include <unistd.h>

/* What boot files are made of, in the distributions that we know; folders end in '/'. */
static const char *const loader_sources[] = {
    "/boot/", "/etc/default/grub", "/etc/default/grub.d/", "/etc/grub.d/", "/etc/kernel/", NULL,
};
static const char *const initramfs_sources[] = {
    "/etc/dracut.conf",        "/etc/dracut.conf.d/", "/etc/initramfs-tools/", "/etc/mkinitcpio.conf",
    "/etc/mkinitcpio.conf.d/", "/etc/mkinitcpio.d/",  "/etc/modprobe.d/",      NULL,
};

static gboolean
is_source (const char *path, const char *source)
{
  gsize length = strlen (source);
  if (source[length - 1] == '/')
    return strncmp (path, source, length) == 0;
  return strcmp (path, source) == 0;
}

/* A folder of the build host that is placed above the source may hold it. */
static gboolean
holds_source (const VfSpecFile *file, const char *source)
{
  gsize length = strcmp (file->to, "/") == 0 ? 0 : strlen (file->to);
  if (file->from == NULL || strncmp (source, file->to, length) != 0 || source[length] != '/')
    return FALSE;
  g_autofree char *inner = g_strconcat (file->from, source + length, NULL);
  return access (inner, F_OK) == 0; /* for to = /boot this is the folder itself */
}

static gboolean
is_one_of (const VfSpecFile *file, const char *const *sources)
{
  for (; *sources != NULL; sources++)
    if (is_source (file->to, *sources) || holds_source (file, *sources))
      return TRUE;
  return FALSE;
}

gboolean
vf_engine_file_is_for_boot (const VfSpecFile *file)
{
  return is_one_of (file, loader_sources) || is_one_of (file, initramfs_sources);
}

gboolean
vf_engine_needs_initramfs (const VfPlanStage *stage)
{
  GPtrArray *files = stage->spec->stages[stage->kind].files;
  for (guint i = 0; i < files->len; i++)
    if (is_one_of (g_ptr_array_index (files, i), initramfs_sources))
      return TRUE;
  return FALSE;
}

gboolean
vf_engine_needs_boot (const VfPlanStage *stage)
{
  char **extra = stage->spec->kernel_arguments;
  GPtrArray *files = stage->spec->stages[stage->kind].files;
  /* A package may bring another kernel or boot loader, or take one away. */
  if (stage->kind == VMFORGE_STAGE_CORE || stage->packages->len > 0)
    return TRUE;
  if (stage->kind == VMFORGE_STAGE_APPLIANCE && extra != NULL && extra[0] != NULL)
    return TRUE;
  for (guint i = 0; i < files->len; i++)
    if (vf_engine_file_is_for_boot (g_ptr_array_index (files, i)))
      return TRUE;
  return FALSE;
}
