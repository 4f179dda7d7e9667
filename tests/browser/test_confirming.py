"""Everybody agrees for himself, on his own phone: two taps to confirm, two to take it back; and the applicant sees who is awaited."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.pages import DESK
from tests.support.families import Families


def only_one_other_adult(household: dict[str, Any]) -> bool:
    """And minors: the case goes on when that one has confirmed."""
    born = [person["birth_date"] for person in household["members"]]
    return len(born) > 2 and sum(each < "2008" for each in born) == 2 and not any("2008" <= each < "2010" for each in born)


pytestmark = pytest.mark.browser


async def test_a_member_confirms_and_takes_it_back_and_the_applicant_sees_it(families: Families, visitor: NewVisitor) -> None:
    family = await families.one("410204", fits=only_one_other_adult)
    case = await family.hand_in()
    await family.reaches("confirming")
    places = [each["index"] for each in case["members"] if each["state"] == "awaited"]
    named = family.dossier["members"][places[0]]
    phone = await visitor()
    await phone.sign_on_citizen(named["id_number"], "/confirm")
    await phone.expect_heading("确认我的家庭")
    await phone.picture("confirm-awaited")
    assert not await phone.violations()
    await phone.open("/confirm?elder=1")
    await phone.picture("confirm-awaited-elder")
    assert await phone.sideways() == 0
    await phone.open("/confirm?elder=0")
    await phone.press("我属于这个家庭，同意查询")
    await expect(phone.page.locator("main")).to_contain_text("您已确认")
    await phone.press("撤回同意")
    await expect(phone.page.locator("main")).to_contain_text("此前查到的结果仍然有效")
    await phone.picture("confirm-taking-back")
    assert not await phone.violations()
    desk = await visitor(DESK)
    await desk.sign_on_citizen(named["id_number"], "/confirm")
    await desk.press("撤回同意")
    await desk.picture("confirm-taking-back-desk")
    # Nothing is taken back by one tap, nor by the other answer.
    await phone.press("不撤回")
    await expect(phone.page.locator("main")).to_contain_text("您已确认")
    assert (await family.case())["members"][places[0]]["state"] == "confirmed"
    await family.reaches("verifying", "street_review")
    await phone.press("撤回同意")
    await phone.press("确定撤回")
    await expect(phone.page.locator("main")).to_contain_text("您已撤回同意，不再查询您的信息")
    await phone.picture("confirm-taken-back")
    applicant = await visitor()
    await applicant.sign_on_citizen(family.dossier["members"][0]["id_number"], f"/cases/{family.no}")
    await expect(applicant.page.locator(".members")).to_contain_text("已撤回同意")
    await applicant.picture("case-taken-back")
    assert not await applicant.violations()
