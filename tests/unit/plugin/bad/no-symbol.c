/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A library that is no plugin. */
__attribute__ ((visibility ("default"))) const int something_else = 1;
