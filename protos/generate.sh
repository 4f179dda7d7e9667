#!/bin/sh
# Regenerates protos/gen from the .proto files. `make protos-check` fails when the committed stubs differ.
set -eu
cd "$(dirname "$0")"
out=${1:-gen}
rm -rf "$out"; mkdir -p "$out"
python -m grpc_tools.protoc -I . --python_out="$out" --grpc_python_out="$out" --mypy_out="$out" --mypy_grpc_out="$out" $(find anju -name '*.proto' | sort)
