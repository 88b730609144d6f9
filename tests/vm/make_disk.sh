#!/bin/sh
# Makes disk.img, vmlinuz and initrd.img in FOLDER: base.tar, and what SHARE/install.sh did there as pi.
#
#   make_disk.sh FOLDER SHARE
#
set -eu
folder=$1 share=$2 root=$1/root
if [ -z "${FER_VM_INSIDE-}" ]; then
  map=
  [ "$(id -u)" = 0 ] || map='--map-root-user --map-auto'
  FER_VM_INSIDE=1 exec unshare $map --mount --propagation private "$0" "$@"
fi
rm -rf "$root" && mkdir "$root"
tar -C "$root" -xpf "$folder/base.tar"
cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd.img"

mkdir "$root/mnt/share"
[ ! -e "$root"/boot/vmlinuz-*-amd64 ] || cp -r /usr/lib/uml/modules/* "$root/lib/modules/"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --bind "$share" "$root/mnt/share"
chroot "$root" runuser -l pi -c 'sh -eu /mnt/share/install.sh'
umount -R "$root/dev" "$root/proc" "$root/mnt/share"

rm -f "$folder/disk.new"
truncate -s 6G "$folder/disk.new"
mke2fs -q -t ext4 -d "$root" "$folder/disk.new"
rm -rf --one-file-system "$root"
mv "$folder/disk.new" "$folder/disk.img"
