#!/bin/sh
# Bundles `ct` for Node, which would spend most of a short command's time looking for hundreds of files. What a command does not need stays in files of its own.
set -eu
cd "$(dirname "$0")/.."
rm -rf dist/cli
npx bun build src/cli/main.ts --target=node --format=esm --splitting --packages=external --outdir dist/cli >/dev/null
chmod +x dist/cli/main.js
