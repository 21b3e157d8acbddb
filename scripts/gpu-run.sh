#!/usr/bin/env bash
# Unpacks the bundle beside this file into a temporary folder, and runs the matmul conformance suite and the benchmarks there.
# Usage: run.sh [JSON FILE, default gpu-results.json] [--software] [arguments of bench/matmul …]. Needs xz or python3 to unpack, and the
# GPU's Vulkan driver; variables such as VK_DRIVER_FILES are passed on.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
result=$(realpath -m "${1:-gpu-results.json}")
[ $# -eq 0 ] || shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # FILE.xz
  if command -v xz >/dev/null; then
    xz -dc "$1"
  else
    python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$1"
  fi
}

mkdir -p "$work/app" "$work/bin"
unpack "$here/node.xz" >"$work/bin/node"
chmod +x "$work/bin/node"
for part in app onnx; do
  [ ! -f "$here/$part.tar.xz" ] || unpack "$here/$part.tar.xz" | tar -xf - -C "$work/app"
done

export PATH="$work/bin:$PATH"
# What the software GPU unpacks goes with the rest.
export XDG_CACHE_HOME="${XDG_CACHE_HOME:-$work/cache}"
mkdir -p "$XDG_CACHE_HOME"
cd "$work/app"
"$work/bin/node" gpu-run.mjs "$result" "$@"
