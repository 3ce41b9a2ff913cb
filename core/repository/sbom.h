/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The software bill of materials of an image: SPDX 2.3 as JSON. */
#pragma once

#include "support/json.h"

/* Canonical JSON: a function of the image's manifest alone. Free the result. */
char *vf_sbom_make (VfJson *manifest, GError **error);
