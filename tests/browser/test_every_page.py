"""Every page, for everybody: no barrier that axe can see, nothing sideways on a phone, in large type too, and without a mouse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from anju_stories.household import Household
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK, PHONE, Visitor
from tests.support.families import Families

pytestmark = pytest.mark.browser

OPEN = (
    "/",
    "/policies",
    "/policies/order-11",
    "/policies/no-such",
    "/conditions",
    "/notices",
    "/waiting",
    "/say",
    "/letters/follow",
    "/counters",
    "/signin",
    "/contracts/check/L-2026-999999/0123456789abcdef",
    "/payment-receipts/R99999999/0123456789abcdef",
    "/no/such/page",
)
FORM = (
    "/apply",
    *(f"/apply/{part}" for part in ("category", "members", "members/0", "marriage", "homes", "vehicles", "place", "consent", "check")),
)
STAFF = {
    "street_clerk": (
        "/staff/tasks",
        "/staff/recusals",
        "/staff/cases",
        "/staff/counters",
        "/staff/counter",
        "/staff/counter/new",
        "/staff/counter/visit",
        "/staff/letters",
        "/staff/complaints",
        "/staff/complaints/new",
        "/staff/inbox",
    ),
    "house_manager": ("/staff/arrears", "/staff/cash", "/staff/waiting", "/staff/leases"),
    "finance": ("/staff/arrears", "/staff/cash", "/staff/ledger"),
    "city_reviewer": (
        "/staff/templates",
        "/staff/complaints",
        "/staff/broadcasts",
        "/staff/broadcasts/new",
        "/staff/policies",
        "/staff/policies/new",
        "/staff/policies/edit/rent",
    ),
    "operator": ("/staff/", "/staff/operations"),
    "user_admin": (
        "/staff/",
        "/staff/organisation",
        "/staff/organisation/appoint",
        "/staff/organisation/units",
        "/staff/organisation/people/s-street_clerk-410202001",
    ),
    "audit_admin": ("/staff/organisation/changes",),
    "auditor": (
        "/staff/cases",
        "/staff/counters",
        "/staff/readers",
        "/staff/looks",
        "/staff/exports",
        "/staff/operator-steps",
        "/staff/query-objections",
        "/staff/follow-ups",
        "/staff/recusals",
        "/staff/inbox",
    ),
}


def pages_of(family: Household, period: str, letter: str) -> tuple[str, ...]:
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
        f"{lease}/statement",
        f"{lease}/bills/{period}",
        "/inbox",
        "/myself/reach",
        "/myself/queries",
        "/myself/authorisations",
        "/confirm",
        "/evaluate",
        "/evaluations",
        "/say",
        "/letters",
        f"/letters/{letter}",
    )


@dataclass(frozen=True)
class Mode:
    """One way to look at the citizens' pages: a screen, in standard or large type, and the narrower screen each page is turned to as well."""

    name: str
    screen: dict[str, object]
    narrow: tuple[int, int]
    large: bool = False


# The smallest phones are 320 px wide, which is also a desk at a zoom of 400 % (WCAG 1.4.10); 640 px are a desk of 1280 px at 200 %.
MODES = (
    Mode("phone", PHONE, (320, 640)),
    Mode("desk-citizen", DESK, (640, 450)),
    Mode("large", PHONE, (320, 640), large=True),
    Mode("large-desk", DESK, (640, 450), large=True),
)


def named(name: str, path: str) -> str:
    """A picture's name: the same in every run, whatever number a case has got."""
    return name + re.sub("[A-Z]+-[0-9]{4}-[0-9]{6}", "0", path).replace("/", "_")


async def shape(visitor: Visitor) -> list[str]:
    """What is too wide, broken or too small for the screen as it is."""
    wide = await visitor.sideways()
    return [
        *([f"{wide} px sideways"] if wide else []),
        *(f"stacked: {word}" for word in await visitor.stacked()),
        *(f"on two lines: {word}" for word in await visitor.broken()),
        *(f"small: {target}" for target in await visitor.small_targets()),
    ]


