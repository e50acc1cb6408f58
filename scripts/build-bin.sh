#!/bin/sh
# Builds dist/ct and dist/ct-runtime: single files with the library, Bun's runtime, and the executor for this machine's architecture in them.
set -eu
cd "$(dirname "$0")/.."
scripts/build-executor.sh
mkdir -p dist build

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
executor=prebuilt/ct-executor-$(uname -m)

# A short command is over before a just-in-time compiler pays: it starts late. Chunks that a command does not need are not loaded.
# A .env or bunfig.toml of the directory that a command is called in must not change what it does: the latter could make it execute code.
bundle() { # entry, output, further options
  entry=$1 output=$2
  shift 2
  npx bun build --compile --minify --bytecode --format=esm --splitting --compile-jit-policy=100 \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    --define CT_VERSION="\"$version\"" "$@" \
    --outfile "$output" "$entry" "$executor" >/dev/null
}

# What commands use is laid out in the order in which they use it. Where no container can be run the order is that of the attempt.
build() { # entry, name, command line that makes ready, command lines of usual runs
  entry=$1 name=$2 ready=$3 order=build/$2-order
  shift 3
  bundle "$entry" "build/$name-first"
  # Words of these command lines have no blanks.
  "build/$name-first" $ready >/dev/null 2>&1 || true
  rm -f "$order"
  for line; do
    BUN_BYTECODE_ORDER_OUT=$PWD/$order-one "build/$name-first" $line >/dev/null 2>&1 || true
    [ ! -s "$order-one" ] || cat "$order-one" >>"$order"
    rm -f "$order-one"
  done
  if [ -s "$order" ]; then
    awk '!seen[$0]++' "$order" >"$order-all"
    mv "$order-all" "$order"
    bundle "$entry" "dist/$name" "--bytecode-order=$PWD/$order"
  else mv "build/$name-first" "dist/$name"; fi
  rm -f "build/$name-first"
  echo "built dist/$name ($(wc -c <"dist/$name") bytes)"
}

# An image of one program, which need not succeed.
usual=build/usual-image
rm -rf "$usual"
mkdir -p "$usual/root"
cp "$executor" "$usual/root/true"
build src/cli/main-bun.ts ct "--data $usual/data image import $usual/root usual" \
  "run -- true" "--data $usual/data run usual -- /true"
rm -rf "$usual"

bundle=build/usual-bundle
rm -rf "$bundle"
mkdir -p "$bundle/state" "$bundle/rootfs"
chmod 700 "$bundle/state"
npx bun scripts/usual-bundle.ts >"$bundle/config.json"
build src/cli/runtime/main-bun.ts ct-runtime version "--root $bundle/state run --bundle $bundle usual"
