/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* URLs of archives: what is told, and written into lock files, is below the profile's `mirror`, whichever
 * mirror a build uses. */
#include "yum.h"

/* What follows a base in a URL, without the slash between them; NULL: it is elsewhere. */
static const char *
rest_of (const char *url, const char *base)
{
  gsize length = base == NULL ? 0 : strlen (base);
  while (length > 0 && base[length - 1] == '/')
    length--;
  if (length == 0 || strncmp (url, base, length) != 0 || url[length] != '/')
    return NULL;
  return url + length + 1;
}

static char *
join (const char *base, const char *rest)
{
  return g_strconcat (base, g_str_has_suffix (base, "/") ? "" : "/", rest, NULL);
}

char *
yum_public_url (const Yum *yum, const char *url)
{
  const char *own = yum_setting_text (yum, "mirror", NULL);
  for (char **mirror = yum->mirrors; own != NULL && mirror != NULL && *mirror != NULL; mirror++) {
    const char *rest = rest_of (url, *mirror);
    if (rest != NULL)
      return join (own, rest);
  }
  return g_strdup (url);
}

char *
yum_fetch_url (const Yum *yum, const char *url, guint number)
{
  const char *rest = yum->mirrors == NULL ? NULL : rest_of (url, yum_setting_text (yum, "mirror", NULL));
  if (rest == NULL)
    return number == 0 ? g_strdup (url) : NULL;
  return number < g_strv_length (yum->mirrors) ? join (yum->mirrors[number], rest) : NULL;
}
