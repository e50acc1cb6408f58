#!/bin/sh
# Builds dist/ct: a single file with the library, Bun's runtime and the executor in it.
set -eu
cd "$(dirname "$0")/.."
scripts/build-executor.sh
mkdir -p dist
npx bun build --compile --minify --bytecode --format=cjs --outfile dist/ct src/cli/main-bun.ts >/dev/null
echo "built dist/ct ($(wc -c <dist/ct) bytes)"
