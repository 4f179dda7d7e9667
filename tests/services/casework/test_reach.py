"""The reviewed matrix: who may call what, and what of a case each reader sees. Every RPC of the service has its row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.casework.v1 import casework_pb2_grpc as rpc
from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as reads
from anju_calendar import local_date
from casekit.reads import Limits, Reads
from chassis.crypto import FIELD_KEYS, KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.identity import METADATA_KEY, Caller, OwnKeys, Signer
from chassis.ids import new_id
from joserfc.jwk import OKPKey

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CITY_REVIEWER,
    CLERK,
    DISTRICT,
    DISTRICT_REVIEWER,
    ELSEWHERE_DISTRICT,
    ELSEWHERE_STREET,
    STREET,
    TO_NOTICE,
    TO_STREET,
    Desk,
    consent,
    dossier,
    member,
    page,
    person_number,
    reason_of,
    refusing,
    someone,
    system,
    worker,
)
from tests.support.keys import citizen, signer, staff

OWNER = citizen("citizen-matrix-owner")
CALLERS: dict[str, Caller] = {
    "owner": OWNER,
    "other citizen": citizen("citizen-matrix-other"),
    "clerk": CLERK,
    "clerk elsewhere": staff("street_clerk", ELSEWHERE_STREET, sub="clerk-2"),
    "district": DISTRICT_REVIEWER,
    "district elsewhere": staff("district_reviewer", ELSEWHERE_DISTRICT, sub="district-2"),
    "city": CITY_REVIEWER,
    "house manager": staff("house_manager", "410202", sub="manager-1"),
    "operator": staff("operator", "4102", sub="operator-1"),
    "auditor": staff("auditor", "4102", sub="auditor-1"),
    "auditor elsewhere": staff("auditor", ELSEWHERE_DISTRICT, sub="auditor-2"),
    "finance": staff("finance", "4102", sub="finance-1"),
    "no role": Caller(sub="staff-none", kind="staff", divisions=("4102",)),
    "no division": Caller(sub="staff-nowhere", kind="staff", roles=("street_clerk",), person="index of staff-nowhere"),
    "worker": worker(),
    "eligibility": system("eligibility"),
    "registry-gateway": system("registry-gateway"),
    "housing": system("housing"),
    "payments": system("payments"),
    "notifications": system("notifications"),
    # A citizen who claims roles: the kind decides.
    "citizen with roles": Caller(
        sub="citizen-liar", kind="citizen", roles=("street_clerk", "worker", "registry-gateway", "auditor"), divisions=("4102",)
    ),
    # Staff who claim a system role.
    "staff with system roles": Caller(
        sub="staff-liar", kind="staff", roles=("worker", "registry-gateway", "eligibility", "notifications"), divisions=("4102",)
    ),
}
ALL = frozenset(CALLERS)
REVIEWERS = {"clerk", "clerk elsewhere", "district", "district elsewhere", "city", "no division"}
AUDITORS = {"auditor", "auditor elsewhere"}
STAFF_READERS = REVIEWERS | AUDITORS | {"house manager", "operator"}
SEES_STAFF = {"clerk", "district", "city", "house manager", "operator", "auditor"}
# Who may ask at all, though not about this case.
OUT_OF_REACH = dict.fromkeys(
    ("other citizen", "citizen with roles", "clerk elsewhere", "district elsewhere", "auditor elsewhere", "no division"), "NOT_FOUND"
)
CITIZENS = {"owner", "other citizen", "citizen with roles"}

Build = Callable[[str], Any]


def advance(no: str) -> pb.AdvanceApplicationRequest:
    request = pb.AdvanceApplicationRequest(no=no, event="nonsense", stage="verifying", waiting_on="street")
    request.step.step_id = new_id()
    request.step.as_of.GetCurrentTime()
    return request


# RPC: the request, who gets through (to whatever the call then says of the case itself), and the refusal of each other caller.
# "through" ends with the reasons named last: the call was allowed, the case's own state answered.
MATRIX: dict[str, tuple[Build, set[str], dict[str, str], str, set[str]]] = {
    "SubmitApplication": (
        lambda _no: pb.SubmitApplicationRequest(idempotency_key=new_id(), dossier=dossier(), consent=consent()),
        CITIZENS,
        {},
        "NOT_ALLOWED",
        {""},
    ),
    "GetApplication": (lambda no: pb.GetApplicationRequest(no=no), {"owner"} | SEES_STAFF, OUT_OF_REACH, "NOT_ALLOWED", {""}),
    "ListApplications": (lambda _no: pb.ListApplicationsRequest(), CITIZENS | STAFF_READERS, {}, "NOT_ALLOWED", {""}),
    "FindApplications": (lambda no: pb.FindApplicationsRequest(words=no), STAFF_READERS, {}, "NOT_ALLOWED", {""}),
    "RecuseTask": (
        lambda no: pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=no),
        {"clerk"},
        {
            "clerk elsewhere": "OUT_OF_DIVISION",
            "district elsewhere": "OUT_OF_DIVISION",
            "no division": "OUT_OF_DIVISION",
            "district": "TASK_NOT_OPEN",
            "city": "TASK_NOT_OPEN",
        },
        "NOT_ALLOWED",
        {"INVALID_FIELDS"},
    ),
    "GetRecusalDeclaration": (lambda _no: pb.GetRecusalDeclarationRequest(), REVIEWERS | AUDITORS, {}, "NOT_ALLOWED", {""}),
    "DeclareRecusals": (lambda _no: pb.DeclareRecusalsRequest(idempotency_key=new_id()), REVIEWERS | AUDITORS, {}, "NOT_ALLOWED", {""}),
    "NoteSpouses": (lambda no: pb.NoteSpousesRequest(application_no=no), {"registry-gateway"}, {}, "NOT_ALLOWED", {""}),
    "ListTasks": (lambda _no: pb.ListTasksRequest(), REVIEWERS, {}, "NOT_ALLOWED", {""}),
    "GetReview": (
        lambda no: pb.GetReviewRequest(application_no=no),
        {"clerk", "district", "city"},
        dict.fromkeys(("clerk elsewhere", "district elsewhere", "no division"), "NOT_FOUND"),
        "NOT_ALLOWED",
        {""},
    ),
    "DecideTask": (
        lambda no: pb.DecideTaskRequest(idempotency_key=new_id(), application_no=no, decision=pb.DECISION_APPROVE, if_version=999),
        {"clerk"},
        {
            "clerk elsewhere": "OUT_OF_DIVISION",
            "district elsewhere": "OUT_OF_DIVISION",
            "no division": "OUT_OF_DIVISION",
            "district": "TASK_NOT_OPEN",
            "city": "TASK_NOT_OPEN",
        },
        "NOT_ALLOWED",
        {"VERSION_MISMATCH"},
    ),
    "CorrectApplication": (
        lambda no: pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=dossier()),
        {"owner"},
        {"other citizen": "NOT_FOUND", "citizen with roles": "NOT_FOUND"},
        "NOT_ALLOWED",
        {"NOT_RETURNED"},
    ),
    "WithdrawApplication": (
        lambda no: pb.WithdrawApplicationRequest(idempotency_key=new_id(), no=no, reason=""),
        {"owner"},
        {"other citizen": "NOT_FOUND", "citizen with roles": "NOT_FOUND"},
        "NOT_ALLOWED",
        {"STEP_REFUSED"},
    ),
    "ListClaims": (lambda _no: pb.ListClaimsRequest(), CITIZENS, {}, "NOT_ALLOWED", {"NOT_VERIFIED"}),
    "Confirm": (
        lambda no: pb.ConfirmRequest(idempotency_key=new_id(), application_no=no, agrees=False),
        CITIZENS,
        {},
        "NOT_ALLOWED",
        {"NOT_VERIFIED"},
    ),
    "WithdrawConsent": (
        lambda no: pb.WithdrawConsentRequest(idempotency_key=new_id(), application_no=no),
        CITIZENS,
        {},
        "NOT_ALLOWED",
        {"NOT_VERIFIED"},
    ),
    "RecordConfirmation": (
        lambda no: pb.RecordConfirmationRequest(
            idempotency_key=new_id(), application_no=no, member=1, channel="counter", document="身份证原件"
        ),
        {"clerk"},
        {"clerk elsewhere": "OUT_OF_DIVISION", "no division": "OUT_OF_DIVISION"},
        "NOT_ALLOWED",
        {"NOT_AWAITED"},
    ),
    "RecordConsentWithdrawal": (
        lambda no: pb.RecordConsentWithdrawalRequest(idempotency_key=new_id(), application_no=no, member=1, document="身份证原件"),
        {"clerk"},
        {"clerk elsewhere": "OUT_OF_DIVISION", "no division": "OUT_OF_DIVISION"},
        "NOT_ALLOWED",
        {"NO_CONSENT_GIVEN"},
    ),
    "RecordAuthorisation": (
        lambda _no: pb.RecordAuthorisationRequest(
            idempotency_key=new_id(), id_number=person_number(), name="张晓明", document="身份证原件", photo=b"\xff\xd8\xff"
        ),
        {"clerk", "clerk elsewhere", "no division"},
        {},
        "NOT_ALLOWED",
        {""},
    ),
    "OpenAssistance": (
        lambda _no: pb.OpenAssistanceRequest(idempotency_key=new_id(), authorisation_id="au-none", purpose="file"),
        {"clerk", "clerk elsewhere", "no division"},
        {},
        "NOT_ALLOWED",
        {"NOT_FOUND"},
    ),
    "GetAssistance": (
        lambda _no: pb.GetAssistanceRequest(id="as-none"),
        {"clerk", "clerk elsewhere", "no division"},
        {},
        "NOT_ALLOWED",
        {"NOT_FOUND"},
    ),
    "CloseAssistance": (
        lambda _no: pb.CloseAssistanceRequest(id="as-none"),
        {"clerk", "clerk elsewhere", "no division"},
        {},
        "NOT_ALLOWED",
        {""},
    ),
    "ListAuthorisations": (lambda _no: pb.ListAuthorisationsRequest(), CITIZENS, {}, "NOT_ALLOWED", {""}),
    "RevokeAuthorisation": (lambda _no: pb.RevokeAuthorisationRequest(id="au-none"), CITIZENS, {}, "NOT_ALLOWED", {"NOT_FOUND"}),
    "PrintForm": (
        lambda _no: pb.PrintFormRequest(dossier=dossier()),
        {"clerk"},
        dict.fromkeys(("clerk elsewhere", "no division"), "NOT_THEIR_COUNTER"),
        "NOT_ALLOWED",
        {""},
    ),
    "GetReceipt": (
        lambda no: pb.GetReceiptRequest(application_no=no),
        {"owner", "clerk", "district", "city"},
        OUT_OF_REACH | {"auditor elsewhere": "NOT_ALLOWED"},
        "NOT_ALLOWED",
        {""},
    ),
    "GetAuthorisationPhoto": (
        lambda no: pb.GetAuthorisationPhotoRequest(application_no=no),
        {"clerk", "clerk elsewhere", "district", "district elsewhere", "city", "no division"},
        {},
        "NOT_ALLOWED",
        {"NOT_FOUND"},
    ),
    "ListNotices": (lambda _no: pb.ListNoticesRequest(), set(ALL), {}, "", {""}),
    "RaiseObjection": (
        lambda no: pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text="异议"),
        CITIZENS | STAFF_READERS | {"finance", "no role", "staff with system roles"},
        {},
        "NOT_ALLOWED",
        {"NOT_ON_NOTICE"},
    ),
    "DecideObjection": (
        lambda no: pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=no, objection_id="obj-x", answer="答复"),
        {"district"},
        {
            "clerk": "TASK_NOT_OPEN",
            "city": "TASK_NOT_OPEN",
            "clerk elsewhere": "OUT_OF_DIVISION",
            "district elsewhere": "OUT_OF_DIVISION",
            "no division": "OUT_OF_DIVISION",
        },
        "NOT_ALLOWED",
        {"TASK_NOT_OPEN"},
    ),
    "GetDraft": (
        lambda no: pb.GetDraftRequest(application_no=no),
        {"owner"},
        dict.fromkeys(CITIZENS, "NOT_FOUND"),
        "NOT_ALLOWED",
        {"NOT_FOUND"},
    ),
    "SaveDraft": (
        lambda no: pb.SaveDraftRequest(application_no=no, form="{}"),
        {"owner"},
        dict.fromkeys(CITIZENS, "NOT_FOUND"),
        "NOT_ALLOWED",
        {"NOT_RETURNED"},
    ),
    "DeleteDraft": (lambda no: pb.DeleteDraftRequest(application_no=no), CITIZENS, {}, "NOT_ALLOWED", {""}),
    "GetCounters": (lambda _no: pb.GetCountersRequest(), STAFF_READERS | {"finance"}, {}, "NOT_ALLOWED", {""}),
    "AdvanceApplication": (advance, {"worker"}, {}, "NOT_ALLOWED", {"ILLEGAL_MOVE"}),
    "ReleaseHousehold": (lambda no: pb.ReleaseHouseholdRequest(application_no=no), {"worker"}, {}, "NOT_ALLOWED", {"ILLEGAL_MOVE"}),
    "GetStanding": (lambda no: pb.GetStandingRequest(no=no), {"worker"}, {}, "NOT_ALLOWED", {""}),
    "GetSubjects": (
        lambda no: pb.GetSubjectsRequest(application_no=no, round=1, register="marriage"),
        {"registry-gateway"},
        {},
        "NOT_ALLOWED",
        {""},
    ),
    "GetDeclaration": (lambda no: pb.GetDeclarationRequest(application_no=no, round=1), {"eligibility"}, {}, "NOT_ALLOWED", {""}),
    "GetRegisteredApplicant": (
        lambda no: pb.GetRegisteredApplicantRequest(application_no=no),
        {"housing"},
        {},
        "NOT_ALLOWED",
        {"NOT_REGISTERED"},
    ),
    "GetTenant": (lambda no: pb.GetTenantRequest(application_no=no), {"housing"}, {}, "NOT_ALLOWED", {"NOT_REGISTERED"}),
    "GetServed": (
        lambda no: pb.GetServedRequest(steps=[pb.ServedStep(application_no=no)]),
        {"oversight"},
        {},
        "NOT_ALLOWED",
        {""},
    ),
    "ListAudience": (
        lambda no: pb.ListAudienceRequest(audience="all", division="4102"),
        {"notifications"},
        {},
        "NOT_ALLOWED",
        {""},
    ),
    "GetContact": (lambda no: pb.GetContactRequest(application_no=no), {"notifications"}, {}, "NOT_ALLOWED", {""}),
}


def test_every_rpc_has_a_row() -> None:
    assert set(MATRIX) == {method.name for method in pb.DESCRIPTOR.services_by_name["CaseworkService"].methods}


@pytest.mark.parametrize("method", sorted(MATRIX))
async def test_matrix(office: Office, method: str) -> None:
    build, through, named, otherwise, ends = MATRIX[method]
    no = (await office.desk.submit(OWNER)).no
    await office.desk.bring_to(no, *TO_STREET)
    office.engine.verdict = refusing("STEP_REFUSED")
    wrong = []
    for name, caller in CALLERS.items():
        reason = await reason_of(office.desk.call(caller, method, build(no)))
        expected = ends if name in through else {named.get(name, otherwise)}
        if reason not in expected:
            wrong.append((name, reason, expected))
    assert wrong == []


async def test_a_stranger_cannot_tell_a_case_from_none(desk: Desk) -> None:
    no = (await desk.submit(OWNER)).no
    for caller, reason in (
        (citizen("citizen-x"), "NOT_FOUND"),
        (CALLERS["clerk elsewhere"], "NOT_FOUND"),
        (CALLERS["finance"], "NOT_ALLOWED"),
    ):
        for asked in (no, "KF-2026-999999", "", "' OR 1=1 --"):
            assert await reason_of(desk.get(caller, asked)) == reason


async def test_nobody_without_a_token(desk: Desk) -> None:
    for method, (build, *_) in MATRIX.items():
        call = getattr(desk.stub, method)(build("KF-2026-000001"))
        if method == "ListNotices":
            await call
            continue
        with pytest.raises(Exception, match="UNAUTHENTICATED"):
            await call


async def test_a_forged_token_is_refused(office: Office) -> None:
    forger = Signer(OwnKeys(((0.0, OKPKey.generate_key("Ed25519", {"kid": "worker"})),)), "worker")
    client = Client(office.address, forger)
    try:
        for caller in (CLERK, None):
            call = client.call(rpc.CaseworkServiceStub(client.channel).ListTasks, pb.ListTasksRequest(), caller=caller)
            assert await reason_of(call) == "UNAUTHENTICATED"
    finally:
        await client.close()


# --- what each reader sees ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def full_case(desk: Desk) -> str:
    no = (await desk.submit(OWNER, dossier(member(name="欧阳晓明"), member("child", "欧阳小宝")))).no
    await desk.bring_to(no, *TO_STREET)
    await desk.advance(no, "street_returned", "correction", note="请欧阳晓明补充材料")
    return no


@pytest.mark.parametrize(
    ("reader", "has_dossier", "has_words"),
    [
        ("owner", True, True),
        ("clerk", True, True),
        ("district", True, True),
        ("city", True, True),
        ("auditor", False, True),
        ("house manager", False, False),
        ("operator", False, False),
    ],
)
async def test_views(desk: Desk, full_case: str, reader: str, has_dossier: bool, has_words: bool) -> None:
    case = await desk.get(CALLERS[reader], full_case)
    assert case.HasField("dossier") == has_dossier
    assert bool(case.reason) == has_words
    assert bool(case.timeline[-1].note) == has_words
    assert case.masked_name == "欧**明"
    assert case.household_size == 2
    if not (has_dossier or has_words):
        assert "欧阳" not in str(case)


async def test_lists_are_masked(desk: Desk, full_case: str) -> None:
    for reader in ("clerk", "district", "city", "operator", "auditor", "house manager"):
        listed = await desk.call(CALLERS[reader], "ListApplications", pb.ListApplicationsRequest(page=page()))
        mine = [case for case in listed.applications if case.no == full_case]
        assert len(mine) == 1
        assert not mine[0].HasField("dossier")
        assert mine[0].reason == ""


@pytest.mark.parametrize("reader", ["clerk elsewhere", "district elsewhere", "auditor elsewhere", "no division", "other citizen"])
async def test_lists_end_at_the_division(desk: Desk, full_case: str, reader: str) -> None:
    listed = await desk.call(CALLERS[reader], "ListApplications", pb.ListApplicationsRequest(page=page()))
    assert full_case not in {case.no for case in listed.applications}
    filtered = await desk.call(CALLERS[reader], "ListApplications", pb.ListApplicationsRequest(district="410202"))
    assert {case.owner for case in filtered.applications} <= {CALLERS[reader].sub}


async def test_counters_and_tasks_end_at_the_division(desk: Desk, full_case: str) -> None:
    for reader in ("clerk elsewhere", "auditor elsewhere", "no division"):
        answer = await desk.call(CALLERS[reader], "GetCounters", pb.GetCountersRequest(district="410202"))
        assert list(answer.counters) == []
    await desk.bring_to((await desk.submit(OWNER)).no, *TO_STREET)
    for reader in ("clerk elsewhere", "district elsewhere", "no division"):
        tasks = await desk.call(CALLERS[reader], "ListTasks", pb.ListTasksRequest())
        assert list(tasks.tasks) == []


async def test_wildcards_in_a_division_are_letters(desk: Desk, full_case: str) -> None:
    for division in ("%", "4102_2", "410%"):
        caller = staff("auditor", division, sub="auditor-wild")
        listed = await desk.call(caller, "ListApplications", pb.ListApplicationsRequest())
        assert list(listed.applications) == []


async def test_reads_by_staff_are_logged_and_others_are_not(office: Office, full_case: str) -> None:
    for reader in ("owner", "clerk", "auditor", "clerk elsewhere", "registry-gateway"):
        await reason_of(office.desk.get(CALLERS[reader], full_case))
    readers = ("clerk-1", "auditor-1", "clerk-2")
    rows = await office.rows(
        "SELECT reader, roles, what FROM staff_read WHERE households = ARRAY[CAST($1 AS varchar)] AND reader = ANY($2) ORDER BY id",
        full_case,
        readers,
    )
    assert rows == [("clerk-1", "street_clerk", "dossier"), ("auditor-1", "auditor", "progress")]


async def test_what_other_services_show_after_asking_for_an_official_is_a_look_at_that(
    office: Office, full_case: str, keys_dir: Path
) -> None:
    """They ask casework only whether he may see the case: he is shown the check of eligibility, or the record of requests, and no dossier."""
    curious = staff("district_reviewer", DISTRICT, sub="carried-1")
    await office.desk.call(curious, "GetReview", pb.GetReviewRequest(application_no=full_case))
    for process in ("eligibility", "registry-gateway"):
        token = signer(keys_dir, "web-gateway").token(curious, process, writes=False)
        carried = signer(keys_dir, process).passed_on(token, "casework", writes=False)
        await office.desk.stub.GetApplication(pb.GetApplicationRequest(no=full_case), metadata=((METADATA_KEY, carried),))
    rows = await office.rows("SELECT what FROM staff_read WHERE reader = 'carried-1' ORDER BY id")
    assert [what for (what,) in rows] == ["review", "assessment", "lookups"]


async def test_the_household_sees_who_of_the_staff_has_looked(desk: Desk) -> None:
    """By day and duty, without a name; what was seen is said and how often, also as a line of a list; the latest comes first."""
    no = (await desk.submit(OWNER)).no
    other = citizen("citizen-other")

    async def looks(limit: int = 10, cursor: str = "", caller: Caller = OWNER) -> reads.ListReadsResponse:
        request = reads.ListReadsRequest(application_no=no, page=page(limit, cursor))
        answer: reads.ListReadsResponse = await desk.ask_reads(caller, "ListReads", request)
        return answer

    assert list((await looks()).reads) == []
    await desk.get(OWNER, no)
    assert list((await looks()).reads) == [], "a household's own look is nobody else's"
    for reader in (CLERK, CLERK, CALLERS["auditor"]):
        await desk.get(reader, no)
    await desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=page(100)))
    shown = [(list(look.roles), look.what, look.times) for look in (await looks()).reads]
    assert shown == [(["street_clerk"], "applications", 1), (["auditor"], "progress", 1), (["street_clerk"], "dossier", 2)]
    paged, cursor = [], ""
    while True:
        answer = await looks(1, cursor)
        paged += answer.reads
        assert CLERK.sub not in str(answer)
        cursor = answer.page.next_cursor
        if not cursor:
            break
    assert [look.what for look in paged] == ["applications", "progress", "dossier"]
    for stranger in (other, CALLERS["clerk elsewhere"]):
        assert await reason_of(looks(caller=stranger)) == "NOT_FOUND"
    assert await reason_of(looks(caller=CALLERS["house manager"])) == "NOT_ALLOWED"


async def test_auditors_see_who_has_looked_and_when(office: Office, full_case: str) -> None:
    curious = staff("district_reviewer", DISTRICT, sub="named-1")
    await office.desk.get(curious, full_case)
    await office.desk.call(curious, "ListTasks", pb.ListTasksRequest(page=page(100)))

    async def looks(caller: Caller = CALLERS["auditor"], **filters: Any) -> list[reads.Look]:
        found, cursor = [], ""
        while True:
            request = reads.ListLooksRequest(**filters, page=page(1, cursor))
            answer: reads.ListLooksResponse = await office.desk.ask_reads(caller, "ListLooks", request)
            found += answer.looks
            cursor = answer.page.next_cursor
            if not cursor:
                return found

    mine = await looks(reader="named-1")
    assert [(list(look.roles), look.what, look.service) for look in mine] == [
        (["district_reviewer"], "tasks", "casework"),
        (["district_reviewer"], "dossier", "casework"),
    ]
    assert mine[1].households == 1
    today = local_date(datetime.now(UTC)).isoformat()
    at_case = await looks(application_no=full_case, day=today)
    assert ("named-1", "dossier") in {(look.reader, look.what) for look in at_case}
    assert await looks(reader="named-1", day="2020-01-01") == []
    assert await reason_of(looks(CALLERS["auditor elsewhere"], application_no=full_case)) == "NOT_FOUND"
    for other in (CALLERS["owner"], CLERK, CALLERS["operator"]):
        assert await reason_of(looks(other)) == "NOT_ALLOWED"


async def test_what_was_taken_away_for_one_purpose_on_one_day_is_one_look(office: Office) -> None:
    """A file of many pages does not bury the other looks of its reader; another purpose, and what was read on a page, stand beside it."""
    database = Database(office.url)
    looks = Reads(database, Limits(alarm=100, limit=100, misses_alarm=1, misses_limit=2))
    taker, other = staff("district_reviewer", DISTRICT, sub="taker-1"), staff("district_reviewer", DISTRICT, sub="taker-2")
    for what, shown in (
        ("applications", ["A"]),
        ("export_report", ["A", "B"]),
        ("export_report", ["C"]),
        ("export_audit", ["A"]),
        ("applications", ["A"]),
    ):
        await looks.note(taker, what, shown)
    await looks.note(other, "export_report", ["B"])

    async def listed(sort: str = "", **filters: Any) -> list[tuple[str, str, int]]:
        request = reads.ListLooksRequest(page=common.PageRequest(limit=100, sort=sort, count=True), **filters)
        answer: reads.ListLooksResponse = await office.desk.ask_reads(CALLERS["auditor"], "ListLooks", request)
        # The others of this file have looked at more than a page.
        assert min(answer.page.total, 100) == len(answer.looks)
        return [(look.reader, look.what, look.households) for look in answer.looks]

    whole = [
        ("taker-1", "applications", 1),
        ("taker-1", "export_audit", 1),
        ("taker-1", "export_report", 3),
        ("taker-1", "applications", 1),
    ]
    assert await listed(reader="taker-1") == whole
    assert await listed("at", reader="taker-1") == whole[::-1]
    assert next(each for each in await listed("-reader") if each[0].startswith("taker")) == ("taker-2", "export_report", 1)
    rows = await office.rows("SELECT households FROM staff_read WHERE reader = 'taker-1' AND what = 'export_report'")
    assert len(rows) == 2, "on record it is what it was: a look a page"
    await database.close()


async def test_many_households_in_a_day_are_an_alarm_once_and_above_the_limit_nothing_is_shown(office: Office) -> None:
    curious = staff("district_reviewer", ELSEWHERE_DISTRICT, sub="curious-1")
    database = Database(office.url)
    looks = Reads(database, Limits(alarm=2, limit=4, misses_alarm=1, misses_limit=2))
    await looks.note(curious, "tasks", ["A", "B"])
    await looks.note(curious, "dossier", ["A"])
    await looks.note(curious, "waiting", ["X", "Y", "Z"])

    async def reader(**filters: Any) -> list[reads.Reader]:
        request = reads.ListReadersRequest(reader="curious-1", **filters)
        answer: reads.ListReadersResponse = await office.desk.ask_reads(CALLERS["auditor"], "ListReaders", request)
        return list(answer.readers)

    [quiet] = await reader()
    assert (quiet.households, quiet.HasField("alarmed_at"), await reader(alarmed=True)) == (2, False, []), (
        "what everybody may read is no number"
    )
    await looks.note(curious, "tasks", ["A", "C"])
    [loud] = await reader(alarmed=True)
    assert (loud.households, loud.alarm_above, list(loud.roles), loud.service) == (3, 2, ["district_reviewer"], "casework")
    await looks.note(curious, "tasks", ["D"])
    assert (await reader())[0].alarmed_at == loud.alarmed_at, "once for each official and day"
    told = await office.rows("SELECT payload::text FROM outbox WHERE kind = 'bulk_read' AND payload->>'reader' = 'curious-1'")
    assert [json.loads(payload) for (payload,) in told] == [{"reader": "curious-1", "day": loud.day, "division": ELSEWHERE_DISTRICT}]
    since = {"alarmed": True, "page": common.PageRequest(only_count=True)}
    counted = [
        (
            await office.desk.ask_reads(CALLERS["auditor"], "ListReaders", reads.ListReadersRequest(reader="curious-1", since=day, **since))
        ).page
        for day in (loud.day, (local_date(datetime.now(UTC)) + timedelta(days=1)).isoformat())
    ]
    assert [page.total for page in counted] == [1, 0]
    assert await reason_of(looks.note(curious, "tasks", ["A", "E"])) == "TOO_MANY_READS"
    await looks.note(curious, "dossier", ["A"])
    [full] = await reader()
    assert (full.households, full.refused) == (4, 1)
    rows = await office.rows("SELECT households FROM staff_read WHERE reader = 'curious-1' AND 'E' = ANY(households)")
    assert rows == [], "what was not shown is no look"
    assert await reason_of(office.desk.ask_reads(CLERK, "ListReaders", reads.ListReadersRequest())) == "NOT_ALLOWED"
    assert (
        await reason_of(office.desk.ask_reads(CALLERS["auditor"], "ListReaders", reads.ListReadersRequest(day="26.11.")))
        == "INVALID_FIELDS"
    )
    await database.close()


async def test_nothing_is_shown_when_the_look_cannot_be_written(office: Office, full_case: str) -> None:
    await office.rows("ALTER TABLE staff_read ADD CONSTRAINT full_disk CHECK (id < 0) NOT VALID")
    try:
        for method, request in (
            ("GetApplication", pb.GetApplicationRequest(no=full_case)),
            ("ListApplications", pb.ListApplicationsRequest()),
            ("ListTasks", pb.ListTasksRequest()),
        ):
            assert await reason_of(office.desk.call(CLERK, method, request)) not in ("", None), method
    finally:
        await office.rows("ALTER TABLE staff_read DROP CONSTRAINT full_disk")


# --- what the other services get ---------------------------------------------------------------------------------------------------------


async def test_subjects_are_for_the_consented_register_of_an_open_case(office: Office) -> None:
    desk = office.desk
    content = dossier(member(name="欧阳晓明"), member("parent", "欧阳大山"), member("child", "欧阳小宝", person_number("20150101")))
    no = (await desk.submit(OWNER, content)).no

    async def ask(register: Any, round_: int = 1) -> pb.GetSubjectsResponse:
        request = pb.GetSubjectsRequest(application_no=no, round=round_, register=register)
        answer: pb.GetSubjectsResponse = await desk.call(system("registry-gateway"), "GetSubjects", request)
        return answer

    assert await reason_of(ask("real_estate")) == "NO_CONSENT", "an adult has not confirmed"
    await desk.bring_to(no, "confirmation_awaited")
    await desk.confirm(no, content.members[1])
    answer = await ask("real_estate")
    assert [s.consent_channel for s in answer.subjects] == ["self", "self", "parent"]
    assert len({s.consent_id for s in answer.subjects}) == 3
    assert all(s.consent_text_version == "consent-2026.1" and s.HasField("consent_given_at") for s in answer.subjects)
    assert [(s.index, s.name, s.id_number, s.relation) for s in answer.subjects] == [
        (i, m.name, m.id_number, m.relation) for i, m in enumerate(content.members)
    ]
    assert (answer.consent.text_version, answer.district) == ("consent-2026.1", "410202")
    assert answer.purpose
    assert answer.legal_basis
    assert await reason_of(ask("")) == "INVALID_FIELDS"
    assert await reason_of(ask("vehicles", 2)) == "NO_SUCH_ROUND"
    await office.rows("UPDATE consent SET registers = '{marriage}' WHERE application_no = $1", no)
    assert await reason_of(ask("real_estate")) == "NO_CONSENT"
    assert len((await ask("marriage")).subjects) == 3
    await desk.bring_to(no, "withdrawn")
    assert await reason_of(ask("marriage")) == "ALREADY_ENDED"


async def test_the_declaration_has_no_names_numbers_or_addresses(desk: Desk) -> None:
    content = dossier(member(name="欧阳晓明"))
    no = (await desk.submit(OWNER, content)).no
    request = pb.GetDeclarationRequest(application_no=no, round=1)
    answer = await desk.call(system("eligibility"), "GetDeclaration", request)
    assert (answer.category, answer.marital_status, answer.district) == ("local_household", "single", "410202")
    assert answer.members[0] == pb.DeclaredMember(
        index=0, relation="applicant", birth_date="1990-01-01", annual_income_fen=3_000_000, employed=True
    )
    assert answer.homes[0] == pb.DeclaredHome(district="410202", area_centi_sqm=3_500, share_percent=50), (
        "an address of many homes names none"
    )
    assert answer.vehicles[0] == pb.Vehicle(value_fen=3_000_000)
    told = answer.SerializeToString()
    for secret in ("欧阳晓明", content.members[0].id_number, "书店街1号", "豫B12345", "19999012345", "公交"):
        assert secret.encode() not in told


async def test_a_home_can_be_recognised_without_its_address(desk: Desk, keys_dir: Path) -> None:
    """By blind indexes, which the registry gateway makes alike of what a register says."""
    content = dossier(member())
    content.homes[0].address, content.homes[0].certificate_no = "书店街１号3幢2单元501室", "豫〔2019〕开封市不动产权第0012345号"
    no = (await desk.submit(OWNER, content)).no
    answer = await desk.call(system("eligibility"), "GetDeclaration", pb.GetDeclarationRequest(application_no=no, round=1))
    ring = KeyRing.load(keys_dir / FIELD_KEYS)
    assert answer.homes[0].address_index == ring.blind_index("书店街1-3-2-501", "home-address")
    assert answer.homes[0].certificate_index == ring.blind_index("豫(2019)开封市不动产权第0012345号", "home-certificate")
    for secret in ("书店街", "0012345"):
        assert secret.encode() not in answer.SerializeToString()


async def test_notifications_learn_where_to_reach_the_household(desk: Desk) -> None:
    owner = Caller(sub=new_id("citizen-"), kind="citizen", locale="en")
    no = (await desk.submit(owner)).no
    answer = await desk.call(system("notifications"), "GetContact", pb.GetContactRequest(application_no=no))
    assert (answer.owner, answer.phone, answer.locale) == (owner.sub, "19999012345", "en")


async def test_housing_learns_the_household_of_the_newest_dossier_once_it_is_registered(desk: Desk) -> None:
    owner = someone()
    no = (await desk.submit(owner, dossier(member(name="欧阳晓明")))).no
    wanted = pb.GetRegisteredApplicantRequest(application_no=no)
    assert await reason_of(desk.call(system("housing"), "GetRegisteredApplicant", wanted)) == "NOT_REGISTERED"
    assert await reason_of(desk.call(system("housing"), "GetTenant", pb.GetTenantRequest(application_no=no))) == "NOT_REGISTERED"
    await desk.bring_to(no, *TO_NOTICE, "notice_closed")
    answer = await desk.call(system("housing"), "GetRegisteredApplicant", wanted)
    assert (answer.owner, answer.masked_name, answer.household_size, answer.street) == (owner.sub, "欧**明", 1, STREET)
    assert answer.accepted_at == (await desk.get(owner, no)).submitted_at
    tenant = await desk.call(system("housing"), "GetTenant", pb.GetTenantRequest(application_no=no))
    assert tenant.name == "欧阳晓明"
    assert re.fullmatch(r"[0-9]{4}\*{12}[0-9X]{2}", tenant.masked_id_number)
    unknown = pb.GetRegisteredApplicantRequest(application_no="KF-2026-999999")
    assert await reason_of(desk.call(system("housing"), "GetRegisteredApplicant", unknown)) == "NOT_FOUND"


async def test_public_notices_are_masked(desk: Desk) -> None:
    no = (await desk.submit(someone(), dossier(member(name="欧阳晓明")))).no
    await desk.bring_to(no, *TO_NOTICE)
    answer = await desk.stub.ListNotices(pb.ListNoticesRequest(page=page()))
    (shown,) = [notice for notice in answer.notices if notice.application_no == no]
    assert shown.masked_name == "欧**明"
    elsewhere = await desk.stub.ListNotices(pb.ListNoticesRequest(page=page(), district=ELSEWHERE_DISTRICT))
    assert no not in {notice.application_no for notice in elsewhere.notices}


async def test_what_is_looked_at_for_a_file_is_on_record_with_what_the_file_is_for(office: Office) -> None:
    """As the registry gateway asks, in an auditor's name, of each case its list of objections to queries is about."""
    no = (await office.desk.submit(someone())).no
    auditor = staff("auditor", "4102", sub=new_id("auditor-"))
    for purpose, what in (("", "progress"), ("audit", "export_audit")):
        await office.desk.call(auditor, "GetApplication", pb.GetApplicationRequest(no=no, purpose=purpose))
        [(noted,)] = await office.rows("SELECT what FROM staff_read WHERE reader = $1 ORDER BY id DESC LIMIT 1", auditor.sub)
        assert noted == what
    wrong = pb.GetApplicationRequest(no=no, purpose="curiosity")
    assert await reason_of(office.desk.call(auditor, "GetApplication", wrong)) == "INVALID_FIELDS"
