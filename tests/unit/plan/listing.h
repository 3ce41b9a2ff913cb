/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Has this process see folders as another filesystem would list them. */
#pragma once

typedef enum {
  LISTING_REAL,
  LISTING_BREAKS, /* fails with EIO */
  LISTING_BACKWARDS,
} Listing;

extern Listing listing;
