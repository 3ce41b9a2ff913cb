/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What vmforge-check and its parent agree upon. */
#pragma once

/* Descriptor of the lines that vmforge-check writes. */
#define VF_CHECK_FD 3
/* Not a case of the table: removes what a case left in its store. */
#define VF_CHECK_CLEAR "clear"
