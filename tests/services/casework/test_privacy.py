"""Planted data must not stand in the clear anywhere in the database, and sealed values must not open in another place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju_onebox.keys import make_keys
from anju_people.index import PersonIndex
from casework.domain.dossier import Dossier, Member
from casework.vault import Vault
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CLERK,
    DISTRICT_REVIEWER,
    TO_STREET,
    dossier,
    member,
    reason_of,
    refusing,
    someone,
)

NAMES = ("司马云鹤", "诸葛清荷", "上官无忌")
PHONE, ADDRESS, EMPLOYER, PLATE = "19999054321", "金丝雀巷七十七号", "金丝雀纺织厂", "豫Z7C4NY"
REASON, OBJECTION, ANSWER = "司马云鹤的收入证明缺页", "诸葛清荷在外地另有住房", "经查上官无忌名下无房"
DOCUMENT = "诸葛清荷签名的授权书"


async def every_cell(office: Office) -> list[tuple[str, bytes]]:
    """Every text and bytea value (in arrays and JSON too) of every table."""
    columns = await office.rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
    cells: list[tuple[str, bytes]] = []
    for table, column in columns:
        for (value,) in await office.rows(f'SELECT "{column}" FROM "{table}"'):
            cells.append((f"{table}.{column}", _raw(value)))
    return cells


def _raw(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else str(value)).encode()


async def test_nothing_planted_stands_in_the_clear(office: Office) -> None:
    desk, owner = office.desk, someone()
    members = [member(name=NAMES[0]), member("child", NAMES[1]), member("parent", NAMES[2])]
    for planted in members:
        planted.employer = EMPLOYER
    content = dossier(*members, phone=PHONE, address=ADDRESS)
    content.vehicles[0].plate = PLATE
    content.homes[0].address = ADDRESS
    key = new_id()
    no = (await desk.submit(owner, content, key)).no
    await desk.submit(owner, content, key)
    assert await reason_of(desk.submit(someone(), content)) == "HOUSEHOLD_HAS_APPLICATION"
    await desk.bring_to(no, *TO_STREET)
    await desk.decide(CLERK, no, pb.DECISION_RETURN, REASON)
    fix = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=content)
    office.engine.verdict = refusing("NOT_RETURNED")
    await reason_of(desk.call(owner, "CorrectApplication", fix))
    office.engine.verdict = None
    await desk.call(owner, "CorrectApplication", fix)
    for index, each in enumerate((await desk.get(owner, no)).members):
        if each.state == "awaited":
            paper = pb.RecordConfirmationRequest(
                idempotency_key=new_id(), application_no=no, member=index, channel="authorisation", document=DOCUMENT
            )
            await desk.call(CLERK, "RecordConfirmation", paper)
    await desk.bring_to(no, "verification_done", "street_approved", "district_approved", "city_approved")
    raised = await desk.call(
        someone(), "RaiseObjection", pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text=OBJECTION)
    )
    await desk.call(
        DISTRICT_REVIEWER,
        "DecideObjection",
        pb.DecideObjectionRequest(
            idempotency_key=new_id(), application_no=no, objection_id=raised.objection.id, upheld=True, answer=ANSWER
        ),
    )
    seen = await desk.get(DISTRICT_REVIEWER, no)
    assert seen.dossier == content
    assert (seen.objections[0].text, seen.objections[0].answer, seen.reason) == (OBJECTION, ANSWER, ANSWER)

    cells = await every_cell(office)
    assert len(cells) > 100
    planted_words = [
        *NAMES,
        *(m.id_number for m in members),
        PHONE,
        ADDRESS,
        EMPLOYER,
        PLATE,
        REASON,
        OBJECTION,
        ANSWER,
        DOCUMENT,
        "金丝雀",
    ]
    assert [(place, word) for place, raw in cells for word in planted_words if word.encode() in raw] == []
    # The search can find something: masked names stand in the clear on purpose.
    assert any("司**鹤".encode() in raw for _, raw in cells)


async def test_a_dossier_moved_to_another_case_does_not_open(office: Office) -> None:
    owner, thief = someone(), someone()
    victim, other = await office.desk.submit(owner), await office.desk.submit(thief)
    await office.rows(
        "UPDATE dossier SET sealed = (SELECT sealed FROM dossier WHERE application_no = $1) WHERE application_no = $2", victim.no, other.no
    )
    assert await reason_of(office.desk.get(thief, other.no)) == "INTERNAL"
    assert (await office.desk.get(owner, victim.no)).dossier == victim.dossier


def test_the_vault_opens_only_in_its_place(tmp_path: Any) -> None:
    make_keys(tmp_path)
    vault = Vault(KeyRing.load(tmp_path / FIELD_KEYS), PersonIndex.of_folder(tmp_path))
    content = Dossier(members=(Member(name="买买提·艾力", id_number="11010519491231002X"),))
    sealed = vault.seal_dossier(content, "KF-2026-000001", 1)
    assert vault.open_dossier(sealed, "KF-2026-000001", 1) == content
    for no, round_ in (("KF-2026-000002", 1), ("KF-2026-000001", 2)):
        with pytest.raises(DecryptionError):
            vault.open_dossier(sealed, no, round_)
    note = vault.seal_text("说明", "timeline", "note_sealed", "x/2")
    assert vault.open_text(note, "timeline", "note_sealed", "x/2") == "说明"
    with pytest.raises(DecryptionError):
        vault.open_text(note, "timeline", "note_sealed", "x/3")
    assert vault.seal_text("", "timeline", "note_sealed", "x/2") == b""


def test_keys_can_be_rotated_and_blind_indexes_stay(tmp_path: Any) -> None:
    make_keys(tmp_path)
    vault = Vault(KeyRing.load(tmp_path / FIELD_KEYS), PersonIndex.of_folder(tmp_path))
    content = Dossier(members=(Member(id_number="11010519491231002X"),))
    sealed, blinds = vault.seal_dossier(content, "n", 1), vault.blinds(content)
    ring, fresh = KeyRing.load(tmp_path / FIELD_KEYS), KeyRing.generate()
    KeyRing(fresh.current, {**ring.keys, **fresh.keys}, ring.index_key).save(tmp_path / FIELD_KEYS)
    rotated = Vault(KeyRing.load(tmp_path / FIELD_KEYS), PersonIndex.of_folder(tmp_path))
    assert rotated.open_dossier(sealed, "n", 1) == content
    assert rotated.blinds(content) == blinds
    assert rotated.seal_dossier(content, "n", 1)[1:9] == fresh.current.encode()
    assert "11010519491231002X" not in blinds[0]
