/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The suites, one a kind, and what the files of each give to its table. */
#pragma once

#include "check/case.h"

/* The cases of a kind, ended by a NULL name; NULL: there is no suite. */
const VfCheckCase *vf_check_cases (enum vmforge_plugin_kind kind);

const VfCheckCase *vf_check_storage_cases (void);
const VfCheckCase *vf_check_package_cases (void);
/* Removes every volume of the case's store: after each case, whatever became of it. */
gboolean vf_check_storage_clear (VfCheck *check, GError **error);

/* storage-life.c */
gboolean vf_check_storage_open (VfCheck *check, GError **error);
gboolean vf_check_storage_create (VfCheck *check, GError **error);
gboolean vf_check_storage_write (VfCheck *check, GError **error);
gboolean vf_check_storage_grow (VfCheck *check, GError **error);
gboolean vf_check_storage_seal (VfCheck *check, GError **error);
gboolean vf_check_storage_reopen (VfCheck *check, GError **error);
gboolean vf_check_storage_remove (VfCheck *check, GError **error);
gboolean vf_check_storage_deactivate (VfCheck *check, GError **error);
/* storage-clone.c */
gboolean vf_check_storage_clone (VfCheck *check, GError **error);
gboolean vf_check_storage_isolation (VfCheck *check, GError **error);
gboolean vf_check_storage_chain (VfCheck *check, GError **error);
gboolean vf_check_storage_orphan (VfCheck *check, GError **error);
/* storage-ranges.c */
gboolean vf_check_storage_extents (VfCheck *check, GError **error);
gboolean vf_check_storage_differences (VfCheck *check, GError **error);
gboolean vf_check_storage_discard (VfCheck *check, GError **error);
gboolean vf_check_storage_capacity (VfCheck *check, GError **error);
/* storage-refusals.c */
gboolean vf_check_storage_parameters (VfCheck *check, GError **error);
gboolean vf_check_storage_unknown (VfCheck *check, GError **error);
gboolean vf_check_storage_twice (VfCheck *check, GError **error);
/* storage-faults.c */
gboolean vf_check_storage_cancelled (VfCheck *check, GError **error);
gboolean vf_check_storage_together (VfCheck *check, GError **error);
gboolean vf_check_storage_full (VfCheck *check, GError **error);
/* storage-killed.c */
gboolean vf_check_storage_killed (VfCheck *check, GError **error);
/* storage-leaks.c */
gboolean vf_check_storage_leaks (VfCheck *check, GError **error);

/* package-resolve.c */
gboolean vf_check_package_open (VfCheck *check, GError **error);
gboolean vf_check_package_refresh (VfCheck *check, GError **error);
gboolean vf_check_package_date (VfCheck *check, GError **error);
gboolean vf_check_package_resolve (VfCheck *check, GError **error);
gboolean vf_check_package_closed (VfCheck *check, GError **error);
gboolean vf_check_package_unknown (VfCheck *check, GError **error);
gboolean vf_check_package_offline (VfCheck *check, GError **error);
gboolean vf_check_package_leaks (VfCheck *check, GError **error);
/* package-fetch.c */
gboolean vf_check_package_fetch (VfCheck *check, GError **error);
gboolean vf_check_package_absent (VfCheck *check, GError **error);
gboolean vf_check_package_damaged (VfCheck *check, GError **error);
gboolean vf_check_package_killed (VfCheck *check, GError **error);
/* package-dated.c */
gboolean vf_check_package_dated (VfCheck *check, GError **error);
/* package-install.c */
gboolean vf_check_package_install (VfCheck *check, GError **error);
gboolean vf_check_package_isolated (VfCheck *check, GError **error);
gboolean vf_check_package_full (VfCheck *check, GError **error);
gboolean vf_check_package_boot (VfCheck *check, GError **error);
/* package-scripts.c */
gboolean vf_check_package_scripts (VfCheck *check, GError **error);
