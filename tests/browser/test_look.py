"""The shell and the patterns every page is made of, beside the last picture somebody accepted of them.

Answers of the gateway stand here, so that a picture changes only with the pages. Where one was meant to change: ``ANJU_TEST_ACCEPT=1 pytest tests/browser/test_look.py``,
look at what came out, and commit it with the change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser import look
from tests.browser.pages import DESK, PHONE
from tests.services.web_gateway.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NO, LEASE, DAY = "KF-2026-000123", "L-2026-000045", "2026-11-27T09:00:00+08:00"
SOON = "2026-12-18T23:59:59+08:00"


def page_of(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": "", "total": len(items), **more}


def person(kind: str, *roles: str) -> dict[str, Any]:
    verified = {"name": "欧阳晓明", "id_number": "990376198604258002", "phone": "19999000752"}
    divisions = ["410202001"] if roles else []
    prefill = verified if kind == "citizen" else None
    return {
        "sub": "x", "kind": kind, "name": "欧阳晓明", "roles": list(roles), "divisions": divisions, "locale": "zh-CN", "csrf_token": "x", "prefill": prefill,
    }  # fmt: skip


def bill(period: str, state: str, kind: str = "rent") -> dict[str, Any]:
    return {
        "id": f"{LEASE}/{period or 'deposit'}", "lease_no": LEASE, "application_no": NO, "kind": kind, "period": period, "amount_fen": 41_825,
        "paid_fen": 41_825 if state == "paid" else 0, "state": state, "issued_at": DAY, "due_at": SOON, "paid_at": DAY if state == "paid" else None,
        "district": "410202",
    }  # fmt: skip


def message(title: str, read: bool) -> dict[str, Any]:
    return {
        "id": title, "application_no": NO, "template": "x", "title": title, "body": "请在期限前办理。", "at": DAY, "read": read, "deliveries": [], "leads_to": "",
        "bill": "",
    }  # fmt: skip


CASE = {
    "no": NO, "version": 3, "stage": "street_review", "stage_title": "街道初审", "waiting_on": "street", "deadline_at": SOON, "overdue": False,
    "district": "410202", "street": "410202001", "category": "local_household", "household_size": 2, "submitted_at": DAY, "updated_at": DAY, "outcome": "",
    "reason": "", "masked_name": "欧**明", "round": 1, "blocked_at": None, "dossier": None, "consent": None, "objections": [], "refusal": None, "members": [],
    "timeline": [{"stage": "submitted", "stage_title": "已受理", "event": "submitted", "actor_kind": "citizen", "at": DAY, "note": ""}],
}  # fmt: skip
TASK = {
    "application_no": NO, "level": "street", "district": "410202", "street": "410202001", "masked_name": "欧**明", "household_size": 2,
    "category": "local_household", "opened_at": DAY, "deadline_at": SOON, "overdue": False, "version": 3, "state": "open", "recusal": "",
}  # fmt: skip
VERDICTS = ("met", "not_met", "needs_review")
ASSESSMENT = {
    "id": "a", "application_no": NO, "round": 1, "rule_set": "sample", "verdict": "needs_review", "as_of": DAY,
    "criteria": [
        {"code": "income", "title": "人均月收入", "verdict": verdict, "reason": "与标准对照的结果。", "observed": "1,500.00 元", "threshold": "2,400.00 元", "legal_ref": ""}
        for verdict in VERDICTS
    ],
}  # fmt: skip
NOBODY = {"/session": None}
CITIZEN = {
    "/session": person("citizen"),
    "/applications": page_of(CASE),
    f"/applications/{NO}": CASE,
    f"/applications/{NO}/lookups": {"items": []},
    f"/applications/{NO}/assessment": ASSESSMENT,
    f"/applications/{NO}/tenancy": None,
    "/bills": page_of(bill("202612", "open"), bill("202611", "paid"), bill("", "paid", "deposit")),
    "/leases": page_of(),
    "/confirmations": {"items": []},
    "/drafts/new": None,
    "/inbox": page_of(message("租金账单", read=False), message("进入街道初审", read=True), unread=1),
    "/notices": page_of(),
    "/conditions": {"version": "x", "criteria": [], "registers": ["real_estate", "marriage"]},
}
CLERK = {
    "/session": person("staff", "street_clerk"),
    "/desk": {
        "figures": [{"name": "tasks", "count": 3}, {"name": "tasks_overdue", "count": 1}, {"name": "tasks_second", "count": 0}],
        "since": "2026-11-26",
    },
    "/tasks": page_of(TASK, TASK | {"application_no": "KF-2026-000124", "overdue": True}),
    "/counters": {"items": []},
    "/applications": page_of(),
    "/inbox": page_of(unread=2),
    "/myself/recusals": {"declaration": None},
}


@pytest_asyncio.fixture(loop_scope="session")
async def looking(chromium: Browser, gateway: World, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A page in blocks whose gateway gives the answers of the test's parameter ``answers``, and 404 for what is not among them."""
    screen, answers = request.param
    context = await chromium.new_context(**screen, locale="zh-CN", timezone_id="Asia/Shanghai", bypass_csp=True, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    await look.in_blocks(context)

    async def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path.removeprefix("/api/v1")
        if path in ("/city", "/divisions"):
            await route.continue_()
        elif found := answers.get(path):
            await route.fulfill(json=found)
        else:
            await route.fulfill(
                status=401 if path == "/session" else 404, json={"title": "x", "status": 404, "code": "NOT_FOUND", "errors": []}
            )

    page = await context.new_page()
    await page.route("**/api/v1/**", answer)
    yield page
    await context.close()


LOOKS = [
    ("phone-home-stranger", PHONE, NOBODY, "/"),
    ("phone-home", PHONE, CITIZEN, "/"),
    ("phone-case", PHONE, CITIZEN, f"/cases/{NO}"),
    ("phone-bills", PHONE, CITIZEN, "/bills"),
    ("phone-inbox", PHONE, CITIZEN, "/inbox"),
    ("phone-empty", PHONE, CITIZEN, "/notices"),
    ("phone-large-home", PHONE, CITIZEN, "/?elder=1"),
    ("desk-home-stranger", DESK, NOBODY, "/"),
    ("desk-bills", DESK, CITIZEN, "/bills"),
    ("console-home", DESK, CLERK, "/staff"),
    ("console-list", DESK, CLERK, "/staff/tasks"),
]


@pytest.mark.parametrize(
    ("name", "path", "looking"),
    [(name, path, (screen, answers)) for name, screen, answers, path in LOOKS],
    indirect=["looking"],
    ids=[each[0] for each in LOOKS],
)
async def test_it_looks_as_it_was_accepted(gateway: World, looking: Page, name: str, path: str) -> None:
    await looking.goto(gateway.url + path)
    await expect(looking.locator("main")).not_to_contain_text("正在打开")
    await looking.locator("main h1").first.wait_for()
    await looking.wait_for_load_state("networkidle")
    assert not (wrong := await look.differs(looking, name)), wrong


@pytest.mark.parametrize("looking", [(PHONE, CITIZEN)], indirect=True, ids=["phone"])
async def test_a_question_with_faults_looks_as_it_was_accepted(gateway: World, looking: Page) -> None:
    await looking.goto(f"{gateway.url}/apply/members/0")
    await looking.get_by_role("button", name="保存并继续").click()
    await looking.locator(".error-summary").wait_for()
    await looking.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    assert not (wrong := await look.differs(looking, "phone-question-wrong")), wrong


@pytest.mark.parametrize("looking", [(PHONE, NOBODY)], indirect=True, ids=["phone"])
async def test_a_changed_colour_and_a_moved_edge_are_seen(gateway: World, looking: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: what is small and true to be seen, and nothing where nothing changed."""
    monkeypatch.setattr(look, "ACCEPTING", False)
    await looking.goto(gateway.url)
    await looking.locator("main .button").first.wait_for()
    await looking.wait_for_load_state("networkidle")
    for change in (
        "document.documentElement.style.setProperty('--primary', '#0b7c5c')",
        "document.querySelector('main .card').style.paddingTop = '24px'",
    ):
        assert not await look.differs(looking, "phone-home-stranger")
        await looking.evaluate(change)
        assert await look.differs(looking, "phone-home-stranger")
        await looking.reload()
        await looking.locator("main .button").first.wait_for()
        await looking.wait_for_load_state("networkidle")
