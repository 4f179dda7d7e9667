"""``python -m anju_terms [--check]``: the copies for the pages and for deployments. Run from the top of the source tree."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from anju_terms import vocabularies

WEB: Final = Path("web/src/terms.ts")
DEPLOYMENT: Final = Path("deploy/terms.json")


def _titles() -> dict[str, dict[str, dict[str, str]]]:
    return {name: {code: {"zh": term.zh, "en": term.en} for code, term in terms.items()} for name, terms in vocabularies().items()}


def typescript() -> str:
    lines = ["/** Codes and their titles. Written by `make terms` from libs/terms; do not edit. */", "export const terms = {"]
    for name, terms in _titles().items():
        lines.append(f"  {name}: {{")
        lines += [f"    {code}: {json.dumps(title, ensure_ascii=False)}," for code, title in terms.items()]
        lines.append("  },")
    lines.append("} as const;\n")
    return "\n".join(lines)


def deployment() -> str:
    """What a deployment has to know outside the code: the roles its sign-on gives, and every code with its titles."""
    return json.dumps(_titles(), ensure_ascii=False, indent=2) + "\n"


def main() -> int:
    stale = [path for path, text in ((WEB, typescript()), (DEPLOYMENT, deployment())) if _write(path, text)]
    if stale and "--check" in sys.argv[1:]:
        sys.stderr.write(f"{', '.join(map(str, stale))}: not what libs/terms says; run make terms\n")
        return 1
    return 0


def _write(path: Path, text: str) -> bool:
    """Whether the file said something else."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    if "--check" not in sys.argv[1:]:
        path.write_text(text, encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
