"""Spreadsheets: what is shown and nothing else, for a purpose, with no formula in it, and no more memory than a page takes."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.organisation.v1 import organisation_pb2 as organisation
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.registry.v1 import registry_pb2 as registry
from chassis import errors
from chassis.errors import Refusal
from web_gateway.api import sheets

from tests.services.web_gateway.world import API, World, an_application

CASES = [an_application(no=f"KF-2026-{number:06d}", masked_name="=HYPERLINK*" if number == 7 else "安*例") for number in range(230)]


def listed(request: Any) -> casework.ListApplicationsResponse:
    if request.page.only_count:
        return casework.ListApplicationsResponse(page=common.PageInfo(total=len(CASES)))
    start = int(request.page.cursor or 0)
    following = start + request.page.limit
    page = common.PageInfo(next_cursor=str(following) if following < len(CASES) else "")
    return casework.ListApplicationsResponse(applications=CASES[start:following], page=page)


def bearer(gateway: World, role: str = "city_reviewer") -> dict[str, str]:
    return {"Authorization": f"Bearer {gateway.token(role)}"}


async def taken(gateway: World, body: dict[str, Any]) -> tuple[bytes, Any]:
    person = await gateway.stranger()
    async with person.http.post(f"{gateway.url}{API}/exports/applications", json=body, headers=bearer(gateway)) as response:
        assert response.status == 200, await response.text()
        return await response.read(), response.headers


def content(book: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        assert parts.testzip() is None
        return parts.read("xl/worksheets/sheet1.xml").decode() + "".join(
            parts.read(n).decode() for n in parts.namelist() if "sharedStrings" in n
        )


async def test_the_file_holds_what_the_list_shows_in_its_order(gateway: World) -> None:
    gateway.backstage.on("ListApplications", listed)
    book, headers = await taken(gateway, {"purpose": "report", "stage": "street_review", "sort": "-deadline_at"})
    assert headers["Content-Type"] == sheets.XLSX.content_type
    assert headers["Cache-Control"] == "private, no-store"
    text = content(book)
    assert text.count("<row ") == len(CASES) + 1
    assert text.index("KF-2026-000000") < text.index("KF-2026-000229")
    pages = [asked.request for asked in gateway.backstage.asked if asked.method == "ListApplications"]
    assert pages[0].page.only_count
    assert {(page.stage, page.page.sort, page.page.purpose) for page in pages[1:]} == {("street_review", "-deadline_at", "report")}
    assert len(pages) == 4


async def test_what_people_write_is_no_formula(gateway: World) -> None:
    gateway.backstage.on("ListApplications", listed)
    text = content((await taken(gateway, {"purpose": "office"}))[0])
    assert "=HYPERLINK*" in text
    assert "<f>" not in text
    assert "<hyperlink" not in text


async def test_the_log_of_duties_is_a_file_in_words_with_its_filter(gateway: World) -> None:
    details = [
        organisation.Detail(name="duty", after="street_clerk"),
        organisation.Detail(name="unit", after="410202001"),
        organisation.Detail(name="until", before="2026-12-01", after="2026-12-05"),
        organisation.Detail(name="until", before="2026-12-01"),
        organisation.Detail(name="work_to", after="pool"),
        organisation.Detail(name="at_once"),
    ]
    change = organisation.Change(seq=1, kind="ended", account="s-1", by_account="s-2", details=details)
    gateway.backstage.on("ListChanges", organisation.ListChangesResponse(changes=[change], page=common.PageInfo(total=1)))
    person = await gateway.stranger()
    body = {"purpose": "audit", "account": "s-1", "by_account": "s-2", "kind": "ended", "from_on": "2026-11-01", "sort": "account"}
    async with person.http.post(
        f"{gateway.url}{API}/exports/organisation-changes", json=body, headers=bearer(gateway, "audit_admin")
    ) as response:
        assert response.status == 200, await response.text()
        text = content(await response.read())
    assert "岗位：街道经办；单位：北书店街道；" in text
    assert "最后一天：2026-12-01 → 2026-12-05；最后一天：2026-12-01 → 无；工作移交：同岗位其他人" in text
    assert "立即停用" not in text
    asked = [each.request for each in gateway.backstage.asked if each.method == "ListChanges"][-1]
    assert (asked.account, asked.by_account, asked.kind, asked.from_on, asked.page.sort, asked.page.purpose) == (
        "s-1", "s-2", "ended", "2026-11-01", "account", "audit",
    )  # fmt: skip


async def test_a_file_of_complaints_says_nothing_of_what_was_written_or_by_whom(gateway: World) -> None:
    """Even where the list would tell: the columns are those of the page, and who takes it is kept from what is about him."""
    row = complaints.Complaint(
        no="TS-2026-000007",
        kind="misuse",
        stage="handling",
        district="410202",
        text="三号楼转租",
        about_name="王五",
        reporter="张三",
        contact="138",
        answer="已查",
    )
    gateway.backstage.on("ListComplaints", complaints.ListComplaintsResponse(complaints=[row], page=common.PageInfo(total=1)))
    person = await gateway.stranger()
    body = {"purpose": "office", "kind": "misuse", "open": True, "sort": "-deadline"}
    async with person.http.post(f"{gateway.url}{API}/exports/complaints", json=body, headers=bearer(gateway)) as response:
        assert response.status == 200, await response.text()
        text = content(await response.read())
    assert "TS-2026-000007" in text
    assert "举报" in text
    for secret in ("转租", "王五", "张三", "138", "已查"):
        assert secret not in text
    asked = [each.request for each in gateway.backstage.asked if each.method == "ListComplaints"]
    assert {(each.kind, each.open, bool(each.official)) for each in asked} == {("misuse", True, True)}
    assert [each.page.purpose for each in asked] == ["", "office"]


async def test_a_file_of_objections_to_queries_says_nothing_of_what_people_wrote(gateway: World) -> None:
    objection = registry.QueryObjection(id="qo-1", state="open", text="我没有同意过", answer="")
    query = registry.QueryAboutMe(id="q-1", register="vehicles", application_no="KF-2026-000123")
    found = registry.ListQueryObjectionsResponse(
        objections=[registry.ObjectedQuery(objection=objection, query=query)], page=common.PageInfo(total=1)
    )
    gateway.backstage.on("ListQueryObjections", found)
    person = await gateway.stranger()
    body = {"purpose": "audit", "state": "open"}
    headers = bearer(gateway, "auditor")
    async with person.http.post(f"{gateway.url}{API}/exports/query-objections", json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        text = content(await response.read())
    assert "KF-2026-000123" in text
    assert "机动车" in text
    assert "我没有同意过" not in text
    asked = [each.request for each in gateway.backstage.asked if each.method == "ListQueryObjections"]
    assert [(each.state, each.page.purpose, each.page.only_count) for each in asked] == [("open", "", True), ("open", "audit", False)]


async def test_too_many_are_refused_before_anybody_is_read(gateway: World) -> None:
    gateway.backstage.on(
        "ListApplications", lambda _asked: casework.ListApplicationsResponse(page=common.PageInfo(total=gateway.settings.file_rows + 1))
    )
    person = await gateway.stranger()
    reply = await person.post(f"{API}/exports/applications", json={"purpose": "office"}, headers=bearer(gateway))
    reply.problem(409, "EXPORT_TOO_LARGE")
    assert [asked.request.page.only_count for asked in gateway.backstage.asked if asked.method == "ListApplications"] == [True]


@pytest.mark.parametrize(
    "body", [{}, {"purpose": ""}, {"purpose": "curiosity"}, {"purpose": "office", "sort": "secret"}, {"purpose": "office", "x": 1}]
)
async def test_it_carries_a_purpose_of_the_list(gateway: World, body: dict[str, Any]) -> None:
    person = await gateway.stranger()
    reply = await person.post(f"{API}/exports/applications", json=body, headers=bearer(gateway))
    assert reply.status == 422, reply.text


async def test_a_refusal_in_the_middle_is_a_problem_and_no_half_file(
    gateway: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def until_the_second(request: Any) -> Any:
        if request.page.cursor:
            raise Refusal(errors.UNAVAILABLE)
        return listed(request)

    gateway.backstage.on("ListApplications", until_the_second)
    person = await gateway.stranger()
    reply = await person.post(f"{API}/exports/applications", json={"purpose": "office"}, headers=bearer(gateway))
    reply.problem(503, "UNAVAILABLE")


async def test_a_hundred_thousand_rows_take_no_more_memory_than_a_page(tmp_path: Path) -> None:
    async def rows() -> Any:
        row: Sequence[str | int] = ("KF-2026-000001", "安*例", 3, "城镇中等偏下收入住房困难家庭", "街道初审", "2026-12-03 23:59", "龙亭区")
        for _ in range(100_000):
            yield row

    file = tmp_path / "many.xlsx"
    with file.open("wb") as book:
        tracemalloc.start()
        await sheets._write(book, "many", ["a"] * 7, "foot", rows())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 8 << 20, f"{most >> 20} MiB"
    assert content(file.read_bytes()).count("<row ") == 100_001


async def test_the_columns_are_those_that_are_shown(gateway: World) -> None:
    gateway.backstage.on("ListApplications", listed)
    text = content((await taken(gateway, {"purpose": "office", "columns": ["deadline", "no"]}))[0])
    assert [head for head in ("申请编号", "姓名", "阶段", "办理期限", "是否超期", "区县") if head in text] == [
        "申请编号",
        "办理期限",
        "是否超期",
    ]
    person = await gateway.stranger()
    reply = await person.post(f"{API}/exports/applications", json={"purpose": "office", "columns": ["id_number"]}, headers=bearer(gateway))
    reply.problem(422, "INVALID_FIELDS")
