from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from anju_onebox.engine.temporal import TemporalServer
from chassis.crypto import KeyRing

from tests.workflows.stage import Stage, stage


@pytest.fixture(scope="session")
def payload_keys() -> KeyRing:
    return KeyRing.generate()


@pytest.fixture
async def theatre(temporal_server: TemporalServer, payload_keys: KeyRing) -> AsyncIterator[Stage]:
    async with stage(temporal_server.address, payload_keys) as made:
        yield made
