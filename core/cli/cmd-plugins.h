/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Children of `vmforge plugins` that have a file of their own. */
#pragma once

#include "cli/cli.h"

extern const GOptionEntry vf_cli_plugins_check_entries[];
gboolean vf_cli_plugins_check (VfCli *cli, char **arguments, GError **error);

gboolean vf_cli_plugins_new (VfCli *cli, char **arguments, GError **error);
