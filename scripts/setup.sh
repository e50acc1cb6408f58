#!/bin/sh
# Installs what the tests need from Debian, as far as it is missing. Without apt-get or root it says what is missing and goes on:
# the tests that need it are then skipped, loudly (and fail when CI=true).
set -eu

# command-or-file:package
needed="cc:gcc musl-gcc:musl-tools aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
  busybox:busybox-static bwrap:bubblewrap runc:runc newuidmap:uidmap fuse-overlayfs:fuse-overlayfs setpriv:util-linux script:bsdutils
  mksquashfs:squashfs-tools mkfs.erofs:erofs-utils mkfs.ext4:e2fsprogs mmdebstrap:mmdebstrap python3:python3
  /usr/include/linux/types.h:linux-libc-dev /usr/include/seccomp.h:libseccomp-dev"

PATH="$PATH:/usr/sbin:/sbin"
missing=""
for entry in $needed; do
  what=${entry%%:*}
  case "$what" in
    /*) [ -e "$what" ] && continue ;;
    *) command -v "$what" >/dev/null 2>&1 && continue ;;
  esac
  missing="$missing ${entry#*:}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: not installed (needs root and apt-get):$missing" >&2
  exit 0
fi
echo "setup: installing from Debian:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # the packages are words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
