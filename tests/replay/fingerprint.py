"""The commands of each workflow in source order, method by method, read from the syntax tree.

Formatting, names of locals and texts may change freely; what the engine would see may not.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from chassis import commands

SOURCES = Path("workflows/src/anju_workflows")
SUBJECTS = ("application", "waiting", "lease", "rent_cycle", "complaint")
# Beside what runs in the workflow stands what it calls.
OUTSIDE = ("__init__.py", "activities.py")
PARTS = [part for subject in SUBJECTS for part in sorted((SOURCES / subject).glob("*.py")) if part.name not in OUTSIDE]
FILES = ("case.py", "calling.py", *(str(part.relative_to(SOURCES)) for part in PARTS))
ENGINE = {
    "execute_activity",
    "execute_local_activity",
    "start_child_workflow",
    "execute_child_workflow",
    "sleep",
    "wait_condition",
    "upsert_search_attributes",
    "continue_as_new",
    "get_external_workflow_handle",
    "signal",
    "patched",
    "create_task",
    "gather",
}


def _commands(function: ast.AsyncFunctionDef | ast.FunctionDef) -> list[str]:
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in ENGINE or owner in ("self", "calls", "calling"):
                # Whether a step is recorded first decides which command it is.
                kind = "".join(f" {word.arg}={ast.unparse(word.value)}" for word in node.keywords if word.arg == "final")
                found.append((node.lineno, node.col_offset, f"{owner}.{node.func.attr}{kind}"))
    return [name for _, _, name in sorted(found)]


def fingerprints() -> dict[str, dict[str, list[str]]]:
    result = {}
    for name in FILES:
        tree = ast.parse((SOURCES / name).read_text())
        methods = {}
        for node in ast.walk(tree):
            if (
                isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef))
                and node.name not in ("details", "show")
                and not node.name.startswith("_check")
            ):
                commands = _commands(node)
                if commands:
                    methods[node.name] = commands
        result[name] = dict(sorted(methods.items()))
    return result


FILE = Path("tests/replay/fingerprints.json")
app = commands.generator(
    "Writes the fingerprints of the workflows, for a change that is meant to break running cases: say in the commit why.",
    "python -m tests.replay.fingerprint",
    lambda: {FILE: json.dumps(fingerprints(), indent=1, ensure_ascii=False) + "\n"},
)

if __name__ == "__main__":
    commands.start(app, name="python -m tests.replay.fingerprint")
