/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the cases of package plugins start from: the spec of the check, and what its stages ask for. */
#pragma once

#include "build/mount.h"
#include "build/rootfs.h"
#include "build/sandbox.h"
#include "check/case.h"
#include "plugin/backend.h"
#include "spec/spec.h"

typedef struct {
  VfCheck *check;
  VmforgeSpec *spec;
  char *profile;    /* JSON */
  char *cache_path; /* of the plugin; the archives lie in check->host.package_cache */
  GPtrArray *repositories[VMFORGE_N_STAGES];
  /* After vf_check_order_resolve: what each stage installs, and what there is then. */
  GPtrArray *packages[VMFORGE_N_STAGES], *installed[VMFORGE_N_STAGES];
} VfCheckOrder;

VfCheckOrder *vf_check_order_new (VfCheck *check, GError **error);
void vf_check_order_free (VfCheckOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfCheckOrder, vf_check_order_free)

VfBackend *vf_check_order_open (VfCheckOrder *order, gboolean offline, GError **error);
/* Borrowed from order. */
VfBackendRequest vf_check_order_request (VfCheckOrder *order, guint stage);
/* Refreshes and resolves all stages. */
gboolean vf_check_order_resolve (VfCheckOrder *order, VfBackend *backend, GError **error);
/* An opened plugin and a resolved order: what most cases begin with. */
VfBackend *vf_check_order_begin (VfCheckOrder *order, GError **error);
/* From here on this process has no network. */
gboolean vf_check_no_network (GError **error);

/* A fresh root filesystem of the spec's type, mounted for this process, in which plugins can run programs. */
typedef struct {
  VfCheck *check;
  VfMount *mount;
  VfRootfs *root;
  VfSandbox sandbox;
} VfCheckRoot;

VfCheckRoot *vf_check_root_new (VfCheckOrder *order, guint64 bytes, GError **error);
void vf_check_root_free (VfCheckRoot *root);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfCheckRoot, vf_check_root_free)
gboolean vf_check_root_install (VfCheckRoot *root, VfCheckOrder *order, VfBackend *backend, guint stage,
                                GError **error);