async def faults(visitor: Visitor, paths: Sequence[str], name: str, narrow: tuple[int, int] | None = None) -> list[str]:
    found = []
    for path in paths:
        await visitor.open(path)
        here = [*await visitor.violations(), *(f"reads {word!r}" for word in await visitor.raw())]
        if narrow is None:
            # The console is no phone's: only that nothing is cut off.
            here += [f"{wide} px sideways"] if (wide := await visitor.sideways()) else []
            here += [f"stacked: {word}" for word in await visitor.stacked()]
        else:
            here += await shape(visitor)
        await visitor.picture(named(name, path))
        if narrow is not None:
            whole = visitor.page.viewport_size
            assert whole is not None
            await visitor.page.set_viewport_size({"width": narrow[0], "height": narrow[1]})
            here += [f"at {narrow[0]} px: {fault}" for fault in [*await visitor.violations(), *await shape(visitor)]]
            await visitor.page.set_viewport_size(whole)
        found += [f"{path}: {fault}" for fault in here]
    return found


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: str(mode.name))
async def test_citizen_pages(
    tenant: Household, letter: str, reviewed: Household, refused: Household, visitor: NewVisitor, mode: Mode
) -> None:
    async def come(family: Household | None) -> Visitor:
        person = await visitor(mode.screen)
        if mode.large:
            await person.open("/?elder=1")
        if family is not None:
            await person.sign_on_citizen(family.dossier["members"][0]["id_number"])
        return person

    found = await faults(await come(None), OPEN, mode.name, mode.narrow)
    found += await faults(await come(tenant), ("/", *pages_of(tenant, tenant.period(0), letter)), f"{mode.name}-a", mode.narrow)
    found += await faults(
        await come(reviewed), (f"/cases/{reviewed.no}", f"/cases/{reviewed.no}/withdraw", *FORM), f"{mode.name}-b", mode.narrow
    )
    third = await come(refused)
    found += await faults(third, (f"/cases/{refused.no}",), f"{mode.name}-c", mode.narrow)
    card = third.page.get_by_role("region", name="没有通过的决定")
    for words in ("名下有多处住房", "公共租赁住房管理办法", "申请复核", "申请行政复议", "提起行政诉讼", "现在不能网上办，请书面交到"):
        await expect(card).to_contain_text(words)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
async def test_staff_pages(tenant: Household, letter: str, reviewed: Household, visitor: NewVisitor, screen: dict[str, object]) -> None:
    name = "desk" if screen is DESK else "desk-narrow"
    divisions = {"street_clerk": reviewed.street, "house_manager": tenant.district}
    found: list[str] = []
    for role, paths in STAFF.items():
        official = await visitor(screen)
        await official.sign_on_official(role, divisions.get(role, ""), paths[0])
        more: tuple[str, ...] = (f"/staff/cases/{reviewed.no}",) if role == "street_clerk" else ()
        if role == "finance":
            more = (f"/staff/leases/{tenant.lease_no}", f"/staff/leases/{tenant.lease_no}/bills/deposit")
        if role == "auditor":
            more = (f"/staff/complaints/{letter}",)
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


async def test_english_for_those_who_read_it(tenant: Household, letter: str, visitor: NewVisitor) -> None:
    phone = await visitor()
    await phone.open("/")
    await phone.press("English")
    await phone.page.locator("html[lang=en]").wait_for(state="attached")
    assert not await phone.violations()
    heading = await phone.page.locator("main h1").first.inner_text()
    assert heading.isascii(), heading
    await phone.sign_on_citizen(tenant.dossier["members"][0]["id_number"])
    mine = ("/", *pages_of(tenant, tenant.period(0), letter))
    for path in ("/conditions", "/notices", "/waiting", "/apply", *mine):
        await phone.open(path)
        assert not (raw := await phone.raw()), (path, raw)
        assert not await phone.sideways(), path
        assert not (broken := await phone.broken()), (path, broken)
        await phone.picture(named("english-a" if path in mine else "english", path))
        words = await phone.page.locator("main").inner_text()
        # What the registers, rules and places are called is theirs; the pages' own words around them are not.
        assert not (chinese := re.findall(r"[A-Za-z][^\n]{0,20}[A-Za-z] ?[：，（、].*", words)), (path, chinese)
