#!/usr/bin/env bash
# The check-up of a card (docs/gpu-checkup.md): from the unpacked archive of `npm run bundle:gpu`, which brings node and
# all packages, or from a checkout that is built. Arguments go to dist/bench/checkup/main.js:
#   run.sh [--budget SECONDS, default 480] [--out FOLDER] [--software] [--only PART,PART]
# Exit codes: 0 all that ran is right, 1 something is wrong, 2 wrong arguments, 3 no hardware adapter, 4 nothing to run with.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
app="$here/app"
[ -d "$app" ] || app=$(cd "$here/../.." && pwd)
main="$app/dist/bench/checkup/main.js"
if [ ! -f "$main" ]; then
  echo "run.sh: there is no $main: npm ci && npm run build" >&2
  exit 4
fi

starts() { "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' >/dev/null 2>&1; }

node="$here/node"
if [ -x "$node" ]; then
  # A system without a C++ library takes the one that came along.
  starts "$node" || export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
else
  node=$(command -v node || true)
fi
if [ -z "$node" ] || ! starts "$node"; then
  echo "run.sh: no node of version 20 or later starts here: $("${node:-node}" --version 2>&1 | head -n 1)" >&2
  exit 4
fi
# With exec, signals reach the check-up itself, which writes down what it has.
exec "$node" --enable-source-maps "$main" "$@"
