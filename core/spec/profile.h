/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What is known of a distribution release: data, in ID.yaml of a profile folder. Folders of
 * VMFORGE_PROFILE_PATH (separated by ':'; ignored under AT_SECURE) come before those of paths.h; the first
 * ID.yaml is taken. */
#pragma once

#include "spec/node.h"

typedef struct {
  char *id;                  /* "debian" */
  char *release;             /* "bookworm" */
  char *arch;                /* "x86_64" */
  char *package_arch;        /* the distribution's word: "amd64" */
  char *plugin;              /* package plugin: "apt" */
  char *purl;                /* "deb/debian": type and namespace of package URLs; NULL: unknown */
  char **bootstrap_packages; /* added to every Core */
  char **kernel_arguments;   /* default command line */
  char *network_backend;     /* "systemd-networkd", "NetworkManager" */
  char *default_hostname;
  char *default_filesystem; /* "ext4" */
  char *
      *filesystem_features; /* mkfs arguments for the chosen filesystem, e.g. -O …; by filesystem in `node` */
  guint64 nominal_size;     /* of the volumes below Appliance, bytes */
  VfNode *node; /* the merged profile for this release and architecture, for the plugin (as JSON) */
  char *path;
} VfProfile;

/* Finds ID.yaml in the profile folders, checks it, and merges its parts for the release and architecture.
 * release may be an alias ("12"); the profile has the name ("bookworm"). where: node to blame in errors
 * (unknown id, release, arch: with suggestions and the known ones); a map with the members `id`, `release`,
 * `arch` has these blamed; `snapshot` pins the profile, whose `snapshots` are gone without it. */
VfProfile *vf_profile_load (const char *id, const char *release, const char *arch, const VfNode *where,
                            GError **error);
void vf_profile_free (VfProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfProfile, vf_profile_free)

/* Sets filesystem_features to those of a filesystem; an unknown one is an error that blames where. */
gboolean vf_profile_choose_filesystem (VfProfile *profile, const char *name, const VfNode *where,
                                       GError **error);
/* Ids of all profiles, sorted. Free with g_strfreev. */
char **vf_profile_list (void);

/* The packages that fill a role; NULL if the profile has no such role. Borrowed. */
const VfNode *vf_profile_role (const VfProfile *profile, const char *role);
/* Known roles, NULL terminated; free with g_free (container only). */
const char **vf_profile_roles (const VfProfile *profile);
