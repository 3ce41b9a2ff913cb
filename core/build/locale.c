/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/system.h"

#include "support/error.h"

#include <string.h>

/* `locale -a` writes de_DE.utf8 where users write de_DE.UTF-8. */
static char *
normalise (const char *locale)
{
  GString *text = g_string_new (NULL);
  for (; *locale; locale++)
    if (*locale != '-')
      g_string_append_c (text, g_ascii_tolower (*locale));
  return g_string_free (text, FALSE);
}

static gboolean
has_locale (VfWork *work, const char *locale)
{
  const char *const argv[] = {"locale", "-a", NULL};
  g_autofree char *output = vf_sandbox_capture (&work->sandbox, argv, NULL);
  g_auto (GStrv) lines = g_strsplit (output ? output : "", "\n", -1);
  g_autofree char *wanted = normalise (locale);
  for (guint i = 0; lines[i]; i++) {
    g_autofree char *found = normalise (lines[i]);
    if (strcmp (found, wanted) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
generate (VfWork *work, const char *locale, GError **error)
{
  if (!vf_rootfs_exists (work->root, "/usr/sbin/locale-gen"))
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "the image has neither the locale '%s' nor locale-gen: add the package that brings it "
        "(Debian: locales)",
        locale);
  g_autofree char *list = vf_rootfs_read_if_any (work->root, "/etc/locale.gen", "", error);
  if (!list)
    return FALSE;
  const char *dot = strchr (locale, '.');
  g_autofree char *charset = dot ? g_strndup (dot + 1, strcspn (dot + 1, "@")) : g_strdup ("ISO-8859-1");
  g_autofree char *text = g_strdup_printf ("%s%s %s\n", list, locale, charset);
  const char *const argv[] = {"locale-gen", NULL};
  if (!vf_rootfs_write_text (work->root, "/etc/locale.gen", text, error) ||
      !vf_sandbox_call (&work->sandbox, argv, NULL, error))
    return FALSE;
  return has_locale (work, locale) ||
         vf_error_set (error, VMFORGE_ERROR_SPEC, "there is no locale '%s'", locale);
}

static gboolean
is_debian (const VfWork *work)
{
  return vf_rootfs_exists (work->root, "/etc/debian_version");
}

gboolean
vf_system_locale (VfWork *work, const char *locale, GError **error)
{
  g_autofree char *plain = normalise (locale);
  g_autofree char *text = g_strdup_printf ("LANG=%s\n", locale);
  /* The C library brings these two itself. */
  if (strcmp (plain, "c.utf8") != 0 && strcmp (plain, "c") != 0 && !has_locale (work, locale) &&
      !generate (work, locale, error))
    return FALSE;
  /* Older Debians read /etc/default/locale alone, newer ones make it this very link. */
  return vf_rootfs_write_text (work->root, "/etc/locale.conf", text, error) &&
         (!is_debian (work) ||
          vf_rootfs_symlink (work->root, "/etc/default/locale", "../locale.conf", 0, 0, error));
}

gboolean
vf_system_timezone (VfWork *work, const char *zone, GError **error)
{
  g_autofree char *file = g_strconcat ("/usr/share/zoneinfo/", zone, NULL);
  g_autofree char *line = g_strconcat (zone, "\n", NULL);
  if (!vf_rootfs_exists (work->root, file)) {
    if (strcmp (zone, "UTC") == 0 || strcmp (zone, "Etc/UTC") == 0)
      return vf_rootfs_remove (work->root, "/etc/localtime", error); /* absent means UTC */
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "the image has no time zone '%s': check its name, and that the package tzdata is installed", zone);
  }
  return vf_rootfs_symlink (work->root, "/etc/localtime", file, 0, 0, error) &&
         (!is_debian (work) || vf_rootfs_write_text (work->root, "/etc/timezone", line, error));
}
