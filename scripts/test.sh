#!/bin/sh
# `npm test`: sets everything up, and passes the tests. Arguments go to vitest.
set -eu
cd "$(dirname "$0")/.."
[ -d node_modules ] || npm install --no-audit --no-fund --loglevel=error
scripts/setup.sh
npm run --silent build
mkdir -p build
rm -f build/tests.json
status=0
npx vitest run --reporter=default --reporter=json --outputFile.json=build/tests.json "$@" || status=$?
# One more kernel, with nothing but cgroup v2, and what depends on that most; `npm run test:kernels` has all kernels and all system tests.
if [ $# -eq 0 ]; then npx bun scripts/test-kernels.ts bookworm system/cgroup system/lifecycle || status=1; fi
node scripts/summary.mjs build/tests.json || status=1
exit "$status"
