#!/bin/sh
# Makes base.tar in FOLDER: a Debian with its own kernel, systemd, cameras of V4L2 (vivid, v4l2loopback)
# and a user pi who may use sudo, as Raspberry Pi OS has.
#
#   make_base.sh FOLDER
#
# Needs mmdebstrap (sudo apt install mmdebstrap); root is not needed.
set -eu
folder=$1 suite=bookworm
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"

# The mirror is the one that apt has here; Debian's own where this is no Debian of that suite.
mirrors=$(apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' \
  'Origin: Debian' 2> /dev/null | sort -u || true)
echo "$mirrors" | grep -q " $suite main" || mirrors="deb http://deb.debian.org/debian $suite main"

packages=systemd-sysv,udev,kmod,dbus,sudo,adduser,passwd,iproute2,procps,psmisc,curl
packages=$packages,linux-image-amd64,linux-headers-amd64,v4l2loopback-dkms,qemu-guest-agent
packages=$packages,git,python3,python3-venv,ffmpeg,v4l-utils,mosquitto,mosquitto-clients
echo "$mirrors" | mmdebstrap --quiet --format=tar --variant=minbase --include=$packages \
  --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
  --customize-hook="sh '$here/base_settings.sh' \"\$1\"" "$suite" "$folder/base.new" -
mv "$folder/base.new" "$folder/base.tar"
