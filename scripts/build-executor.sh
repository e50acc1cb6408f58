#!/bin/sh
# Builds the executor from native/ into prebuilt/: for this machine, and for the other architecture where its compiler is installed.
# The same compiler gives the same bytes.
set -eu
cd "$(dirname "$0")/.."
LC_ALL=C
export LC_ALL
mkdir -p prebuilt

flags="-std=c11 -O2 -ffreestanding -nostdlib -static -fno-pie
  -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables
  -Wall -Wextra -Werror -Wconversion -Wshadow
  -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,noseparate-code -s"

first_of() { # the first of these commands that there is
  for command in "$@"; do
    if command -v "$command" >/dev/null 2>&1; then echo "$command"; return 0; fi
  done
}

build() { # architecture, compiler or nothing
  output="prebuilt/ct-executor-$1"
  if [ -e "$output" ] && [ -z "$(find native/*.[ch] scripts/build-executor.sh -newer "$output")" ]; then return 0; fi
  if [ -z "$2" ]; then
    if [ -e "$output" ]; then echo "build-executor: no compiler for $1: $output stays, though it is older than native/" >&2
    else echo "build-executor: no compiler for $1, so no executor for it" >&2; fi
    return 0
  fi
  case "$("$2" --version | head -n 1)" in
    # The loops of memcpy and memset must not become calls of memcpy and memset.
    *clang*) recursion= ;;
    *) recursion=-fno-tree-loop-distribute-patterns ;;
  esac
  # shellcheck disable=SC2086 # the flags are words
  "$2" $flags $recursion -o "$output.new" native/*.c
  mv "$output.new" "$output"
  echo "built $output ($(wc -c <"$output") bytes)"
}

machine=$(uname -m)
own=$(first_of ${CC:-cc gcc clang})
case "$machine" in
  x86_64) other=aarch64 ;;
  aarch64) other=x86_64 ;;
  *) echo "build-executor: libct runs on x86_64 and aarch64, not on $machine" >&2; exit 1 ;;
esac
build "$machine" "$own"
build "$other" "$(first_of "$other-linux-gnu-gcc")"
[ -e "prebuilt/ct-executor-$machine" ]
