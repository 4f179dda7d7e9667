#!/bin/sh
# Prints the path of uv, installing it when the machine has none: nothing but Python >= 3.11 is asked for.
set -eu

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

python=$(find_python) || {
    say "需要 Python 3.11 或更新的版本。Anju needs Python 3.11 or newer, and none was found."
    say "  Debian/Ubuntu: sudo apt install python3 python3-venv      macOS: brew install python"
    exit 1
}

for candidate in "$(command -v uv 2>/dev/null || true)" "${HOME:-/nonexistent}/.local/bin/uv" .anju/tools/bin/uv; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
        printf '%s\n' "$candidate"
        exit 0
    fi
done

say "正在安装 uv… Installing uv, the package manager…"
mkdir -p .anju
# A virtual environment of its own touches nothing else on the machine; a Debian without python3-venv gets a user installation instead.
if "$python" -m venv .anju/tools >/dev/null 2>&1 && .anju/tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8' >&2; then
    printf '%s\n' .anju/tools/bin/uv
    exit 0
fi
rm -rf .anju/tools
if "$python" -m pip --version >/dev/null 2>&1; then
    PYTHONUSERBASE="$PWD/.anju/tools" "$python" -m pip install --quiet --user --break-system-packages --disable-pip-version-check 'uv>=0.8' >&2 \
        || PYTHONUSERBASE="$PWD/.anju/tools" "$python" -m pip install --quiet --user --disable-pip-version-check 'uv>=0.8' >&2
    printf '%s\n' .anju/tools/bin/uv
    exit 0
fi
say "这台机器的 Python 没有 pip 和 venv。This Python has neither pip nor venv."
say "  Debian/Ubuntu: sudo apt install python3-venv"
exit 1
