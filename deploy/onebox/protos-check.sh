#!/bin/sh
# Protos: lint; nothing an older client relies on was broken; the committed stubs are what the .proto files say. Run from the root.
set -eu
(cd protos && buf lint)

# Compared with the newest release: what nobody runs may change freely.
base=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -n "$base" ]; then
    before=$(mktemp -d)
    trap 'rm -rf "$before"' EXIT
    git archive "$base" protos | tar -x -C "$before"
    (cd protos && buf breaking --against "$before/protos")
else
    echo "protos: nothing released yet to compare with"
fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh" "${before:-}"' EXIT
if ! sh protos/generate.sh "$fresh/gen" >"$fresh/log" 2>&1; then
    cat "$fresh/log" >&2
    exit 1
fi
# pyproject and py.typed are ours, the rest is generated.
if ! diff -rq --exclude=__pycache__ --exclude=py.typed --exclude='*.toml' "$fresh/gen" protos/gen; then
    echo "protos/gen is not what the .proto files say: run make protos" >&2
    exit 1
fi
