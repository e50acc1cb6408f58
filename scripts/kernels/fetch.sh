#!/bin/sh
# `fetch.sh RELEASE DIRECTORY`: puts that Debian release's user-mode Linux, its modules and the libc that it wants into DIRECTORY.
# The machine's own apt configuration stays as it is: lists and packages go to DIRECTORY, for as long as it takes.
set -eu
cd "$(dirname "$0")/../.."
release=$1
directory=$2
[ ! -e "$directory/complete" ] || exit 0

source=$(scripts/kernels/source.sh "$release")
rm -rf "$directory"
mkdir -p "$directory/apt/lists/partial" "$directory/apt/cache/archives/partial" "$directory/root"
cd "$directory"
directory=$(pwd)
echo "$source" >apt/sources.list
: >apt/status
# An old release's lists are no longer renewed, so their Valid-Until has passed (apt-secure(8)). Without Error-Mode an update succeeds with nothing.
cat >apt/apt.conf <<END
Dir::Etc::sourcelist "$directory/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$directory/apt/lists";
Dir::State::status "$directory/apt/status";
Dir::Cache "$directory/apt/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
END
export APT_CONFIG="$directory/apt/apt.conf"
cd apt
apt-get update -qq
apt-get download -qq user-mode-linux libc6 libgcc-s1
for package in *.deb; do dpkg-deb -x "$package" "$directory/root"; done
# Releases with one /usr have these links from a package that makes a whole system.
for name in lib lib64; do [ -e "$directory/root/$name" ] || ln -s "usr/$name" "$directory/root/$name"; done
rm -rf "$directory/apt"
touch "$directory/complete"
