/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A project to begin a plugin with: the files of a template, with its name in place of the placeholders. */
#pragma once

#include "vmforge/vmforge.h"

/* Writes the project of a plugin of this kind ("storage", "package") to dir, which must not exist or be
 * empty. templates: folder with one folder for each kind. In names of files NAME stands for the name, in
 * their text
 * @NAME@, @UPPERNAME@ and @DATE@. Returns the names of the files, sorted; free with g_strfreev. NULL with
 * error: dir is as it was. Errors of what the user wrote: VMFORGE_ERROR_SPEC. */
char **vf_new_project (const char *templates, const char *kind, const char *name, const char *dir,
                       GError **error);
