"""The registers this gateway can ask: one folder each, named by the register's code, with

- ``spec.py``: ``REGISTER``, which is all the rest of the gateway knows of it,
- ``connector.py``: how it is asked,
- ``answers.py``: what its answers say, without any input or output.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from anju_terms import terms

from registry_gateway.register import Register


def discover() -> Mapping[str, Register]:
    """Every register with a folder here, in the order of the vocabulary. Raises ValueError for a folder whose code is not in it."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        register: Register = import_module(f"{__name__}.{module.name}.spec").REGISTER
        if register.code != module.name or register.code not in terms("registers"):
            raise ValueError(f"{module.name}: a register has the name of its folder and a title in the vocabulary registers")
        found[register.code] = register
    return {code: found[code] for code in terms("registers") if code in found}
