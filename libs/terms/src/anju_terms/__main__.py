"""``python -m anju_terms [--check]``: the copies for the pages and for deployments. Run from the top of the source tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from anju_terms import Term, review_stage, terms, vocabularies

WEB: Final = Path("web/src/terms.ts")
DEPLOYMENT: Final = Path("deploy/terms.json")
# No page says a word of these: a phone does not fetch them with the first page. The page that begins to takes its vocabulary out of here.
NOT_SHOWN: Final = frozenset(
    {
        "facts",
        "laws",
        "unit_states",
        "view_channels",
    }
)


def _titles() -> dict[str, dict[str, dict[str, str]]]:
    return {name: {code: {"zh": term.zh, "en": term.en} for code, term in found.items()} for name, found in vocabularies().items()}


def typescript() -> str:
    """Titles and hints of every vocabulary that a page speaks, and what else the pages must know of a review level."""
    lines = ["/** Codes and their titles. Written by `make terms` from libs/terms; do not edit. */", "export const terms = {"]
    for name, vocabulary in vocabularies().items():
        if name in NOT_SHOWN:
            continue
        lines.append(f"  {name}: {{")
        lines += [f"    {_key(code)}: {json.dumps(_shown(term), ensure_ascii=False)}," for code, term in vocabulary.items()]
        lines.append("  },")
    lines += [
        "} as const;",
        "/** Review levels in their order: the stage in which a level has a case, and whose duty it is. */",
        "export const levels = {",
    ]
    levels = {code: {"stage": review_stage(code), "role": level.role} for code, level in terms("levels").items()}
    lines += [f"  {code}: {json.dumps(level)}," for code, level in levels.items()]
    lines.append("} as const;\n")
    return "\n".join(lines)


def _key(code: str) -> str:
    return code if code.isidentifier() else json.dumps(code)


def _shown(term: Term) -> dict[str, object]:
    return {"zh": term.zh, "en": term.en} | ({"hint": {"zh": term.hint.zh, "en": term.hint.en}} if term.hint else {})


def deployment() -> str:
    """What a deployment has to know outside the code: the roles its sign-on gives, and every code with its titles."""
    return json.dumps(_titles(), ensure_ascii=False, indent=2) + "\n"


app = typer.Typer(add_completion=False, help="共享代码表 The copies of the vocabularies.")


@app.command(epilog="例 Examples: make terms, make terms-check")
def write(
    check: Annotated[bool, typer.Option("--check", help="只检查 writes nothing; fails when a copy is not what libs/terms says")] = False,
) -> None:
    """Writes the copies for the pages and for deployments."""
    copies = {WEB: typescript(), DEPLOYMENT: deployment()}
    stale = [path for path, text in copies.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check and stale:
        typer.echo(f"{', '.join(map(str, stale))}: not what libs/terms says; run make terms", err=True)
        raise typer.Exit(1)
    for path in stale:
        path.write_text(copies[path], encoding="utf-8")


if __name__ == "__main__":
    app()
