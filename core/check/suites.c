/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "check/suites.h"

const VfCheckCase *
vf_check_cases (enum vmforge_plugin_kind kind)
{
  switch (kind) {
  case VMFORGE_PLUGIN_STORAGE:
    return vf_check_storage_cases ();
  case VMFORGE_PLUGIN_PACKAGE:
    return vf_check_package_cases ();
  case VMFORGE_PLUGIN_TRANSPORT:
    break;
  }
  return NULL;
}
