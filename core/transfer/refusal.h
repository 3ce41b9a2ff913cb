/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What a receiver says that has no store: the user waits at the other end. */
#pragma once

#include <glib.h>

/* transport: as in the configuration. Returns whether the peer was told why. */
gboolean vf_refusal_send (const char *transport, const GError *why, int input, int output);
