"""Every page, for everybody: no barrier that axe can see, nothing sideways on a phone, in large type too, and without a mouse."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from anju_stories.household import Household
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, PHONE, Visitor
from tests.support.boxes import RunningBox
from tests.support.families import Families

pytestmark = pytest.mark.browser

OPEN = ("/", "/conditions", "/notices", "/waiting", "/signin", "/contracts/check/L-2026-999999/0123456789abcdef", "/no/such/page")
FORM = (
    "/apply",
    *(f"/apply/{part}" for part in ("category", "members", "members/0", "marriage", "homes", "vehicles", "place", "consent", "check")),
)
STAFF = {
    "street_clerk": ("/staff/tasks", "/staff/recusals", "/staff/cases", "/staff/counters", "/staff/inbox"),
    "house_manager": ("/staff/arrears", "/staff/waiting", "/staff/leases"),
    "finance": ("/staff/arrears", "/staff/ledger"),
    "operator": ("/staff/", "/staff/operations"),
    "auditor": ("/staff/cases", "/staff/counters", "/staff/readers", "/staff/looks", "/staff/query-objections"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tenant(box: RunningBox, families: Families) -> Household:
    """Lives in its home, has paid the deposit, owes the first month; an objection was answered on the way."""
    family = await families.one("410204")
    neighbour = await families.one("410204")
    await family.submit()
    await family.approve_everywhere()
    raised = await neighbour.applicant.post(f"/applications/{family.no}/objections", {"text": "该户另有住房"})
    await family.reaches("objection_review")
    answer = {"upheld": False, "answer": "经核实不成立"}
    await family.reviewer("district").post(f"/applications/{family.no}/objections/{raised['id']}/decision", answer)
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await family.accept_offer()
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    await family.bill(await family.live_month(0))
    return family


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reviewed(families: Families) -> Household:
    """Waits for its street."""
    family = await families.one("410204")
    await family.submit()
    await family.reaches("street_review")
    return family


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def refused(families: Families) -> Household:
    """Was refused by its street."""
    family = await families.one("410204")
    await family.submit()
    await family.reaches("street_review")
    await family.decide("street", "refuse", "名下有多处住房，超过人均面积标准")
    await family.reaches("rejected")
    return family


def pages_of(family: Household, period: str) -> tuple[str, ...]:
    case, lease = f"/cases/{family.no}", f"/leases/{family.lease_no}"
    return (
        "/cases",
        case,
        f"{case}/receipt",
        f"{case}/access-log",
        "/leases",
        lease,
        f"{lease}/contract",
        f"{lease}/sign",
        "/bills",
        f"{lease}/bills/deposit",
        f"{lease}/bills/{period}",
        "/inbox",
        "/myself/queries",
        "/confirm",
    )


async def on_the_narrowest_phone(visitor: Visitor, path: str) -> list[str]:
    """A page at 320 px, the width of the smallest phones and of 1280 px at a zoom of 400 % (WCAG 1.4.10)."""
    size = visitor.page.viewport_size or PHONE["viewport"]
    await visitor.page.set_viewport_size({"width": 320, "height": 640})
    wide, stacked = await visitor.sideways(), await visitor.stacked()
    await visitor.page.set_viewport_size(size)  # type: ignore[arg-type]  # a TypedDict or its literal
    return [f"{path}: {wide} px sideways at 320 px"] * bool(wide) + [f"{path}: stacked at 320 px: {word}" for word in stacked]


async def faults(visitor: Visitor, paths: tuple[str, ...], name: str) -> list[str]:
    found = []
    for path in paths:
        await visitor.open(path)
        found += [f"{path}: {violation}" for violation in await visitor.violations()]
        found += [f"{path}: reads {word!r}" for word in await visitor.raw()]
        if wide := await visitor.sideways():
            found.append(f"{path}: {wide} px sideways")
        found += [f"{path}: stacked: {word}" for word in await visitor.stacked()]
        if not path.startswith("/staff"):
            found += await on_the_narrowest_phone(visitor, path)
            found += [f"{path}: small: {target}" for target in await visitor.small_targets()]
        await visitor.picture(f"{name}{path.replace('/', '_')}")
    return found


@pytest.mark.parametrize("elder", [False, True], ids=["standard", "large type"])
async def test_citizen_pages(tenant: Household, reviewed: Household, refused: Household, visitor: NewVisitor, elder: bool) -> None:
    phone = await visitor()
    if elder:
        await phone.open("/")
        await phone.press("大字版")
        await phone.page.get_by_role("button", name="标准版").wait_for()
    name = "large" if elder else "phone"
    found = await faults(phone, OPEN, name)
    await phone.sign_on_citizen(tenant.dossier["members"][0]["id_number"])
    found += await faults(phone, pages_of(tenant, tenant.period(0)), name)
    second = await visitor()
    if elder:
        await second.open("/")
        await second.press("大字版")
    await second.sign_on_citizen(reviewed.dossier["members"][0]["id_number"])
    found += await faults(second, (f"/cases/{reviewed.no}", f"/cases/{reviewed.no}/withdraw", *FORM), f"{name}-b")
    third = await visitor()
    if elder:
        await third.open("/")
        await third.press("大字版")
    await third.sign_on_citizen(refused.dossier["members"][0]["id_number"])
    found += await faults(third, (f"/cases/{refused.no}",), f"{name}-c")
    card = third.page.get_by_role("region", name="没有通过的决定")
    for words in ("名下有多处住房", "公共租赁住房管理办法", "申请复核", "申请行政复议", "提起行政诉讼", "现在不能网上办，请书面交到"):
        await expect(card).to_contain_text(words)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
async def test_staff_pages(tenant: Household, reviewed: Household, visitor: NewVisitor, screen: dict[str, object]) -> None:
    name = "desk" if screen is DESK else "desk-narrow"
    divisions = {"street_clerk": reviewed.street, "house_manager": tenant.district, "finance": "", "operator": "", "auditor": ""}
    found: list[str] = []
    for role, paths in STAFF.items():
        official = await visitor(screen)
        await official.sign_on_official(role, divisions[role], paths[0])
        more = (f"/staff/cases/{reviewed.no}",) if role == "street_clerk" else ()
        found += [f"{role} {fault}" for fault in await faults(official, ("/staff", *paths, *more), f"{name}-{role}")]
    assert not found, "\n".join(found)


async def test_a_question_is_answered_without_a_mouse(families: Families, visitor: NewVisitor) -> None:
    family = await families.one()
    desk = await visitor(DESK)
    await desk.sign_on_citizen(family.dossier["members"][0]["id_number"], "/apply/category")
    keyboard = desk.page.keyboard
    await keyboard.press("Tab")
    assert "跳到主要内容" in await desk.focused()
    await keyboard.press("Enter")
    for _ in range(6):
        await keyboard.press("Tab")
        if await desk.page.evaluate("document.activeElement.type === 'radio'"):
            break
    await keyboard.press("Space")
    assert await desk.page.locator('input[name="category"]:checked').count() == 1
    for _ in range(6):
        await keyboard.press("Tab")
        if "保存并继续" in await desk.focused():
            break
    await keyboard.press("Enter")
    await desk.expect_heading("家庭成员")
    # The heading has the focus, so a screen reader reads the new page from its beginning.
    assert "家庭成员" in await desk.focused()


async def test_english_for_those_who_read_it(tenant: Household, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.open("/")
    await phone.press("English")
    await phone.page.locator("html[lang=en]").wait_for(state="attached")
    assert not await phone.violations()
    heading = await phone.page.locator("main h1").first.inner_text()
    assert heading.isascii(), heading
    await phone.sign_on_citizen(tenant.dossier["members"][0]["id_number"])
    for path in ("/", "/conditions", "/notices", "/waiting", "/apply", *pages_of(tenant, tenant.period(0))):
        await phone.open(path)
        assert not (raw := await phone.raw()), (path, raw)
        assert not await phone.sideways(), path
        await phone.picture(f"english{path.replace('/', '_')}")
        words = await phone.page.locator("main").inner_text()
        # What the registers, rules and places are called is theirs; the pages' own words around them are not.
        assert not (chinese := re.findall(r"[A-Za-z][^\n]{0,20}[A-Za-z] ?[：，（、].*", words)), (path, chinese)
