"""Which tests share a worker when the suite runs in parallel, and which are begun first."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# One whole box for all tests of such a folder. The longest first: whatever is begun last decides when the run is over.
BOXES: Final = ("tests/faults", "tests/journeys", "tests/browser")
# Files which take a minute or so each, most of it in waiting for boxes and engines.
_LONG: Final = ("tests/services/onebox/test_box.py", "tests/services/onebox/test_engines.py", "tests/services/web_gateway/test_contract.py")


def group(node: str) -> str:
    """Tests of one group run on one worker, one after another in the order of their files: what a module or a box has built is built once."""
    path = PurePosixPath(node.split("::")[0])
    return next((box for box in BOXES if path.is_relative_to(box)), str(path))


def turn(node: str) -> int:
    """Groups with a lower number are begun earlier; those of the same in the order of their files."""
    order = (*BOXES, *_LONG, "tests/services", "tests/workflows")
    path = PurePosixPath(node.split("::")[0])
    return next((number for number, place in enumerate(order) if path.is_relative_to(place)), len(order))


class GroupScheduling(LoadScopeScheduling):
    """Hands out whole groups, in the order of collection. (xdist's own groups are marked in the ids of tests, which pytest 9 does not show any more.)"""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        # By the number of their tests the groups with a box would come last.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
