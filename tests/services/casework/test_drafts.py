"""What a citizen has typed is kept for him alone, for some days, and two devices never write over each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anju.casework.v1 import casework_pb2 as pb
from chassis.bounds import MAX_TEXT_CHARS
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import CLERK, TO_STREET, Desk, dossier, reason_of, someone

FORM = '{"address":"金丝雀巷七十七号"}'


async def save(desk: Desk, who: Caller, form: str = FORM, version: int = 0, no: str = "") -> pb.Draft:
    answer: pb.SaveDraftResponse = await desk.call(who, "SaveDraft", pb.SaveDraftRequest(application_no=no, form=form, if_version=version))
    return answer.draft


async def read(desk: Desk, who: Caller, no: str = "") -> pb.Draft:
    answer: pb.GetDraftResponse = await desk.call(who, "GetDraft", pb.GetDraftRequest(application_no=no))
    return answer.draft


async def test_it_is_there_on_the_next_device_and_nobody_elses(desk: Desk) -> None:
    owner = someone()
    saved = await save(desk, owner)
    assert (saved.version, saved.form) == (1, "")
    found = await read(desk, owner)
    assert (found.form, found.version) == (FORM, 1)
    assert 29 <= (found.expires_at.ToDatetime() - found.saved_at.ToDatetime()).days <= 30
    assert await reason_of(read(desk, someone())) == "NOT_FOUND"
    assert await reason_of(read(desk, CLERK)) == "NOT_ALLOWED"


async def test_two_accounts_of_one_person_share_it_and_two_people_never_do(office: Office) -> None:
    desk, content = office.desk, dossier()
    person = desk.index_of(content.members[0].id_number)
    one, other = replace(someone(), person=person), replace(someone(), person=person)
    await save(desk, one)
    assert (await read(desk, other)).form == FORM
    assert (await save(desk, other, '{"phone":"1"}', 1)).version == 2
    assert await reason_of(save(desk, one, '{"phone":"2"}', 1)) == "VERSION_MISMATCH"
    # The same account, were it given to somebody else, reads nothing of the one before.
    assert await reason_of(read(desk, replace(one, person=desk.index_of(dossier().members[0].id_number)))) == "NOT_FOUND"
    assert await reason_of(read(desk, replace(one, person=""))) == "NOT_FOUND"
    # Handed in from one, it is handed in for both.
    await desk.submit(one, content)
    assert await reason_of(read(desk, other)) == "NOT_FOUND"
    assert await office.rows("SELECT 1 FROM draft WHERE owner = $1", person) == []


async def test_two_devices_do_not_write_over_each_other(desk: Desk) -> None:
    owner = someone()
    await save(desk, owner)
    assert (await save(desk, owner, '{"phone":"1"}', 1)).version == 2
    for late in (0, 1, 3):
        assert await reason_of(save(desk, owner, '{"phone":"2"}', late)) == "VERSION_MISMATCH"
    assert (await read(desk, owner)).form == '{"phone":"1"}'
    await desk.call(owner, "DeleteDraft", pb.DeleteDraftRequest())
    # Handed in or cleared on the other device: what this one still shows does not bring it back.
    assert await reason_of(save(desk, owner, FORM, 2)) == "VERSION_MISMATCH"
    assert await reason_of(read(desk, owner)) == "NOT_FOUND"


async def test_its_time_ends_and_then_it_is_gone(office: Office) -> None:
    desk, owner = office.desk, someone()
    for _ in range(3):
        await save(desk, owner, '{"phone":"1"}', (await save(desk, owner)).version)
        await office.rows("UPDATE draft SET expires_at = now() - interval '1 second' WHERE owner = $1", owner.sub)
        assert await reason_of(read(desk, owner)) == "NOT_FOUND"
        assert await reason_of(save(desk, owner, FORM, 2)) == "VERSION_MISMATCH"
        # A new one begins above the old one's version, so that a screen that still shows the old one does not take it for its own.
    assert (await read_version(office, owner)) > 2


async def read_version(office: Office, owner: Caller) -> int:
    return int((await office.rows("SELECT version FROM draft WHERE owner = $1", owner.sub))[0][0])


async def test_handing_in_forgets_it(office: Office) -> None:
    desk, content, other = office.desk, dossier(), someone()
    owner = replace(someone(), person=desk.index_of(content.members[0].id_number))
    await save(desk, owner)
    await save(desk, other)
    no = (await desk.submit(owner, content)).no
    assert await reason_of(read(desk, owner)) == "NOT_FOUND"
    assert (await read(desk, other)).version == 1
    # A case that waits for no correction takes no draft of one.
    assert await reason_of(save(desk, owner, no=no)) == "NOT_RETURNED"
    await desk.bring_to(no, *TO_STREET)
    await desk.advance(no, "street_returned", "correction", note="请补充材料")
    assert (await save(desk, owner, no=no)).version == 1
    assert (await save(desk, owner)).version == 1
    await desk.call(owner, "CorrectApplication", pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=content))
    assert await office.rows("SELECT application_no FROM draft WHERE owner = $1", owner.person) == [("",)]


async def test_a_refused_submission_keeps_it(desk: Desk) -> None:
    owner = someone()
    await save(desk, owner)
    assert await reason_of(desk.submit(owner, dossier(phone="1"))) == "INVALID_FIELDS"
    assert (await read(desk, owner)).version == 1


async def test_it_is_sealed_in_its_place(office: Office) -> None:
    desk, owner, thief = office.desk, someone(), someone()
    await save(desk, owner)
    await save(desk, thief, "{}")
    cells: list[tuple[Any, ...]] = await office.rows("SELECT sealed FROM draft WHERE owner = $1", owner.sub)
    assert "金丝雀".encode() not in cells[0][0]
    await office.rows("UPDATE draft SET sealed = (SELECT sealed FROM draft WHERE owner = $1) WHERE owner = $2", owner.sub, thief.sub)
    assert await reason_of(read(desk, thief)) == "INTERNAL"


async def test_what_is_kept_is_bounded(desk: Desk) -> None:
    owner = someone()
    await save(desk, owner, "安" * MAX_TEXT_CHARS)
    assert await reason_of(save(desk, owner, "x" * (MAX_TEXT_CHARS + 1), 1)) == "INVALID_FIELDS"
