/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include "spec/profile.h"

/* Pins a profile to `snapshot:` of a spec (NULL: it has none). An archive of the profile without a snapshot
 * URL is an error that blames the node. */
gboolean vf_snapshot_pin_profile (VfProfile *profile, const VfNode *snapshot, GError **error);
/* Refuses a URL that is not of the snapshot to which the profile is pinned, if it is. what: "mirror". */
gboolean vf_snapshot_check_url (const VfProfile *profile, const VfNode *url, const char *what,
                                GError **error);
