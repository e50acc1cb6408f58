#!/bin/sh
# `root.sh IMAGE [PACKAGE...]`: makes the root that test kernels boot, a small Debian of this machine's release with what system tests need, these packages, and
# this machine's Node.
set -eu
cd "$(dirname "$0")/../.."
image=$1
shift
[ ! -e "$image" ] || [ scripts/kernels/root.sh -nt "$image" ] || exit 0

packages=attr,bash,bsdutils,bubblewrap,busybox-static,containernetworking-plugins,crun,curl,e2fsprogs,erofs-utils,expect,fish,fuse-overlayfs,fuse3,gcc,git,iproute2,iptables,iputils-ping,kmod,libc6-dev,mount,nftables,passt,procps,python3,runc,slirp4netns,squashfs-tools,strace,uidmap,util-linux,zstd
for package in "$@"; do packages=$packages,$package; done
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
directory=$image.directory
rm -rf "$directory"
mkdir -p "$(dirname "$image")"
scripts/kernels/source.sh "$release" | mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
  --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' "$release" "$directory" -

cp "$(readlink -f "$(command -v node)")" "$directory/usr/bin/node"
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
mkdir -p "$directory/usr/lib/node_modules"
cp -a "$npm" "$directory/usr/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$directory/usr/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$directory/usr/bin/npx"

# The rest of init comes from boot.sh, so that this image outlives a change of it.
mkdir "$directory/results"
printf '#!/bin/sh\nmount -t hostfs -o /results hostfs /results && exec sh /results/init\n' >"$directory/init"
chmod 755 "$directory/init"

truncate --size 8G "$image.new"
PATH="$PATH:/sbin" mkfs.ext4 -q -d "$directory" "$image.new"
rm -rf "$directory"
mv "$image.new" "$image"
