#!/bin/sh
# Protos: lint; nothing an older client relies on was broken; the committed stubs are what the .proto files say. Run from the root.
set -eu
(cd protos && buf lint)

# Compared with the main branch when this is another one, else with the commit before.
base=
if git rev-parse --git-dir >/dev/null 2>&1; then
    head=$(git rev-parse HEAD)
    for candidate in origin/main main HEAD~1; do
        commit=$(git rev-parse --verify --quiet "$candidate^{commit}" || true)
        if [ -n "$commit" ] && [ "$commit" != "$head" ] && git cat-file -e "$commit:protos/buf.yaml" 2>/dev/null; then
            base=$commit
            break
        fi
    done
fi
if [ -n "$base" ]; then
    before=$(mktemp -d)
    trap 'rm -rf "$before"' EXIT
    git archive "$base" protos | tar -x -C "$before"
    (cd protos && buf breaking --against "$before/protos")
else
    echo "protos: no older version to compare with"
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
