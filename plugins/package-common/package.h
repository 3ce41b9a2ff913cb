/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the package backends have in common. */
#pragma once

#include "vmforge/plugin.h"

#include <glib.h>

typedef struct vmforge_call Call;

/* ---- words.c */
/* An argument vector to be continued, and ended by a NULL; its words are copies. */
GPtrArray *pkg_argv_new (const char *first, ...) G_GNUC_NULL_TERMINATED;
/* A file in memory and its path for other processes. */
int pkg_memfd (const char *name, const char *text);
char *pkg_memfd_path (int fd);
/* Sets an error and returns -1. */
int pkg_fail (Call *call, enum vmforge_plugin_error code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* ---- the plugin's folder in the store's cache (cache.c) */
/* Holds cache_path/NAME.lock alone, waiting while another does; -1 when cancelled or failed. Close it to
 * release. */
int pkg_lock (Call *call, const char *cache_path, const char *name);
/* Removes the files in a folder of the host, not the folders. */
void pkg_empty_host_folder (const char *path);
/* What the host's programs call temporary is in folders named so. They are used under the lock "lists" or
 * "fetch". */
#define PKG_TEMPORARY ".tmp"
/* Removes what programs that were killed left there, unless somebody works. */
void pkg_sweep_cache (const char *cache_path);

/* ---- programs (run.c) */
/* The last line that matters of what a program says. */
typedef struct {
  char *line; /* of standard error, or else of standard output; NULL: nothing was said */
  gboolean is_error;
} PkgLast;
void pkg_last_add (PkgLast *last, int stream, const char *line);
void pkg_last_clear (PkgLast *last);
/* Runs a program on the host, or with a sandbox in the root filesystem. What it says is logged, but for the
 * lines of standard output that it has a function for. An exit status other than 0 is an error `label exited
 * with status N: last line`. 0 or -1. */
int pkg_run (Call *call, const struct vmforge_program *program, const struct vmforge_sandbox *sandbox,
             enum vmforge_plugin_error code, const char *label);

/* ---- the root filesystem (root.c); paths are relative to it */
/* -1 with errno. */
int pkg_open (const struct vmforge_root *root, const char *path, int flags, int mode);
/* A folder with those above it, made where absent. A descriptor of it, or -1 with errno. */
int pkg_make_folder (const struct vmforge_root *root, const char *path);
/* Appends a regular file of at most limit bytes to text; one that is absent has none. */
int pkg_read (Call *call, const struct vmforge_root *root, const char *path, gsize limit, GString *text);
/* Puts a new file in place of whatever is there but a folder; folders are made as needed. */
int pkg_write (Call *call, const struct vmforge_root *root, const char *path, const char *text, gsize length,
               int mode);
gboolean pkg_exists (const struct vmforge_root *root, const char *path);
void pkg_remove (const struct vmforge_root *root, const char *path);
/* Removes this folder and those above it as long as they are empty. */
void pkg_remove_empty_folders (const struct vmforge_root *root, const char *path);
/* Removes the files in a folder, not the folders. */
void pkg_empty_folder (const struct vmforge_root *root, const char *path);

/* ---- boot files (grub.c) */
/* Configures the GRUB of the root filesystem, makes its images and emits them; without one there is nothing
 * to do. arch: vmforge's word. */
int pkg_grub (Call *call, const struct vmforge_root *root, const struct vmforge_boot_request *request,
              const char *arch);
