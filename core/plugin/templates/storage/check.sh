#!/bin/sh
# SPDX-License-Identifier: 0BSD
# Copyright (C) 2026 The vmforge authors
# check.sh VMFORGE PLUGIN.so: does the plugin keep to what vmforge/plugin.h says?
if [ "$(id -u)" != 0 ]; then
  echo "skipped: 'vmforge plugins check' needs root"
  exit 77
fi
exec "$1" plugins check "$2"
