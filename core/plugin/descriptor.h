/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a descriptor must look like: its numbers before loading, all of it after. */
#pragma once

#include "plugin/elf-numbers.h"
#include "vmforge/plugin.h"

/* "package" …; "unknown" for a number that is no kind. */
const char *vf_plugin_kind_name (enum vmforge_plugin_kind kind);
/* [a-z][a-z0-9-]*, at most 64 characters. */
gboolean vf_descriptor_name_is_valid (const char *name);

/* Before dlopen: numbers from the file. */
gboolean vf_descriptor_check_numbers (const char *path, const VfElfNumbers *numbers, guint64 symbol_size,
                                      GError **error);

/* After dlopen: checks the plugin's descriptor and copies it and its table into ours, members that it does
 * not have zero-filled. name: from the file name. NULL with error. The copy is never freed. */
const struct vmforge_plugin *vf_descriptor_copy (const char *path, const char *name,
                                                 const VfElfNumbers *numbers,
                                                 const struct vmforge_plugin *theirs, GError **error);
