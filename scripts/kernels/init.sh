#!/bin/sh
# The init of a test kernel: makes a machine with pure cgroup v2 of the root that it is given, runs what boot.sh was asked to run, and powers off.
set -eu
off() {
  echo o >/proc/sysrq-trigger
  # Init must not end while the kernel powers off.
  sleep 60
}
mount -t proc proc /proc
trap 'echo "init of the test kernel failed" >&2; off' EXIT
mount -t sysfs sysfs /sys
mount -t securityfs securityfs /sys/kernel/security
# /dev is a devtmpfs already (CONFIG_DEVTMPFS_MOUNT).
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
ln -sf /proc/self/fd /dev/fd
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$PROJECT" /lib/modules
mount -t hostfs -o /project hostfs "$PROJECT"
mount -t hostfs -o /usr/lib/uml/modules hostfs /lib/modules
# Without this the modules make interfaces in this namespace when they are loaded: tests would take them for some that were left behind.
mkdir -p /etc/modprobe.d
printf 'options dummy numdummies=0\noptions ifb numifbs=0\n' >/etc/modprobe.d/libct.conf
# What udev would load; the kernel asks for the others itself.
for module in loop fuse tun; do modprobe "$module"; done
[ -e /proc/sys/net/ipv6 ] || modprobe ipv6
chmod 666 /dev/fuse /dev/net/tun # as udev has them
# These kernels have no tables of nf_tables for IP: iptables writes the older ones.
update-alternatives --quiet --set iptables /usr/sbin/iptables-legacy
ip link set lo up
hostname test-kernel
echo "127.0.0.1 localhost test-kernel" >/etc/hosts

mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo "+cpu +io +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/tests
echo $$ >/sys/fs/cgroup/tests/cgroup.procs

status=0
sh /results/command || status=$?
echo "$status" >/results/status
trap - EXIT
off
