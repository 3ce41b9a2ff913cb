/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The base system that every image has, whatever its distribution. */
#pragma once

#include "build/work.h"

/* system.c */
gboolean vf_system_base (VfWork *work, GError **error);
gboolean vf_system_services (VfWork *work, GError **error);
gboolean vf_system_hostname (VfWork *work, const char *hostname, GError **error);
gboolean vf_system_unit_exists (const VfWork *work, const char *unit);
gboolean vf_system_enable (VfWork *work, const char *unit, GError **error);
/* locale.c */
gboolean vf_system_locale (VfWork *work, const char *locale, GError **error);
gboolean vf_system_timezone (VfWork *work, const char *zone, GError **error);
/* network.c: interfaces: array of the job's system.network; NULL or empty: DHCP on any Ethernet card. */
gboolean vf_system_network (VfWork *work, const char *backend, VfJson *interfaces, GError **error);
