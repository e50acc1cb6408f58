#!/bin/sh
# Builds dist/ct: a single file with the library, Bun's runtime, and the executor for this machine's architecture in it.
set -eu
cd "$(dirname "$0")/.."
scripts/build-executor.sh
mkdir -p dist build

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)

# A short command is over before a just-in-time compiler pays: it starts late. Chunks that a command does not need are not loaded.
# A .env or bunfig.toml of the directory that ct is called in must not change what ct does: the latter could make it execute code.
bundle() { # output, further options
  output=$1
  shift
  npx bun build --compile --minify --bytecode --format=esm --splitting --compile-jit-policy=100 \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    --define CT_VERSION="\"$version\"" "$@" \
    --outfile "$output" src/cli/main-bun.ts "prebuilt/ct-executor-$(uname -m)" >/dev/null
}

bundle build/ct-first
# What a run uses is laid out in the order in which it is used. Where no container can be run the order is that of the attempt.
rm -f build/bytecode-order
BUN_BYTECODE_ORDER_OUT=build/bytecode-order build/ct-first run -- true >/dev/null 2>&1 || true
if [ -s build/bytecode-order ]; then bundle dist/ct --bytecode-order=build/bytecode-order; else mv build/ct-first dist/ct; fi
rm -f build/ct-first
echo "built dist/ct ($(wc -c <dist/ct) bytes)"
