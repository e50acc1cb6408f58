#!/bin/sh
# Builds dist/ct: a single file with the library, Bun's runtime, and the executor for this machine's architecture in it.
set -eu
cd "$(dirname "$0")/.."
scripts/build-executor.sh
mkdir -p dist

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
# A .env or bunfig.toml of the directory that ct is called in must not change what ct does: the latter could make it execute code.
npx bun build --compile --minify --bytecode --compile-jit-policy=100 --format=cjs \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --define CT_VERSION="\"$version\"" \
  --outfile dist/ct src/cli/main-bun.ts "prebuilt/ct-executor-$(uname -m)" >/dev/null
echo "built dist/ct ($(wc -c <dist/ct) bytes)"
