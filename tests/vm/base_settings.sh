#!/bin/sh
# Settings of the computer that make_base.sh makes. Its argument is the root folder of that computer.
set -eu
root=$1
inside() { chroot "$root" "$@"; }

# On amd64 v4l2loopback is built by now: keep the module, drop what built it.
kernel=$(ls "$root/lib/modules")
if [ "${kernel%-amd64}" != "$kernel" ]; then
  mkdir -p "$root/lib/modules/$kernel/extra"
  cp "$root/lib/modules/$kernel"/updates/dkms/v4l2loopback.ko* "$root/lib/modules/$kernel/extra/"
  inside apt-get -q purge --yes --autoremove v4l2loopback-dkms linux-headers-amd64 > /dev/null
  inside depmod "$kernel"
fi
rm -rf "$root"/var/cache/apt/*.bin

# The user of Raspberry Pi OS, and another one whose home is nobody's business.
inside adduser --quiet --disabled-password --gecos '' pi
inside adduser --quiet --disabled-password --gecos '' anna
inside usermod -aG adm,video pi
echo 'pi ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/pi"
echo fer-vm > "$root/etc/hostname"
printf '127.0.0.1 localhost fer-vm\n10.9.0.1 homeassistant.local\n' > "$root/etc/hosts"

# No network of its own, but a broker in a network namespace: link "lan" is the cable to it.
inside systemctl --quiet disable mosquitto
rm -f "$root"/etc/mosquitto/conf.d/*
cat > "$root/etc/mosquitto/conf.d/lan.conf" <<'END'
listener 1883 10.9.0.1
allow_anonymous true
END
cat > "$root/etc/systemd/system/lan.service" <<'END'
[Unit]
Description=Another computer with an MQTT broker, in a network namespace
Before=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip netns add other
ExecStart=ip link add lan type veth peer name cable netns other
ExecStart=ip address add 10.9.0.2/24 dev lan
ExecStart=ip link set lan up
ExecStart=ip -n other address add 10.9.0.1/24 dev cable
ExecStart=ip -n other link set cable up
ExecStart=ip -n other link set lo up
[Install]
WantedBy=multi-user.target
END
mkdir -p "$root/etc/systemd/system/mosquitto.service.d"
cat > "$root/etc/systemd/system/mosquitto.service.d/other.conf" <<'END'
[Unit]
Requires=lan.service
After=lan.service
[Service]
NetworkNamespacePath=/run/netns/other
END
# Under User-mode Linux, commands come in a folder of the host.
cat > "$root/usr/local/sbin/agent" <<'END'
#!/bin/sh
set -eu
mkdir -p /host
mount -t hostfs -o "$(sed 's/.*fer\.host=\([^ ]*\).*/\1/' /proc/cmdline)" none /host
exec bash /host/agent.sh
END
chmod 755 "$root/usr/local/sbin/agent"
cat > "$root/etc/systemd/system/agent.service" <<'END'
[Unit]
Description=Runs what tests ask for
ConditionKernelCommandLine=fer.host
[Service]
ExecStart=/usr/local/sbin/agent
[Install]
WantedBy=multi-user.target
END
inside systemctl --quiet enable lan mosquitto agent
inside systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer 2> /dev/null || true
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n' > "$root/etc/systemd/journald.conf.d/all.conf"
