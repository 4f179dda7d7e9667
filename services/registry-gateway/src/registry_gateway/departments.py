"""The departments file: which registers a city has given us access to, and how each is reached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, RootModel

from registry_gateway.register import Register


class _File(RootModel[dict[str, Any]]):
    model_config = ConfigDict(hide_input_in_errors=True)


def load(path: Path, registers: Mapping[str, Register]) -> Mapping[str, Any]:
    """The access data by register, in the order of ``registers``.

    Raises FileNotFoundError, pydantic's ValidationError (which does not repeat the keys) for data of another shape, and ValueError for a file without
    registers or with one nobody can ask.
    """
    given = _File.model_validate_json(path.read_text(encoding="utf-8")).root
    unknown = sorted(set(given) - set(registers))
    if unknown or not given:
        raise ValueError(f"{path}: {', '.join(unknown) or 'no register'}; known: {', '.join(registers)}")
    return {code: register.access.validate_python(given[code]) for code, register in registers.items() if code in given}
