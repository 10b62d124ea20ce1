#!/bin/sh
# Runs an instrumented program over what its event loop is for, so that the compiler lays it out for that: one replica and
# a fleet, short and long answers, shared prefixes, memory pressure. Usage: tests/train.sh PROGRAM
set -e
run() { "$program" run --no-store --quiet "$@" >/dev/null; }
program=$1
run --requests 60000
run --requests 60000 --qps 896 --replicas 64 --router least-outstanding
run --requests 3000 --workload mooncake-conversation --qps 2
run --requests 3000 --workload constant --concurrency 64 --set workload.output_tokens.value=2000
run --requests 3000 --qps 20 --kv-blocks 4000
run --requests 6000 --with eagle3_v1861
