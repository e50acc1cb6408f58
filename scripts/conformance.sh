#!/bin/sh
# Builds the OCI's conformance programs (runtime-tools, "validation"), runs them with ct-runtime and with runc, and writes docs/conformance.md.
# Usage: scripts/conformance.sh [TEST...]: with tests only these are run, and nothing is written.
# It needs root, Go (https://go.dev) and Go's module proxy. SCRATCH=DIR keeps what was built.
set -eu
cd "$(dirname "$0")/.."
MODULE=github.com/opencontainers/runtime-tools@v0.9.1-0.20250523060157-0ea5ed0382a2

# Some of these tests let runc mount things on the host: nobody else is to see that.
if [ "${CT_CONFORMANCE_INSIDE:-}" != yes ]; then
  CT_CONFORMANCE_INSIDE=yes exec unshare --mount --propagation private "$0" "$@"
fi

PATH="$PATH:/usr/local/go/bin:/usr/sbin:/sbin"
temporary=$(mktemp -d)
chmod 755 "$temporary"
scratch=${SCRATCH:-$temporary/scratch}
mkdir -p "$scratch"
results=$temporary/results

runtime() { # a short name: its command line
  case "$1" in
    ct-runtime) echo "$PWD/dist/ct-runtime --root $temporary/ct-runtime-state" ;;
    *) echo "$(command -v "$1") --root $temporary/$1-state" ;;
  esac
}

clean_up() {
  for name in ct-runtime runc; do
    for id in $($(runtime $name) list --quiet 2>/dev/null); do $(runtime $name) delete --force "$id" || true; done
  done
  # The tests' own cgroups; intermediate directories are nobody's.
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    rmdir "$hierarchy/testdir/cgrouptest" "$hierarchy/testdir" 2>/dev/null || true
  done
  umount -R "$temporary"/tmp/* 2>/dev/null || true
  rm -rf --one-file-system "$temporary"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

build() {
  mkdir -p "$scratch/module"
  (
    cd "$scratch/module"
    [ -f go.mod ] || printf 'module scratch\n' >go.mod
    GOFLAGS=-mod=mod go mod download -json "$MODULE" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' >directory
  )
  mkdir -p "$scratch/source"
  cp -R "$(cat "$scratch/module/directory")/." "$scratch/source"
  chmod -R u+w "$scratch/source"
  cd "$scratch/source"
  export GOFLAGS=-mod=mod CGO_ENABLED=0
  go build -o runtimetest ./cmd/runtimetest
  mkdir -p ../programs
  go build -o ../programs/ ./validation/...
  touch ../built
}

[ -e "$scratch/built" ] || (build)
[ -x dist/ct-runtime ] || scripts/build-bin.sh

run() { # name of a runtime, tests
  name=$1
  shift
  mkdir -p "$results/$name" "$temporary/tmp"
  printf '#!/bin/sh\nexec %s "$@"\n' "$(runtime "$name")" >"$temporary/$name"
  chmod +x "$temporary/$name"
  for test in "$@"; do
    echo "$name: $test" >&2
    status=0
    (cd "$scratch/source" && TMPDIR=$temporary/tmp RUNTIME=$temporary/$name timeout 90 "$scratch/programs/$test") \
      >"$results/$name/$test.tap" 2>"$results/$name/$test.errors" </dev/null || status=$?
    echo $status >"$results/$name/$test.status"
  done
}

if [ $# -gt 0 ]; then
  run ct-runtime "$@"
  cat "$results"/ct-runtime/*.tap "$results"/ct-runtime/*.errors
  exit 0
fi
# shellcheck disable=SC2046 # the tests are words
run ct-runtime $(ls "$scratch/programs")
# shellcheck disable=SC2046
run runc $(ls "$scratch/programs")
npx bun scripts/conformance-table.ts "$results" "$MODULE" "$(runc --version | sed -n 's/runc version //p' | head -1)" >"$temporary/table"
cp "$temporary/table" docs/conformance.md
npx biome format --write docs/conformance.md
