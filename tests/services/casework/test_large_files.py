"""A file of more rows than one person takes away: two verified persons, exactly what was asked, for a day, and all of it on record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as reads
from casekit.exports import asked_of
from chassis.identity import Caller

from tests.services.casework.conftest import Office
from tests.services.casework.support import reason_of
from tests.services.casework.test_reach import DISTRICT, ELSEWHERE_DISTRICT
from tests.support.keys import staff

LIST = pb.ListApplicationsRequest(district=DISTRICT, overdue=False, page=common.PageRequest(sort="-no", purpose="report"))


def known(role: str, division: str, name: str) -> Caller:
    return replace(staff(role, division, sub=f"st-{name}"), person=f"person-{name}")


async def ask(office: Office, who: Caller, **changes: Any) -> reads.Export:
    request = reads.RequestExportRequest(
        idempotency_key=str(uuid4()), list="applications", request=asked_of(LIST), columns=["no", "stage"], rows=7_000, purpose="report",
        reason="省厅年度统计", official="王敏",
    )  # fmt: skip
    for name, value in changes.items():
        setattr(request, name, value)
    answer: reads.RequestExportResponse = await office.desk.ask_reads(who, "RequestExport", request)
    return answer.export


async def answered(office: Office, who: Caller, export_id: str, approve: bool = True) -> reads.Export:
    request = reads.AnswerExportRequest(id=export_id, approve=approve, official="李强")
    answer: reads.AnswerExportResponse = await office.desk.ask_reads(who, "AnswerExport", request)
    return answer.export


async def listed(office: Office, who: Caller) -> dict[str, reads.Export]:
    answer: reads.ListExportsResponse = await office.desk.ask_reads(who, "ListExports", reads.ListExportsRequest())
    return {each.id: each for each in answer.exports}


def page_of(export_id: str, **changes: Any) -> pb.ListApplicationsRequest:
    request = pb.ListApplicationsRequest()
    request.CopyFrom(LIST)
    request.page.limit, request.page.approval = 100, export_id
    for name, value in changes.items():
        setattr(request.page if name in ("sort", "purpose", "cursor") else request, name, value)
    return request


async def test_two_persons_and_only_what_was_asked(office: Office) -> None:
    one = known("district_reviewer", DISTRICT, uuid4().hex[:8])
    other = known("district_reviewer", DISTRICT, uuid4().hex[:8])
    export = await ask(office, one)
    assert (export.state, export.own, export.to_answer, export.reason) == ("waiting", True, False, "省厅年度统计")
    fetch = office.desk.call
    assert await reason_of(fetch(one, "ListApplications", page_of(export.id))) == "EXPORT_NOT_APPROVED", "nobody has consented yet"
    assert (await listed(office, other))[export.id].to_answer
    approved = await answered(office, other, export.id)
    assert (approved.state, approved.answered_by) == ("approved", "李强")
    assert (await answered(office, other, export.id)).state == "approved", "the same answer again changes nothing"
    assert await reason_of(answered(office, other, export.id, approve=False)) == "EXPORT_ANSWERED"
    await fetch(one, "ListApplications", page_of(export.id))
    looks = await office.rows(f"SELECT what FROM staff_read WHERE reader = '{one.sub}'")
    assert looks == [("export_report",)]
    for changed in (
        page_of(export.id, sort="no"),
        page_of(export.id, purpose="office"),
        page_of(export.id, district=""),
        page_of(export.id, overdue=True),
        page_of("ex_made_up"),
    ):
        assert await reason_of(fetch(one, "ListApplications", changed)) == "EXPORT_NOT_APPROVED"
    assert await reason_of(fetch(other, "ListApplications", page_of(export.id))) == "EXPORT_NOT_APPROVED", "it is for whoever asked"
    tasks = pb.ListTasksRequest(page=common.PageRequest(purpose="report", approval=export.id))
    assert await reason_of(fetch(one, "ListTasks", tasks)) == "EXPORT_NOT_APPROVED", "and of the list that was asked for"


async def test_who_may_consent(office: Office) -> None:
    one = known("district_reviewer", DISTRICT, uuid4().hex[:8])
    export = await ask(office, one)
    second_account = replace(one, sub="st-second-account")
    assert await reason_of(answered(office, one, export.id)) == "EXPORT_NEEDS_ANOTHER"
    assert await reason_of(answered(office, second_account, export.id)) == "EXPORT_NEEDS_ANOTHER", "one person with two accounts"
    unknown = replace(staff("district_reviewer", DISTRICT, sub="st-unknown"), person="")
    assert await reason_of(answered(office, unknown, export.id)) == "WHO_IS_NOT_KNOWN"
    assert await reason_of(ask(office, unknown)) == "WHO_IS_NOT_KNOWN"
    for stranger in (
        known("district_reviewer", ELSEWHERE_DISTRICT, "elsewhere"),
        known("street_clerk", DISTRICT, "another-duty"),
        known("auditor", ELSEWHERE_DISTRICT, "auditor-elsewhere"),
    ):
        assert export.id not in await listed(office, stranger)
        assert await reason_of(answered(office, stranger, export.id)) == "NOT_FOUND"
    auditor = known("auditor", "4102", "auditor")
    assert (await answered(office, auditor, export.id, approve=False)).state == "refused"
    assert await reason_of(office.desk.call(one, "ListApplications", page_of(export.id))) == "EXPORT_NOT_APPROVED"


async def test_a_consent_is_good_for_a_day_and_a_request_for_a_week(office: Office) -> None:
    one, other = known("district_reviewer", DISTRICT, uuid4().hex[:8]), known("district_reviewer", DISTRICT, uuid4().hex[:8])
    approved, waiting = await ask(office, one), await ask(office, one)
    await answered(office, other, approved.id)
    # As if it had been a day and a week ago: the trigger keeps what is on record from everybody but the owner of the table.
    await office.rows("ALTER TABLE staff_export DISABLE TRIGGER staff_export_kept")
    await office.rows(f"UPDATE staff_export SET answered_at = now() - interval '25 hours' WHERE id = '{approved.id}' RETURNING 1")
    await office.rows(f"UPDATE staff_export SET asked_at = now() - interval '8 days' WHERE id = '{waiting.id}' RETURNING 1")
    await office.rows("ALTER TABLE staff_export ENABLE TRIGGER staff_export_kept")
    assert await reason_of(office.desk.call(one, "ListApplications", page_of(approved.id))) == "EXPORT_NOT_APPROVED"
    assert await reason_of(answered(office, other, waiting.id)) == "EXPORT_ANSWERED"
    assert {each.state for name, each in (await listed(office, one)).items() if name in (approved.id, waiting.id)} == {"lapsed"}


@pytest.mark.parametrize(
    "changes", [{"reason": " "}, {"reason": "x" * 501}, {"purpose": "curiosity"}, {"list": "secrets"}, {"request": b"x" * 3000}]
)
async def test_what_is_missing_is_said(office: Office, changes: dict[str, Any]) -> None:
    assert await reason_of(ask(office, known("district_reviewer", DISTRICT, uuid4().hex[:8]), **changes)) == "INVALID_FIELDS"


async def test_a_page_consented_to_does_not_count_towards_the_day_and_stays_on_record(office: Office) -> None:
    one, other = known("district_reviewer", DISTRICT, uuid4().hex[:8]), known("district_reviewer", DISTRICT, uuid4().hex[:8])
    export = await ask(office, one)
    await answered(office, other, export.id)
    await office.desk.call(one, "ListApplications", page_of(export.id))
    assert await office.rows(f"SELECT households FROM staff_read_day WHERE reader = '{one.sub}'") == [(0,)]
    with pytest.raises(Exception, match="permission denied"):
        await office.rows(f"DELETE FROM staff_export WHERE id = '{export.id}'")
