/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Where the installed parts are. A program that runs from a build tree finds those of the build tree: meson
 * leaves a file `vmforge-tree.conf` beside it that says where. Strings are static. */
#pragma once

#include <glib.h>

/* Folders with vmforge-NAME.so; NULL terminated: compiled in (or the build tree's). */
const char *const *vf_paths_plugin_dirs (void);
/* Folders with ID.yaml profiles; NULL terminated. /etc/vmforge/profiles.d comes first. */
const char *const *vf_paths_profile_dirs (void);
/* The worker program. */
const char *vf_paths_worker (void);
/* The program in which `plugins check` runs each case. */
const char *vf_paths_checker (void);
/* Folder with the projects that `plugins new` begins with. */
const char *vf_paths_template_dir (void);
/* The storage of a machine whose configuration names none, as the build was configured. */
const char *vf_paths_default_storage (void);
const char *vf_paths_default_transport (void);
/* /etc/vmforge/vmforge.yaml, or what sysconfdir says. */
const char *vf_paths_config_file (void);
