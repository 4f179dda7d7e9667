from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.boxes import RunningBox, running_box
from tests.support.families import Families


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def split_box(session_dir: Path) -> AsyncIterator[RunningBox]:
    """A box whose services and worker are processes of their own, so that each can be killed alone."""
    async with running_box(session_dir / "faults", "--processes") as running:
        yield running


@pytest.fixture(scope="session")
def families(split_box: RunningBox) -> Families:
    return Families(split_box, 400_000)
