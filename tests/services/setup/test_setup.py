"""A cluster as an operator hands it over, without our namespace and search attributes: one command makes them, and no worker serves before."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from anju_onebox.engine.temporal import TemporalServer
from anju_onebox.layout import find_profile
from anju_workflows import setup
from anju_workflows.search_attributes import SEARCH_ATTRIBUTES
from anju_workflows.settings import Settings
from anju_workflows.worker import worker
from chassis.deployment import Deployment, Temporal
from chassis.temporal import connect_to
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bare(session_dir: Path) -> AsyncIterator[TemporalServer]:
    """An engine with the namespace ``default`` and nothing of ours."""
    server = TemporalServer(session_dir / f"bare-{uuid.uuid4().hex[:8]}", search_attributes={})
    await server.start()
    yield server
    await server.stop()


async def client_of(server: TemporalServer, namespace: str) -> Client:
    return await connect_to(Temporal(address=server.address, namespace=namespace))


async def retention(client: Client) -> timedelta:
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


async def anju(*words: str) -> tuple[int | None, str]:
    program = str(Path(sys.executable).parent / "anju")
    running = await asyncio.create_subprocess_exec(program, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    out, _ = await running.communicate()
    return running.returncode, out.decode()


async def test_a_fresh_namespace_is_made_once(bare: TemporalServer, tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(Deployment(temporal=Temporal(address=bare.address, namespace="city-housing")).text(), encoding="utf-8")
    client = await client_of(bare, "city-housing")
    with pytest.raises(setup.NotSetUpError, match=r"city-housing.*anju setup --deployment"):
        await setup.require(client)

    code, said = await anju("setup", "--deployment", str(file))
    assert code == 0, said
    assert all(name in said for name in SEARCH_ATTRIBUTES)
    await setup.require(client)
    assert await retention(client) == setup.DEFAULT_RETENTION

    code, said = await anju("setup", "--deployment", str(file))
    assert code == 0, said
    assert "nothing changed" in said


async def test_a_longer_retention_is_kept_unless_another_is_asked_for(bare: TemporalServer) -> None:
    client = await client_of(bare, "archive")
    await setup.set_up(client, timedelta(days=400))
    assert await setup.set_up(client) == []
    assert await retention(client) == timedelta(days=400)
    await setup.set_up(client, timedelta(days=120))
    assert await retention(client) == timedelta(days=120)


async def test_an_attribute_of_another_type_is_named(bare: TemporalServer) -> None:
    client = await client_of(bare, "mixed-up")
    await setup.set_up(client)
    wrong = {**SEARCH_ATTRIBUTES, "Overdue": "Keyword", "Nowhere": "Bool"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "SEARCH_ATTRIBUTES", wrong)
        assert await setup.missing(client) == ["Overdue (Keyword)", "Nowhere (Bool)"]


async def test_a_worker_refuses_a_namespace_without_them(bare: TemporalServer, keys_dir: Path) -> None:
    """The namespace is there, the attributes are not: everything would be green, and every case would stand still."""
    client = await client_of(bare, "default")
    settings = Settings(keys_dir=keys_dir, profile_dir=find_profile(), simulated_clock=True)
    with pytest.raises(setup.NotSetUpError, match=r"HousingStage.*anju setup --deployment"):
        async with worker(settings, client):
            pass
    await setup.set_up(client)
    async with worker(settings, client):
        pass


async def test_its_process_ends_with_a_sentence(bare: TemporalServer, keys_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANJU_", "TEMPORAL_"))} | {
        "TEMPORAL_ADDRESS": bare.address,
        "TEMPORAL_NAMESPACE": "nobody-made-it",
        "TEMPORAL_CONFIG_FILE": str(tmp_path / "temporal.toml"),
        "ANJU_KEYS_DIR": str(keys_dir),
        "ANJU_PROFILE_DIR": str(find_profile()),
    }
    program = str(Path(sys.executable).parent / "anju-worker")
    running = await asyncio.create_subprocess_exec(
        program, "serve", env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await running.communicate())[0].decode()
    assert running.returncode == 1
    assert "nobody-made-it" in said
    assert setup.COMMAND in said
    assert "Traceback" not in said
