#!/bin/sh
# `boot.sh DIRECTORY IMAGE INIT COMMAND...`: runs a command as root under the kernel that fetch.sh has put into DIRECTORY, on the root that root.sh has made,
# in this working tree; INIT is the script beside this one that is the guest's init. Whatever the command writes is thrown away, except for what it puts into
# /results, which is DIRECTORY/results. The exit status is the command's. PARAMETERS are more words for the kernel's command line.
set -eu
cd "$(dirname "$0")/../.."
if [ "${LIBCT_KERNEL_UNSHARED:-}" != yes ]; then
  # The mounts below are seen here alone; they and the guest's processes, which are processes of this machine too, end with us.
  export LIBCT_KERNEL_UNSHARED=yes
  exec unshare --mount --propagation private --pid --fork --kill-child "$0" "$@"
fi
directory=$(realpath "$1")
image=$(realpath "$2")
init=$3
shift 3
project=$(pwd)
root=$directory/root
results=$directory/results
case "$project" in *[[:space:],:]*) echo "neither overlay nor a kernel's command line takes this path: $project" >&2; exit 1 ;; esac
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

rm -rf "$results"
mkdir -p "$results" "$root/results" "$root/proc" "$root/dev" "$root/tmp" "$root/project"
{
  printf 'cd %s\nexec' "$(quote "$project")"
  for word in "$@"; do printf ' %s' "$(quote "$word")"; done
} >"$results/command"
cp "scripts/kernels/$init" "$results/init"

# hostfs gives a guest all that the mounts of its host permit. So it sees no more of this machine than this.
mount --bind "$results" "$root/results"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir "$root/tmp/upper" "$root/tmp/work"
mount -t overlay -o "lowerdir=$project,upperdir=$root/tmp/upper,workdir=$root/tmp/work" overlay "$root/project"
: >"$root/tmp/image"
mount --bind -o ro "$image" "$root/tmp/image"

# The disk is copied on write, to a file in /tmp, where the guest's memory lies too (TMPDIR), and its control socket, which nobody needs (uml_dir).
env -i TMPDIR=/tmp PATH="$PATH" chroot "$root" /usr/bin/linux.uml \
  mem=3G quiet panic=-1 uml_dir=/tmp con=null con0=fd:0,fd:1 ubd0=/tmp/disk,/tmp/image root=/dev/ubda rw \
  init=/init "PROJECT=$project" PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ${PARAMETERS:-} </dev/null
exit "$(cat "$results/status")"
