/* SPDX-License-Identifier: 0BSD */
/* Copyright (C) 2026 The vmforge authors */

/* An embedder: builds the specs that it is given, with nothing but the installed header and library. */
#include <stdio.h>
#include <vmforge/vmforge.h>

static void
on_event (const VmforgeEvent *event, gpointer user_data)
{
  if (event->type == VMFORGE_EVENT_IMAGE)
    printf ("%s %s\n", event->image, event->path);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmforgeSpec) spec = argc == 3 ? vmforge_spec_load (argv[2], &error) : NULL;
  g_autoptr (VmforgeStore) store = spec == NULL ? NULL : vmforge_store_open (argv[1], NULL, &error);
  if (store != NULL && vmforge_build (store, &spec, 1, NULL, on_event, NULL, NULL, &error))
    return 0;
  fprintf (stderr, "%s\n", error == NULL ? "usage: embed STORE SPEC" : error->message);
  return 1;
}
