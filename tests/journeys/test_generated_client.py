"""The document is enough to build on: a client is generated from it, and the example of the documentation runs on that client."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.boxes import RunningBox
from tests.support.families import Families

ROOT = Path(__file__).parents[2]


async def run(*command: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=os.environ | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode()
    return process.returncode or 0, said


@pytest.fixture(scope="module")
async def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    generator = str(Path(sys.executable).parent / "openapi-python-client")
    given = ("--path", "services/web-gateway/openapi.json", "--config", "docs/examples/python-client.yaml", "--meta", "none")
    code, said = await run(generator, "generate", *given, "--output-path", str(folder / "anju_client"))
    assert code == 0, said
    # An operation which the generator cannot express is left out with a warning: a hole in somebody's client.
    assert "warning" not in said.lower(), said
    return folder


async def example(box: RunningBox, clients: Path, token: str) -> tuple[int, str]:
    return await run(sys.executable, "docs/examples/my_matters.py", box.url, PYTHONPATH=str(clients), ANJU_TOKEN=token)


async def test_the_example_shows_a_person_what_he_waits_for(box: RunningBox, families: Families, clients: Path) -> None:
    family = await families.one()
    await family.submit()
    await family.reaches("street_review")
    code, said = await example(box, clients, await family.applicant.token())
    assert code == 0, said
    assert f"{family.no}  " in said
    assert "，期限 20" in said
    assert "部门查询了您" in said
    told = [line for line in said.splitlines() if line.startswith("新")]
    again = (await example(box, clients, await family.applicant.token()))[1]
    assert told
    assert not any(line in again.splitlines() for line in told), "what was read is new no more"


async def test_the_example_says_why_it_is_refused(box: RunningBox, clients: Path) -> None:
    code, said = await example(box, clients, "nobody")
    assert code == 1
    assert "请先登录" in said
    assert "Traceback" not in said
