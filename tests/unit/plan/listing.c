/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* readdir in place of the C library's. */
#include "listing.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <glib.h>

Listing listing;

/* The entry that a folder has at this place, counted from its end. */
static struct dirent *
read_from_end (struct dirent *(*real) (DIR *), DIR *dir, guint place)
{
  guint n = 0;
  rewinddir (dir);
  while (real (dir) != NULL)
    n++;
  rewinddir (dir);
  struct dirent *entry = NULL;
  for (guint i = place; i < n; i++)
    entry = real (dir);
  return entry;
}

struct dirent *
readdir (DIR *dir)
{
  static struct dirent *(*real) (DIR *);
  static DIR *last;
  static guint place;
  if (real == NULL)
    *(void **)&real = dlsym (RTLD_NEXT, "readdir64");
  if (listing == LISTING_REAL)
    return real (dir);
  if (listing == LISTING_BREAKS) {
    errno = EIO;
    return NULL;
  }
  place = dir == last ? place + 1 : 0;
  last = dir;
  struct dirent *entry = read_from_end (real, dir, place);
  if (entry == NULL)
    last = NULL;
  return entry;
}
