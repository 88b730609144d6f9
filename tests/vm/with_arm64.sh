#!/bin/sh
# Runs a command while this machine can run arm64 programs, by qemu-user-static.
#
#   with_arm64.sh COMMAND...
#
# binfmt_misc tells the kernel which program runs them. Root changes the machine's own, and this takes its
# entry out at the end. Other users have one of their own, in a namespace (Linux 6.7 or newer).
set -eu
misc=/proc/sys/fs/binfmt_misc entry=fer-arm64-$$
if [ -z "${FER_VM_ARM64-}" ]; then
  map=
  [ "$(id -u)" = 0 ] || map='--map-root-user --map-auto'
  FER_VM_ARM64=1 exec unshare $map --mount --propagation private "$0" "$@"
fi
[ -w $misc/register ] || mount -t binfmt_misc none $misc
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
trap 'echo -1 > $misc/$entry' EXIT
trap 'exit 1' HUP INT TERM
printf '%s' ":$entry:M::$magic:$mask:/usr/bin/qemu-aarch64-static:F" > $misc/register
"$@"
