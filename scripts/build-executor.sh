#!/bin/sh
# Builds the executor from native/ into prebuilt/: for this machine, and for the other architecture where its compiler is installed.
set -eu
cd "$(dirname "$0")/.."
mkdir -p prebuilt

flags="-std=c11 -O2 -ffreestanding -nostdlib -static -fno-stack-protector -fno-asynchronous-unwind-tables
  -Wall -Wextra -Werror -Wconversion -Wshadow -Wl,--build-id=none -Wl,-z,noexecstack -s"
case "$(${CC:-cc} --version 2>/dev/null | head -n 1)" in
  *clang*) ;;
  *) flags="$flags -fno-tree-loop-distribute-patterns" ;;
esac

build() { # architecture, compiler
  output="prebuilt/ct-executor-$1"
  if ! command -v "$2" >/dev/null 2>&1; then
    [ -e "$output" ] || echo "build-executor: no compiler $2, so no executor for $1" >&2
    return 0
  fi
  if [ -e "$output" ] && [ -z "$(find native scripts/build-executor.sh -newer "$output" -type f)" ]; then return 0; fi
  # shellcheck disable=SC2086 # the flags are words
  "$2" $flags -o "$output.new" native/*.c
  mv "$output.new" "$output"
  echo "built $output ($(wc -c <"$output") bytes)"
}

native=$(uname -m)
case "$native" in
  x86_64) build x86_64 "${CC:-cc}"; build aarch64 aarch64-linux-gnu-gcc ;;
  aarch64) build aarch64 "${CC:-cc}"; build x86_64 x86_64-linux-gnu-gcc ;;
  *) echo "build-executor: libct runs on x86_64 and aarch64, not on $native" >&2; exit 1 ;;
esac
