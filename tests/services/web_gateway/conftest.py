from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.services.web_gateway.world import World, world


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway_world(keys_dir: Path) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir) as running:
            yield running


@pytest.fixture
def gateway(gateway_world: World) -> World:
    """The gateway of this module, with forgetful services."""
    gateway_world.backstage.reset()
    return gateway_world
