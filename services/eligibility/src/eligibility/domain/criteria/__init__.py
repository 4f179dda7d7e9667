"""The admission criteria (准入条件), one file each, named by the criterion's code. A file brings ``CRITERION``; ``rules`` knows none of them by name."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from anju_terms import terms

from eligibility.domain.criterion import Criterion


@cache
def discover() -> Mapping[str, Criterion]:
    """Every criterion, in the order of the vocabulary, which is the order people read. Raises ValueError for a file whose code is not in it."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        criterion: Criterion = import_module(f"{__name__}.{module.name}").CRITERION
        if criterion.code != module.name or criterion.code not in terms("criteria"):
            raise ValueError(f"{module.name}: a criterion has the name of its file and a title in the vocabulary criteria")
        found[criterion.code] = criterion
    return {code: found[code] for code in terms("criteria") if code in found}
