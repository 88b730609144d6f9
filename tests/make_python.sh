#!/bin/sh
# Makes build/pythons/VERSION: a Python that this system does not have, from the packages of a newer
# Debian, for `make matrix`. It comes with that Debian's C library, so it runs here.
#
#   make_python.sh SUITE VERSION        make_python.sh forky 3.14
#
# Needs mmdebstrap and patchelf (sudo apt install mmdebstrap patchelf).
set -eu
suite=$1 version=$2
root=$(pwd)/build/pythons/$version
rm -rf "$root" && mkdir -p "$root"
# A mirror that is kept as it was on some day has signatures that hold, and a date that is over.
mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
  --include="python$version-venv,python$version,libstdc++6,libgcc-s1" "$suite" "$root"
libraries=$root/usr/lib/$(uname -m)-linux-gnu
loader=$(find "$libraries" -name 'ld-linux-*' | head -n 1)
patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$root/usr/bin/python$version"
"$root/usr/bin/python$version" --version
