#!/bin/sh
# Installs what the tests need from Debian, as far as it is missing. Without apt-get or root it says what is missing and goes on:
# the tests that need it are then skipped, loudly (and fail when CI=true).
set -eu

# A command, or a file with * in it: the packages that bring it.
needed() {
  cat <<'END'
cc                                gcc libc6-dev
musl-gcc                          musl-tools
clang                             clang
/usr/lib/llvm*/lib/clang/*/lib/linux/libclang_rt.asan*  libclang-rt-dev
/usr/include/linux/types.h        linux-libc-dev
/usr/include/seccomp.h            libseccomp-dev
busybox                           busybox-static
bwrap                             bubblewrap
fish                              fish
runc                              runc
crun                              crun
newuidmap                         uidmap
fuse-overlayfs                    fuse-overlayfs
fusermount3                       fuse3
mksquashfs                        squashfs-tools
mkfs.erofs                        erofs-utils
mkfs.ext4                         e2fsprogs
mmdebstrap                        mmdebstrap
unshare                           util-linux
script                            bsdutils
ps                                procps
strace                            strace
dockerd                           docker.io
podman                            podman conmon netavark
catatonit                         catatonit
slirp4netns                       slirp4netns
pasta                             passt
/usr/lib/cni/bridge               containernetworking-plugins
nft                               nftables
iperf3                            iperf3
curl                              curl
ping                              iputils-ping
skopeo                            skopeo
umoci                             umoci
docker-registry                   docker-registry
htpasswd                          apache2-utils
openssl                           openssl
zstd                              zstd
mkfs.btrfs                        btrfs-progs
getfattr                          attr
buildah                           buildah
lxc-execute                       lxc
containerd                        containerd
ctr                               containerd
iptables                          iptables
ip                                iproute2
expect                            expect
python3                           python3
END
  [ "$(uname -m)" = aarch64 ] || echo "aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
}

PATH="$PATH:/usr/sbin:/sbin"
present() {
  case "$1" in
    /*) for file in $1; do [ -e "$file" ] && return 0; done; return 1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing=$(needed | while read -r what packages; do present "$what" || printf ' %s' "$packages"; done)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: missing, and not installed (that takes root and apt-get):$missing" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
echo "setup: apt-get update"
apt-get update -qq || echo "setup: apt-get update failed; going on with the lists that there are" >&2

known=""
for package in $missing; do
  # Some are called otherwise in other releases of Debian.
  if apt-cache show "$package" >/dev/null 2>&1; then known="$known $package"; else echo "setup: no package $package here" >&2; fi
done
[ -n "$known" ] || exit 0
echo "setup: apt-get install$known"
# shellcheck disable=SC2086 # the packages are words
apt-get install -y -qq --no-install-recommends $known >/dev/null || echo "setup: not everything could be installed" >&2
