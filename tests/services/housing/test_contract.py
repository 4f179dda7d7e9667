"""What was shown is what is signed, and what is signed is kept."""

from __future__ import annotations

import asyncpg
import pytest
from anju.housing.v1 import housing_pb2 as pb
from anju_contracts import lease as lease_contract
from anju_contracts.base import Model
from chassis.crypto import DecryptionError, KeyRing
from chassis.errors import Refusal
from housing import store
from housing.domain.contract import digest_of
from housing.errors import LEASE_NOT_OPEN
from sqlalchemy.exc import DBAPIError

from tests.services.housing.world import MANAGER, World, refused
from tests.support.keys import citizen, staff
from tests.support.patience import eventually

OWNER = citizen("c-KF-1")


async def drafted(world: World) -> pb.Lease:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    return await world.close_offer(offer.id, "accepted")


async def contract(world: World, no: str) -> pb.GetContractResponse:
    answer: pb.GetContractResponse = await world.call("GetContract", pb.GetContractRequest(lease_no=no), OWNER)
    return answer


def takes_it(world: World) -> None:
    async def workflow_signs(workflow_id: str, name: str, said: Model) -> None:
        await world.advance(workflow_id.removeprefix(lease_contract.workflow_id("")), "signed")

    world.notes.on_update = workflow_signs


async def test_what_was_read_is_what_is_signed_and_kept(world: World) -> None:
    lease = await drafted(world)
    shown = await contract(world, lease.no)
    assert not shown.HasField("signed_at")
    assert shown.sample, "Kaifeng's text is a sample, and is said to be one"
    parties = shown.clauses[0].text[1].zh
    assert "张晓明" in parties
    assert "4102************34" in parties
    takes_it(world)
    assert (await world.sign(lease.no, OWNER)).state == "deposit"
    ((word_id, digest, sealed),) = await world.sql("SELECT word_id, digest, document_sealed FROM contracts")
    assert digest == shown.digest == digest_of(world.ring.decrypt(sealed, f"contracts|document_sealed|{word_id}"))
    assert await world.sql("SELECT word_id, contract_id FROM leases") == [(word_id, word_id)]
    assert "张晓明".encode() not in sealed
    with pytest.raises(DecryptionError):
        KeyRing.generate().decrypt(sealed, f"contracts|document_sealed|{word_id}")
    # What was signed stays, whatever becomes of the home, the name or the city's text.
    await world.sql("UPDATE units SET monthly_rent_fen = 99900")
    world.households.name = "张三"
    kept = await contract(world, lease.no)
    assert (kept.digest, list(kept.clauses)) == (shown.digest, list(shown.clauses))
    assert kept.signed_at == (await world.tenancy("KF-1")).lease.signed_at
    for change in ("UPDATE contracts SET digest = ''", "DELETE FROM contracts"):
        with pytest.raises((DBAPIError, asyncpg.PostgresError)):
            await world.sql(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE units SET monthly_rent_fen = monthly_rent_fen + 1",
        "UPDATE units SET deposit_fen = 0",
        "UPDATE estates SET address = '别处 2 号'",
    ],
)
async def test_what_has_changed_since_it_was_read_is_not_signed(world: World, change: str) -> None:
    lease = await drafted(world)
    shown = await contract(world, lease.no)
    takes_it(world)
    await world.sql(change)
    refusal = await refused(world.sign(lease.no, OWNER, "once", digest=shown.digest))
    assert refusal.problem.reason == "TERMS_CHANGED"
    assert (await world.tenancy("KF-1")).lease.state == "signing"
    assert await world.sql("SELECT * FROM contracts") == []
    assert world.notes.updates == []
    # The new text, under the same key: nothing was said by it.
    assert (await world.sign(lease.no, OWNER, "once")).state == "deposit"


async def test_another_term_or_another_name_is_another_contract(world: World) -> None:
    lease = await drafted(world)
    shown = await contract(world, lease.no)
    world.terms.now = world.terms.now._replace(term_months=24)
    assert (await refused(world.sign(lease.no, OWNER, digest=shown.digest))).problem.reason == "TERMS_CHANGED"
    world.terms.now = world.terms.now._replace(term_months=36)
    world.households.name = "张小明"
    assert (await refused(world.sign(lease.no, OWNER, digest=shown.digest))).problem.reason == "TERMS_CHANGED"


async def test_a_repeat_is_the_same_signature_and_a_signed_lease_is_not_signed_again(world: World) -> None:
    lease = await drafted(world)
    takes_it(world)
    await world.sign(lease.no, OWNER, "key")
    assert (await world.sign(lease.no, OWNER, "key")).state == "deposit"
    assert (await refused(world.sign(lease.no, OWNER, "other"))).problem.reason == "LEASE_NOT_OPEN"
    assert len(world.notes.updates) == 1


async def test_nothing_is_kept_of_a_signature_the_workflow_refuses(world: World) -> None:
    lease = await drafted(world)

    async def too_late(workflow_id: str, name: str, said: Model) -> None:
        await world.advance(lease.no, "lapsed")
        raise Refusal(LEASE_NOT_OPEN)

    world.notes.on_update = too_late
    assert (await refused(world.sign(lease.no, OWNER))).problem.reason == "LEASE_NOT_OPEN"
    assert await world.sql("SELECT * FROM contracts") == []
    assert (await refused(contract(world, lease.no))).problem.reason == "LEASE_NOT_OPEN"


