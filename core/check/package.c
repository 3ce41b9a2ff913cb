/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The suite of the package plugins. */
#include "check/suites.h"

#define LONG 900 /* seconds: a real distribution is fetched and installed */

const VfCheckCase *
vf_check_package_cases (void)
{
  static const VfCheckCase cases[] = {
      {"open", "the plugin is opened and closed", 0, vf_check_package_open},
      {"refresh", "the snapshot of metadata that did not change stays", LONG, vf_check_package_refresh},
      {"date", "the date of metadata that did not change stays", LONG, vf_check_package_date},
      {"resolve", "the same request resolves to the same packages", LONG, vf_check_package_resolve},
      {"closed", "what was resolved needs nothing besides", LONG, vf_check_package_closed},
      {"unknown", "an unknown package is refused by its name", LONG, vf_check_package_unknown},
      {"offline", "without the network it resolves to the same", LONG, vf_check_package_offline},
      {"fetch", "archives are fetched once, and verified", LONG, vf_check_package_fetch},
      {"absent", "offline, what is not in the cache is an error", LONG, vf_check_package_absent},
      {"damaged", "an archive of another digest is refused", LONG, vf_check_package_damaged},
      {"killed", "a kill leaves no torn archive in the cache", LONG, vf_check_package_killed},
      {"dated", "the time of packages is a function of their archives", LONG, vf_check_package_dated},
      {"install", "what is installed is what was resolved", LONG, vf_check_package_install},
      {"isolated", "installing needs no network", LONG, vf_check_package_isolated},
      {"scripts", "programs of the image run in the sandbox alone", LONG, vf_check_package_scripts},
      {"full", "a root filesystem that is too small is an error", LONG, vf_check_package_full},
      {"boot", "boot files are there, and have a place", LONG, vf_check_package_boot},
      {"leaks", "callbacks leave no memory and no descriptors behind", LONG, vf_check_package_leaks},
      {NULL, NULL, 0, NULL},
  };
  return cases;
}
