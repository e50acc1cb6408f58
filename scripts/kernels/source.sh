#!/bin/sh
# `source.sh RELEASE`: prints a line of sources.list for a release of Debian, by the mirror that this machine's own apt uses.
set -eu
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' | head -n 1
}
site=$(mirror)
if [ -z "$site" ]; then # Perhaps only the lists are missing.
  apt-get update -qq >&2
  site=$(mirror)
fi
[ -n "$site" ] || { echo "apt has no source of Debian's main component" >&2; exit 1; }
for keyring in /usr/share/keyrings/debian-archive-keyring.pgp /usr/share/keyrings/debian-archive-keyring.gpg; do
  [ ! -e "$keyring" ] || break
done
echo "deb [signed-by=$keyring] $site $1 main"
