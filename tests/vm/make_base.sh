#!/bin/sh
# Makes base.tar in FOLDER: a Debian with its own kernel, systemd, cameras of V4L2 (vivid, v4l2loopback)
# and a user pi who may use sudo, as Raspberry Pi OS has.
#
#   make_base.sh FOLDER [ARCHITECTURE]
#
# Needs mmdebstrap (sudo apt install mmdebstrap); root is not needed. arm64 has neither v4l2loopback nor
# ffmpeg: with_arm64.sh runs its programs, and compiling would take long.
set -eu
folder=$1 architecture=${2-amd64} suite=bookworm
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"

# The mirror is the one that apt has here; Debian's own where this is no Debian of that suite.
mirrors=$(apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' \
  'Origin: Debian' 2> /dev/null | sort -u || true)
echo "$mirrors" | grep -q " $suite main" || mirrors="deb http://deb.debian.org/debian $suite main"

packages=systemd-sysv,udev,kmod,dbus,sudo,adduser,passwd,iproute2,procps,psmisc,curl
packages=$packages,linux-image-$architecture,qemu-guest-agent
packages=$packages,git,python3,python3-venv,v4l-utils,mosquitto,mosquitto-clients
[ "$architecture" != amd64 ] || packages=$packages,linux-headers-amd64,v4l2loopback-dkms,ffmpeg
# An initrd of what this computer has: QEMU emulates it, and each megabyte takes seconds.
small_initrd='mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
  printf "MODULES=list\nCOMPRESS=gzip\n" > "$1/etc/initramfs-tools/conf.d/small"
  printf "virtio_pci\nvirtio_blk\next4\n" > "$1/usr/share/initramfs-tools/modules.d/small"'
echo "$mirrors" | mmdebstrap --quiet --format=tar --variant=minbase --include=$packages \
  --arch="$architecture" --skip=check/qemu \
  --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
  --essential-hook="$small_initrd" \
  --customize-hook="sh '$here/base_settings.sh' \"\$1\"" "$suite" "$folder/base.new" -
mv "$folder/base.new" "$folder/base.tar"
