#!/bin/sh
# `npm run fuzz [-- SECONDS]`: feeds the executor's check, interpreter and supervision random programs, under the address and undefined-behaviour
# sanitizers (clang's libFuzzer).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
mkdir -p build/fuzz/corpus
clang -std=gnu11 -g -O1 -DCT_FUZZ -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o build/fuzz/executor native/fuzz/fuzz.c \
  native/program.c native/command.c native/supervise.c native/relay.c native/descendants.c native/log.c native/restart.c native/sys.c
build/fuzz/executor -max_total_time="$seconds" -max_len=4096 -timeout=5 -print_final_stats=1 -artifact_prefix=build/fuzz/ build/fuzz/corpus
