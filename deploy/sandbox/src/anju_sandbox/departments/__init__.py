"""The departments: one folder each, named by the register's code, with

- ``department.py``: ``DEPARTMENT``, which is all the rest of the sandbox knows of it,
- ``register.py``: its servers.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anju_sandbox.departments.department import Department


def discover() -> Mapping[str, Department]:
    """Every department with a folder here, in the order of its servers' places."""
    found: list[Department] = [
        import_module(f"{__name__}.{module.name}.department").DEPARTMENT for module in pkgutil.iter_modules(__path__) if module.ispkg
    ]
    return {department.code: department for department in sorted(found, key=lambda department: min(department.places.values()))}
