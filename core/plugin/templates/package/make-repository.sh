#!/bin/sh
# SPDX-License-Identifier: 0BSD
# Copyright (C) 2026 The vmforge authors
# make-repository.sh PACKAGES REPOSITORY
#
# Makes a signed repository. PACKAGES has a folder for each package, with its files as they are in the image, and beside
# it a file NAME.info with the line `VERSION ARCH DEPENDS...`. `base` is the base. The key is new each time: the public
# half is REPOSITORY/key.gpg, the other one is thrown away.
set -eu
packages=$1 repository=$2
home=$(mktemp -d)
trap 'gpgconf --homedir "$home" --kill all; rm -rf "$home"' EXIT
mkdir -p "$repository"

add () {
  read -r version arch depends <"$packages/$1.info"
  file=$1-$version.tar
  tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --file="$repository/$file" \
    --directory="$packages/$1" .
  digest=$(sha256sum "$repository/$file")
  installed=$(du --summarize --bytes "$packages/$1")
  echo "$1 $version $arch ${digest%% *} $(stat -c %s "$repository/$file") ${installed%%	*} $file $depends"
}

{
  add base
  for info in "$packages"/*.info; do
    name=$(basename "$info" .info)
    [ "$name" = base ] || add "$name"
  done
} >"$home/index"

sign () {
  gpg --homedir "$home" --batch --yes --quiet --pinentry-mode loopback --passphrase '' "$@"
}
sign --quick-gen-key '@NAME@ toy repository' ed25519 sign never
sign --output "$repository/index.asc" --clear-sign "$home/index"
sign --output "$repository/key.gpg" --export
