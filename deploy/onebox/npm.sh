#!/bin/sh
# npm of this machine when its Node is new enough, else the one that came with the virtual environment. Run from the root of the source tree.
set -eu
root=$(pwd)
if ! command -v npm >/dev/null 2>&1 || ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    PATH="$root/.venv/bin:$PATH"
    export PATH
fi
# npm keeps its cache at home; a process without one gets a place of its own.
if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-/nonexistent}" ]; then
    HOME="$root/.anju/home"
    export HOME
    mkdir -p "$HOME"
fi
cd "$root/web"
exec npm "$@"
