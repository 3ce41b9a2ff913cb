/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/system.h"

gboolean
vf_work_configure (VfWork *work, GError **error)
{
  VfJson *system = vf_json_object (work->job, "system");
  const char *hostname = vf_json_string (system, "hostname", NULL);
  const char *locale = vf_json_string (system, "locale", NULL);
  const char *timezone = vf_json_string (system, "timezone", NULL);
  const char *backend = vf_json_string (system, "network_backend", NULL);

  return (!vf_work_is_core (work) || vf_system_base (work, error)) && vf_system_services (work, error) &&
         (!hostname || vf_system_hostname (work, hostname, error)) &&
         (!locale || vf_system_locale (work, locale, error)) &&
         (!timezone || vf_system_timezone (work, timezone, error)) &&
         (!backend || vf_system_network (work, backend, vf_json_array (system, "network"), error));
}
