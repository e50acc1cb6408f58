#!/bin/sh
# The init of a test machine: makes what boot.sh was asked to run a service of systemd's, and becomes systemd. With the service the machine ends, however that ended.
set -eu
mount -t proc proc /proc
# Init must not end while the kernel powers off.
trap 'echo "init of the test machine failed" >&2; echo o >/proc/sysrq-trigger; sleep 60' EXIT
mkdir -p "$PROJECT" /lib/modules
mount -t hostfs -o /project hostfs "$PROJECT"
mount -t hostfs -o /usr/lib/uml/modules hostfs /lib/modules
for module in loop fuse tun; do modprobe "$module"; done
echo test-kernel >/etc/hostname
echo "127.0.0.1 localhost test-kernel" >/etc/hosts
# The ordinary user of the tests (test/support/as-user.ts) has a manager of his own.
useradd --create-home --uid 12345 user
mkdir -p /var/lib/systemd/linger
touch /var/lib/systemd/linger/user

cat >/etc/systemd/system/tests.service <<END
[Unit]
Description=tests of libct
OnSuccess=off.service
OnFailure=off.service
Wants=dbus.socket user@12345.service
After=dbus.socket user@12345.service

[Service]
Type=oneshot
Environment=PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
TimeoutStartSec=900
ExecStart=/bin/sh -c 'sh /results/command; echo \$? >/results/status'
END
cat >/etc/systemd/system/off.service <<END
[Unit]
Description=end of the machine
DefaultDependencies=no

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo o >/proc/sysrq-trigger'
END
trap - EXIT
exec /lib/systemd/systemd --unit=tests.service --show-status=no --log-target=console --log-level=warning
