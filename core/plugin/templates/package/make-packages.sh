#!/bin/sh
# SPDX-License-Identifier: 0BSD
# Copyright (C) 2026 The vmforge authors
# make-packages.sh PACKAGES
#
# Makes two packages to try the plugin with: `base`, of programs of this machine, and `hello`.
set -eu
packages=$1
base=$packages/base
mkdir -p "$base/usr/bin" "$base/usr/sbin" "$base/usr/lib" "$base/usr/lib64" "$base/etc" "$base/root" "$base/proc" \
  "$base/sys" "$base/dev" "$base/var/lib" "$base/boot" "$packages/hello/usr/share/hello"
for link in bin sbin lib lib64; do
  ln -s "usr/$link" "$base/$link"
done

for name in sh tar cat ls mkdir rm; do
  program=$(command -v "$name")
  cp -L "$program" "$base/usr/bin/$name"
  # Lines of ldd: `NAME => /PATH (ADDRESS)`, or `/PATH (ADDRESS)` for the loader.
  for library in $(ldd "$program" | sed -n 's/^.*[[:space:]]\(\/[^ ]*\) (0x.*$/\1/p'); do
    mkdir -p "$base/usr/$(dirname "${library#/usr}")"
    cp -L "$library" "$base/usr/${library#/usr}"
  done
done

# vmforge configures the network of an image with systemd: these stand for it.
mkdir -p "$base/usr/lib/systemd/system"
printf '#!/bin/sh\nexit 0\n' >"$base/usr/bin/systemctl"
chmod 755 "$base/usr/bin/systemctl"
for unit in networkd resolved; do
  printf '[Service]\nExecStart=/usr/bin/ls\n' >"$base/usr/lib/systemd/system/systemd-$unit.service"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$base/etc/passwd"
echo 'root:x:0:' >"$base/etc/group"
echo "1 all" >"$packages/base.info"

echo hello >"$packages/hello/usr/share/hello/hello"
mkdir -p "$packages/hello/var/lib/@NAME@/hello"
printf '#!/bin/sh\necho ran >/usr/share/hello/postinst\n' >"$packages/hello/var/lib/@NAME@/hello/postinst"
chmod 755 "$packages/hello/var/lib/@NAME@/hello/postinst"
echo "1.0 all" >"$packages/hello.info"
