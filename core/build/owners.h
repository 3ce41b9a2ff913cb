/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Users and groups by the image's own files: the host's mean nothing there. */
#pragma once

#include "build/rootfs.h"

typedef struct {
  uid_t uid;
  gid_t gid;
  char *home;
} VfOwner;
void vf_owner_free (VfOwner *owner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfOwner, vf_owner_free)

/* NULL, without error, if there is no such user. */
VfOwner *vf_owner_find (const VfRootfs *root, const char *user, GError **error);
gboolean vf_owner_has_group (const VfRootfs *root, const char *group, gid_t *gid);
/* text: USER[:GROUP], by name or number; without group: the user's own. NULL: root:root. */
gboolean vf_owner_parse (const VfRootfs *root, const char *text, VfAccess *access, GError **error);
