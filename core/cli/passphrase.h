/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Passphrases of author keys: from the terminal, without echo, or from a descriptor. Never an argument, which
 * others can see. */
#pragma once

#include "cli/cli.h"
#include "sign/sign.h"

/* --passphrase-fd N: what it holds up to the first line break, or its end. */
#define VF_CLI_PASSPHRASE_HELP "Read the passphrase from this file descriptor"

/* descriptor: -1 asks at the terminal, twice. Free with vf_sign_wipe. An empty one is refused. */
char *vf_cli_new_passphrase (const VfCli *cli, const char *path, int descriptor, GError **error);
/* Loads an author key; asks for its passphrase if it has one. path: NULL for the usual place. */
VfSignKey *vf_cli_load_author_key (const VfCli *cli, const char *path, int descriptor, GError **error);
/* ~/.config/vmforge/author.key. Free the result. */
char *vf_cli_author_key_path (void);
/* VMFORGE_ERROR_SPEC unless it is -1 or open. */
gboolean vf_cli_check_passphrase_fd (int descriptor, const char *command, GError **error);
