"""What happens to most households, on the whole running system, through the public API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from anju_stories.household import Household
from anju_stories.people import ApiProblem

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually


async def home_for(box: RunningBox, family: Household) -> dict[str, Any]:
    """Registers the household and has it offered a unit."""
    await family.submit()
    await family.approve_everywhere()
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    return await family.offered()


async def inbox(family: Household) -> list[str]:
    return [message["template"] async for message in family.applicant.pages("/inbox")]


async def test_from_submission_to_the_third_months_rent(box: RunningBox, family: Household) -> None:
    case = await family.submit()
    assert case["no"].startswith("KF-")
    assert "*" in case["masked_name"]
    await family.reaches("street_review")
    lookups = (await family.applicant.get(f"/applications/{family.no}/lookups"))["items"]
    assert len(lookups) == 4
    assert all(lookup["outcome"] in ("found", "no_record") for lookup in lookups)
    assessment = await family.applicant.get(f"/applications/{family.no}/assessment")
    assert assessment["verdict"] == "met", assessment
    assert all(criterion["reason"] for criterion in assessment["criteria"])
    await family.approve_everywhere()
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    lease = await family.accept_offer()
    assert lease["state"] == "signing"
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    for month in range(3):
        period = await family.live_month(month)
        paid = await family.pay(period)
        assert paid["paid_fen"] == paid["amount_fen"] == lease["monthly_rent_fen"]
        (line,) = paid["lines"]
        assert (line["days"], line["amount_fen"]) == (line["month_days"], line["month_fen"]), "a whole month"
        assert line["fen_per_sqm_month"] * line["area_centi_sqm"] == line["month_fen"] * 100
    # The lease's own clock is months ahead: what the Temporal UI shows.
    assert await box.clock.now(f"lease/{family.lease_no}") > datetime.fromisoformat(case["submitted_at"]) + timedelta(days=55)
    told = await eventually(lambda: inbox(family), lambda seen: seen.count("bill_paid") == 3)
    assert set(told) >= {
        "application_received",
        "review_started",
        "approved_to_notice",
        "registered",
        "offer_made",
        "lease_active",
        "deposit_paid",
    }


async def test_household_over_the_area_limit_is_refused_with_its_reason(box: RunningBox, families: Families) -> None:
    personas = (await box.town.world("GET", "/personas"))["items"]
    owner = Household(box.town, next(p["household"] for p in personas if p["key"] == "homeowner"), box.clock)
    await owner.submit()
    await owner.reaches("street_review")
    assessment = await owner.applicant.get(f"/applications/{owner.no}/assessment")
    assert assessment["verdict"] in ("not_met", "needs_review")
    with pytest.raises(ApiProblem) as without_reason:
        await owner.decide("street", "refuse", "")
    assert without_reason.value.status in (409, 422)
    await owner.decide("street", "refuse", "名下有多处住房，超过人均面积标准")
    case = await owner.reaches("rejected")
    assert case["outcome"] == "rejected"
    assert "超过人均面积标准" in case["reason"]
    assert case["refusal"]["reason"] == case["reason"]
    assert [each["code"] for each in case["refusal"]["remedies"]] == ["recheck", "reconsideration", "litigation"]
    await eventually(lambda: inbox(owner), lambda told: "refused" in told)


async def test_returned_corrected_and_approved(family: Household) -> None:
    await family.submit()
    await family.reaches("street_review")
    await family.decide("street", "return", "请补充居住地址")
    case = await family.reaches("correction")
    assert case["deadline_at"]
    family.dossier["address"] += " 2 单元"
    await family.applicant.put(f"/applications/{family.no}/dossier", {"dossier": family.dossier}, **{"If-Match": f'"{case["version"]}"'})
    case = await family.reaches("street_review")
    assert case["round"] == 2
    await family.approve_everywhere()


async def test_withdrawn_during_review(family: Household) -> None:
    await family.submit()
    await family.reaches("street_review")
    await family.applicant.post(f"/applications/{family.no}/withdrawal", {"reason": "已购房"})
    case = await family.reaches("withdrawn")
    assert case["reason"] == "已购房"
    with pytest.raises(ApiProblem) as again:
        await family.applicant.post(f"/applications/{family.no}/withdrawal", {"reason": "已购房"})
    assert again.value.status == 409
    # The household may try again once its case has ended.
    first = family.no

    async def applies_again() -> str:
        # The word reaches the household a moment before its workflow has let its members go.
        try:
            return str((await family.submit())["no"])
        except ApiProblem as refused:
            if refused.status != 409:
                raise
            return first

    await eventually(applies_again, lambda no: no != first)


async def test_objection_blocks_registration_until_it_is_answered(box: RunningBox, family: Household, families: Families) -> None:
    await family.submit()
    await family.approve_everywhere()
    neighbour: Household = await families.one()
    raised = await neighbour.applicant.post(f"/applications/{family.no}/objections", {"text": "该户另有住房"})
    case = await family.reaches("objection_review")
    await box.clock.advance(f"application/{family.no}", timedelta(days=12))
    assert (await family.case())["stage"] == "objection_review"
    answer = {"upheld": False, "answer": "经核实不成立"}
    await family.reviewer("district").post(f"/applications/{family.no}/objections/{raised['id']}/decision", answer)
    case = await family.reaches("registered")
    assert case["outcome"] == "registered"


async def test_declined_offer_returns_to_the_list_and_the_unit_to_the_stock(box: RunningBox, families: Families) -> None:
    family: Household = await families.one("410203")
    offer = await home_for(box, family)
    await family.answer(offer["id"], accept=False, reason="太远")

    async def back() -> dict[str, Any]:
        return await family.tenancy()

    tenancy = await eventually(back, lambda seen: seen["waiting"]["state"] == "waiting")
    assert [o["state"] for o in tenancy["offers"]] == ["declined"]
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    second = await family.offered()
    assert second["id"] != offer["id"]


async def test_late_rent_is_reminded_overdue_then_arrears_and_can_still_be_paid(box: RunningBox, families: Families) -> None:
    family: Household = await families.one("410204")
    await home_for(box, family)
    await family.accept_offer()
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    period = await family.live_month(0)
    await family.bill(period)
    bill = f"bill/{family.lease_no}/{period}"
    await box.clock.advance(bill, timedelta(days=12))
    await family.bill(period, state="overdue")
    assert "bill_reminder" in await inbox(family)
    await box.clock.advance(bill, timedelta(days=25))
    await family.bill(period, state="arrears")
    paid = await family.pay(period)
    assert paid["paid_fen"] == paid["amount_fen"]
    # The bill's workflow ended with the arrears; the lease's goes on and thanks for the money.
    await eventually(lambda: inbox(family), lambda seen: "arrears_paid" in seen)


async def test_who_left_the_list_may_apply_again(family: Household) -> None:
    await family.submit()
    await family.approve_everywhere()
    await family.pass_public_notice()
    with pytest.raises(ApiProblem) as registered:
        await family.submit()
    assert registered.value.status == 409
    await family.applicant.post(f"/applications/{family.no}/waiting-exit", {})
    await eventually(lambda: inbox(family), lambda seen: "left_waiting" in seen)
    first = family.no
    await family.submit()
    assert family.no != first


async def test_deadlines_are_seen_by_operators_in_chinese(box: RunningBox, family: Household) -> None:
    await family.submit()
    await family.reaches("street_review")
    handle = box.temporal.get_workflow_handle(f"application/{family.no}")
    seen = str(await handle.query("__temporal_workflow_metadata"))
    assert "街道初审" in seen
    assert "期限" in seen
    assert "数据核验" in seen

    async def search() -> list[str]:
        query = f'HousingStage="street_review" AND Street="{family.street}" AND WaitingOn="street"'
        return [found.id async for found in box.temporal.list_workflows(query)]

    assert handle.id in await eventually(search, lambda found: handle.id in found)


async def test_a_reviewer_who_reads_the_dossier_is_seen_by_the_household(family: Household) -> None:
    """What the reviewer's page says: reading is logged, and the household can see it."""
    await family.submit()
    await family.reaches("street_review")

    async def reads() -> list[tuple[list[str], str]]:
        return [(read["roles"], read["what"]) async for read in family.applicant.pages(f"/applications/{family.no}/reads")]

    assert await reads() == []
    await family.reviewer("street").get(f"/applications/{family.no}")
    assert await reads() == [(["street_clerk"], "dossier")]


async def test_a_name_with_the_blank_of_its_identity_card_is_found_at_the_registers(families: Families) -> None:
    """Cards print a two-character name with a blank in it. Asked so at a register it was not found, and read as no month insured."""
    family = await families.one("410202", lambda household: bool(household["members"][0]["employments"]))
    name = family.dossier["members"][0]["name"]
    family.dossier["members"][0]["name"] = f"{name[0]} {name[1:]}"
    await family.submit()
    case = await family.reaches("street_review")
    assert case["dossier"]["members"][0]["name"] == name
    lookups = (await family.applicant.get(f"/applications/{family.no}/lookups"))["items"]
    assert {each["register"]: each["outcome"] for each in lookups}["social_insurance"] == "found"
