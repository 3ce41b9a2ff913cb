/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The other end of a transfer, as its URL says: ssh://[USER@]HOST[:PORT]/STORE runs `vmforge receive` there,
 * file:///STORE here. */
#pragma once

#include "vmforge/vmforge.h"

typedef struct _VfPeer VfPeer;

/* rsh: the command to reach hosts by, as words of a shell; NULL: ssh. Errors name the URL. */
VfPeer *vf_peer_open (const char *url, const char *rsh, GError **error);
int vf_peer_get_fd (const VfPeer *peer); /* a stream in both directions */
/* Waits for its end. FALSE with error if it failed; a peer that was cut off (by a failure of ours) is not
 * waited for longer than some seconds. */
gboolean vf_peer_close (VfPeer *peer, gboolean failed, GError **error);
