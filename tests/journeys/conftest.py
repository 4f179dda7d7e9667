from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from anju_stories.household import Household

from tests.support.boxes import RunningBox, running_box
from tests.support.families import Families


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def box(session_dir: Path) -> AsyncIterator[RunningBox]:
    """One whole box for all journeys; each journey brings its own household."""
    # Every kind of person is tried at what strangers may say, from one address.
    async with running_box(session_dir / "journeys", surrounded_by={"ANJU_STRANGER_REQUESTS_PER_MINUTE": "600"}) as running:
        yield running


@pytest.fixture(scope="session")
def families(box: RunningBox) -> Families:
    return Families(box, 200_000)


@pytest_asyncio.fixture(loop_scope="session")
async def family(families: Families) -> Household:
    return await families.one("410202")
