#!/bin/sh
# SPDX-License-Identifier: 0BSD
# Copyright (C) 2026 The vmforge authors
# try.sh VMFORGE PLUGIN.so check|build
#
# With a toy distribution: does the plugin keep to what vmforge/plugin.h says? Does it build an image?
set -eu
if [ "$(id -u)" != 0 ]; then
  echo "skipped: this needs root"
  exit 77
fi
vmforge=$1 plugin=$2 here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /var/tmp/@NAME@-XXXXXX)
end () {
  if [ ! -d "$work/store" ] || "$vmforge" store umount --store "$work/store"; then
    rm -rf "$work"
  fi
}
trap end EXIT

sh "$here/make-packages.sh" "$work/packages"
sh "$here/make-repository.sh" "$work/packages" "$work/repository"
mkdir "$work/profiles"
sed -e "s|@REPOSITORY@|file://$work/repository|" -e "s|@KEYRING@|$work/repository/key.gpg|" "$here/@NAME@.yaml" \
  >"$work/profiles/@NAME@.yaml"
arch=$(uname -m | sed 's,^i[3-6]86$,i386,')
cat >"$work/try.yaml" <<SPEC
vmforge: 1
name: try
distro: {id: @NAME@, release: one, arch: $arch}
image: {packages: [hello], run: ["[ -e /usr/share/hello/postinst ]"]}
SPEC
export VMFORGE_PROFILE_PATH="$work/profiles"
case $3 in
check) "$vmforge" plugins check --spec "$work/try.yaml" "$plugin" ;;
build) "$vmforge" build --plugin "$plugin" --store "$work/store" "$work/try.yaml" ;;
esac
