"""A fifth register is its own files and one line in the vocabulary: nothing that treats registers alike is touched.

``fifth_register/`` holds what somebody would add; here it is laid where it would be committed.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import anju.registry.facts.v1 as fact_messages
import anju_sandbox.departments
import anju_terms
import pytest
import pytest_asyncio
import registry_gateway.registers
import yaml
from anju.common.v1 import common_pb2 as common
from anju_sandbox.app import Sandbox
from eligibility import convert
from eligibility.domain.inputs import Registered
from grpc_tools import protoc

from tests.services.registry_gateway.conftest import ALL, World, running_departments
from tests.support.keys import citizen

ADDED = Path(__file__).parent / "fifth_register"


def _compile(proto: Path, out: Path) -> None:
    assert protoc.main(["protoc", f"-I{proto}", f"--python_out={out}", *map(str, proto.rglob("*.proto"))]) == 0


@pytest.fixture(scope="module")
def fifth_register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    stubs = tmp_path_factory.mktemp("stubs")
    _compile(ADDED / "protos", stubs)
    term = {code: anju_terms.Term.model_validate(term) for code, term in yaml.safe_load((ADDED / "terms.yaml").read_text()).items()}
    vocabularies = {**anju_terms.vocabularies(), "registers": {**anju_terms.terms("registers"), **term}}

    def also(patch: pytest.MonkeyPatch, package: ModuleType, folder: Path) -> None:
        patch.setattr(package, "__path__", [*package.__path__, str(folder)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anju_terms, "vocabularies", lambda: vocabularies)
        also(patch, fact_messages, stubs / "anju/registry/facts/v1")
        also(patch, registry_gateway.registers, ADDED / "registers")
        also(patch, anju_sandbox.departments, ADDED / "departments")
        yield
    for name in [name for name in sys.modules if "dibao" in name]:
        del sys.modules[name]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outside(fifth_register: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with running_departments(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


class Relief(Registered):
    """What a criterion would read of it."""

    register_code: ClassVar[str] = "dibao"

    since: str
    monthly_fen: int


async def test_a_fifth_register_is_asked_like_the_others(world: World) -> None:
    no = world.case(world.persona("elder_single"), consented=[*ALL, "dibao"])
    answer = await world.lookup(no, "dibao")
    assert answer.outcome == common.LOOKUP_OUTCOME_FOUND
    assert (answer.summary.zh, answer.summary.en) == ("查到 1 人的最低生活保障记录。", "Living allowances found for 1 person(s).")
    assert world.asked("dibao") == 1
    facts = convert.facts(await world.facts(no)).of(Relief)
    assert [(fact.since, fact.monthly_fen, fact.receipt_id) for fact in facts] == [("201903", 73_000, answer.receipts[0].id)]
    assert list(await world.states(no)) == [*ALL, "dibao"]


async def test_a_family_without_an_allowance_has_no_record(world: World) -> None:
    no = world.case(world.persona("family"), consented=[*ALL, "dibao"])
    answer = await world.lookup(no, "dibao")
    assert (answer.outcome, answer.summary.zh) == (common.LOOKUP_OUTCOME_NO_RECORD, "未查到最低生活保障记录。")
    assert convert.facts(await world.facts(no)).answered("dibao")


async def test_a_silent_fifth_register_is_waited_for(world: World) -> None:
    world.fault(server="dibao", kind="null_data")
    no = world.case(world.persona("elder_single"), consented=[*ALL, "dibao"])
    with pytest.raises(Exception, match="REGISTER_UNAVAILABLE"):
        await world.lookup(no, "dibao")
    state = (await world.states(no, citizen()))["dibao"]
    assert (state.outcome, state.tries) == (common.LOOKUP_OUTCOME_UNAVAILABLE, 1)
    assert not convert.facts(await world.facts(no)).answered("dibao")


async def test_without_consent_the_fifth_register_is_not_asked(world: World) -> None:
    no = world.case(world.persona("elder_single"))
    with pytest.raises(Exception, match="NO_CONSENT"):
        await world.lookup(no, "dibao")
    assert world.asked("dibao") == 0
