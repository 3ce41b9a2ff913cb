/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The parts of `vmforge key` that have files of their own. */
#pragma once

#include "cli/cli.h"

/* ---- cmd-key-new.c */
extern const GOptionEntry vf_cli_key_new_entries[];
gboolean vf_cli_key_new (VfCli *cli, char **arguments, GError **error);
