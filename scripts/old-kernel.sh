#!/bin/sh
# Runs a command on a kernel that seems older: a seccomp filter answers newer system calls with ENOSYS.
# `scripts/old-kernel.sh npx vitest run --project system`
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
cat >build/old-kernel.c <<'END'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
#define MISSING(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)
int main(int argc, char **argv)
{
  /* clone3, openat2, open_tree, move_mount, fsopen, mount_setattr, pidfd_open, close_range: the same numbers everywhere. */
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    MISSING(435), MISSING(437), MISSING(428), MISSING(429), MISSING(430), MISSING(442), MISSING(434), MISSING(436),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (argc < 2 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return perror("old-kernel"), 125;
  execvp(argv[1], argv + 1);
  return perror(argv[1]), 126;
}
END
cc -O1 -o build/old-kernel build/old-kernel.c
export LIBCT_TEST_KERNEL=1 # what such kernels lack is skipped, with CI=true too
exec build/old-kernel "$@"
