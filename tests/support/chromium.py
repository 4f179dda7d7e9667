"""The browser the pages are tried and measured in, as this machine has it."""

from __future__ import annotations

import os
import shutil
from typing import Final

MISSING: Final = "no Chromium: install chromium and fonts-noto-cjk, or set ANJU_CHROMIUM"
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    return os.environ.get("ANJU_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
