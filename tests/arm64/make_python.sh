#!/bin/sh
# Makes build/arm64/SUITE/python: the Python of a Debian for arm64, with the device side of a wheel
# of this project, run by qemu on this processor. For right or wrong, not for speed. One that is
# there gets the wheel alone.
#
#   make_python.sh SUITE VERSION EXTRA WHEEL        make_python.sh trixie 3.13 edge-headless dist/X.whl
#
# Needs qemu-user-static and mmdebstrap (sudo apt install qemu-user-static mmdebstrap).
set -eu
for tool in qemu-aarch64-static mmdebstrap; do
  command -v $tool > /dev/null && continue
  echo "no $tool here: sudo apt install qemu-user-static mmdebstrap" >&2
  exit 1
done
suite=$1 version=$2 extra=$3 wheel=$4
home=$(pwd)/build/arm64/$suite
root=$home/root site=$home/site

install() {
  .venv/bin/python -m pip --disable-pip-version-check install --quiet --target "$site" --upgrade \
    --implementation cp --python-version "$version" --only-binary=:all: \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 "$@"
}

if [ -e "$home/installed" ] && [ "$home/installed" -nt pyproject.toml ]; then
  rm -rf "$site"/fer_edge_kit-*
  install --no-deps "$wheel"
else
  rm -rf "$home" && mkdir -p "$home"
  mmdebstrap --quiet --arch=arm64 --variant=extract \
    --include=python3-minimal,libpython3-stdlib,libstdc++6,libgcc-s1,zlib1g \
    "$suite" "$root"
  [ -e "$root/lib" ] || ln -s usr/lib "$root/lib"  # trixie's packages leave that to the installer

  # XNNPACK asks these for the processor; qemu would show this machine's.
  mkdir -p "$root/proc" "$root/sys/devices/system/cpu"
  echo 0 > "$root/sys/devices/system/cpu/present"
  echo 0 > "$root/sys/devices/system/cpu/possible"
  printf '%s\n' 'processor : 0' 'Features : fp asimd evtstrm crc32 cpuid' 'CPU implementer : 0x41' \
    'CPU architecture: 8' 'CPU variant : 0x0' 'CPU part : 0xd08' 'CPU revision : 3' \
    > "$root/proc/cpuinfo"
  install "$wheel[$extra]"
  touch "$home/installed"
fi

# Another processor than the Cortex-A72 of a Pi 4 gives wrong results in XNNPACK under qemu.
# Without files of compiled Python each start takes twice as long.
rm -f "$home/python"
cat > "$home/python" <<END
#!/bin/sh
unset PYTHONDONTWRITEBYTECODE
export QEMU_CPU=cortex-a72 PYTHONPATH=$site
exec qemu-aarch64-static -L $root $root/usr/bin/python$version "\$@"
END
chmod +x "$home/python"
echo "made build/arm64/$suite/python"
