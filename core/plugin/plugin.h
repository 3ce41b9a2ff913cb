/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Finding, checking and loading plugins. A plugin is loaded once a process and never unloaded. */
#pragma once

#include "plugin/descriptor.h"
#include "vmforge/plugin.h"
#include "vmforge/vmforge.h"

/* One plugin file that was found. */
typedef struct {
  char *path;
  char *name;                              /* from the file name */
  enum vmforge_plugin_kind kind;           /* 0 if broken */
  GError *error;                           /* why it cannot be used, or NULL */
  const struct vmforge_plugin *descriptor; /* our own zero-filled copy, or NULL if broken or not loaded yet */
} VfPlugin;

/* Plugin folders: VMFORGE_PLUGIN_PATH (colon separated, ignored under AT_SECURE; vmforge-NAME.so files may be
 * among them) before the installed ones. */
char **vf_plugin_dirs (void);

/* All vmforge-*.so found, sorted by name, broken ones too, each checked as far as no code of it has to run.
 * Elements are static. Free the container. */
GPtrArray *vf_plugin_scan (void);

/* The plugin with this name and kind. Errors: unknown (with a suggestion and the known ones), wrong kind, or
 * why it is broken. Static. */
const VfPlugin *vf_plugin_find (enum vmforge_plugin_kind kind, const char *name, GError **error);
/* Adds one file by path, preferred to others of its name; sound or not, no code of it runs. */
gboolean vf_plugin_add (const char *path, GError **error);
/* The same, and loads it (`--plugin FILE.so`). */
const VfPlugin *vf_plugin_load (const char *path, GError **error);

/* Splits `NAME[:key=value,…]`; checks the keys against the plugin's parameters (unknown: suggestion). The
 * result is NAME, VALUE, …, NULL. */
gboolean vf_plugin_parse_parameters (const VfPlugin *plugin, const char *text, char ***parameters,
                                     GError **error);
