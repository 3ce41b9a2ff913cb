/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The repository of a store (repository/repository.h), with packs that its transport makes. */
#pragma once

#include "store/store.h"

/* renew: index.json is signed anew in any case. */
gboolean vf_share_update (VmforgeStore *store, gboolean renew, GError **error);