@pytest.mark.parametrize("broken", ["UPDATE_WORD", "OTHER_LEASE", "NO_CONTRACT"])
async def test_a_step_signs_only_the_contract_its_word_names(world: World, broken: str) -> None:
    lease = await drafted(world)
    word = await world.signature(lease.no)
    async with world.database.transaction() as session:
        kept = await store.contract(session, word.request_id)
        assert kept is not None
        await store.drop_contract(session, word.request_id)
        if broken != "NO_CONTRACT":
            values = kept.model_dump() | ({"lease_no": "L-2026-999999"} if broken == "OTHER_LEASE" else {"digest": "0" * 64})
            await session.flush()
            session.expunge(kept)
            session.add(type(kept)(**values))
    step = pb.AdvanceLeaseRequest(lease_no=lease.no, step=world.next_step(word=word), event="signed")
    assert (await refused(world.step("AdvanceLease", step))).problem.reason == "NOT_SAID"
    assert (await world.tenancy("KF-1")).lease.state == "signing"


async def signed(world: World) -> pb.Lease:
    lease = await drafted(world)
    takes_it(world)
    return await world.sign(lease.no, OWNER)


async def kept_files(world: World) -> list[tuple[str, str, bytes]]:
    return [tuple(row) for row in await world.sql("SELECT word_id, sha256, file_sealed FROM contract_files")]


async def test_the_file_is_made_after_the_signature_and_a_lost_one_is_made_again_to_the_byte(world: World) -> None:
    lease = await signed(world)
    await eventually(lambda: kept_files(world))
    ((word_id, sha256, sealed),) = await kept_files(world)
    file = await world.file(lease.no, OWNER)
    assert file.startswith(b"%PDF-")
    assert digest_of(file) == sha256
    assert world.ring.decrypt(sealed, f"contract_files|file_sealed|{word_id}") == file
    assert file not in sealed
    for change in ("UPDATE contract_files SET sha256 = ''", "DELETE FROM contract_files"):
        with pytest.raises((DBAPIError, asyncpg.PostgresError)):
            await world.sql(change)
    await world.sql("ALTER TABLE contract_files DISABLE TRIGGER contract_files_kept")
    await world.sql("DELETE FROM contract_files")
    assert await world.file(lease.no, OWNER) == file
    assert [(row[0], row[1]) for row in await kept_files(world)] == [(word_id, sha256)]


async def test_who_gets_the_file_of_a_contract(world: World) -> None:
    lease = await signed(world)
    assert await world.file(lease.no, OWNER) == await world.file(lease.no, MANAGER)
    looks = await world.sql("SELECT what, roles, households FROM staff_read WHERE what = 'contract'")
    assert [tuple(look) for look in looks] == [("contract", "house_manager", ["KF-1"])], "the tenant's own look is none of staff"
    for caller, reason in (
        (citizen("c-KF-2"), "NOT_FOUND"),
        (staff("house_manager", "410203"), "NOT_FOUND"),
        (staff("street_clerk", "410202001"), "NOT_ALLOWED"),
        (staff("auditor", "4102"), "NOT_ALLOWED"),
    ):
        assert (await refused(world.file(lease.no, caller))).problem.reason == reason
    assert (await refused(world.file("L-2026-999999", OWNER))).problem.reason == "NOT_FOUND"


async def test_there_is_no_file_before_the_signature(world: World) -> None:
    lease = await drafted(world)
    assert (await refused(world.file(lease.no, OWNER))).problem.reason == "NOT_FOUND"
    assert await kept_files(world) == []


async def test_a_paper_is_checked_by_anybody_and_tells_nobody_s_name(world: World) -> None:
    lease = await signed(world)
    mark = (await contract(world, lease.no)).digest[:16]

    async def checked(no: str, mark: str) -> pb.CheckContractResponse:
        answer: pb.CheckContractResponse = await world.stub.CheckContract(pb.CheckContractRequest(lease_no=no, mark=mark))
        return answer

    found = await checked(lease.no, mark)
    assert (found.matches, found.state, found.monthly_rent_fen, found.term_months) == (True, "deposit", 35_000, 36)
    assert found.signed_at == lease.signed_at
    assert "张".encode() not in found.SerializeToString()
    await world.advance(lease.no, "activated")
    active = await checked(lease.no, mark)
    assert (active.state, active.starts_on, active.ends_on) == ("active", "2026-11-23", "2029-11-22")
    nothing = pb.CheckContractResponse()
    for no, wrong in ((lease.no, "0" * 16), (lease.no, mark[:15]), (lease.no, ""), (lease.no, "合同"), ("L-2026-999999", mark)):
        assert await checked(no, wrong) == nothing


async def test_a_lease_that_is_not_signed_cannot_be_checked(world: World) -> None:
    lease = await drafted(world)
    mark = (await contract(world, lease.no)).digest[:16]
    assert not (await world.stub.CheckContract(pb.CheckContractRequest(lease_no=lease.no, mark=mark))).matches
