#!/usr/bin/env bash
# ClusterFuzzLite and OSS-Fuzz call this in the container; $OUT is where targets go, $SANITIZER which one is wanted.
set -euo pipefail
cd "$SRC/rdmfuzz"
Tools/libfuzzer/build "$OUT"
