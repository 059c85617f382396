#!/usr/bin/env bash
# Checks on one NVIDIA GPU, in 13 minutes, that all of CUDA is right and how fast it is: docs/gpu-day.md.
#
#   scripts/gpu-day.sh FOLDER [--device cuda|cpu] [--small] [--minutes 13] [--only NAME,...]
#
# FOLDER gets the reports. Where cameo is not built, what scripts/gpu-load.py packed is unpacked first.
set -euo pipefail
cd "$(dirname "$0")/.."

load=build/gpu-day/load.tar.xz
if [ ! -d dist ] && [ -f "$load" ]; then
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(filter="tar")' "$load"
fi
torch=$(python3 -c 'import torch; print(torch.__path__[0])' 2>/dev/null || true)
if [ -n "$torch" ]; then export CAMEO_LIBTORCH="${CAMEO_LIBTORCH:-$torch}"; fi
node=$(command -v node || echo build/gpu-day/bin/node)
exec "$node" bench/gpu_day/run.mjs "$@"
