"""What people get wrong: each gets a 4xx that names the field and says what to do."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from anju_stories.household import CONSENT_VERSION, REGISTERS, Household
from anju_stories.people import ApiProblem

from tests.support.boxes import RunningBox
from tests.support.families import Families

Change = Callable[[dict[str, Any]], None]


def wrong_digit(body: dict[str, Any]) -> None:
    number = body["dossier"]["members"][0]["id_number"]
    body["dossier"]["members"][0]["id_number"] = number[:-1] + ("1" if number[-1] != "1" else "2")


def birth(body: dict[str, Any]) -> None:
    body["dossier"]["members"][0]["birth_date"] = "1970-01-01"


def no_area(body: dict[str, Any]) -> None:
    body["dossier"]["homes"] = [{"district": "410202", "address": "某路1号", "area_centi_sqm": 0, "share_percent": 100}]


def unknown_field(body: dict[str, Any]) -> None:
    body["dossier"]["favourite_colour"] = "blue"


def missing_consent(body: dict[str, Any]) -> None:
    body["consent"]["registers"] = REGISTERS[:3]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (wrong_digit, "/dossier/members/0/id_number"),
        (birth, "/dossier/members/0/birth_date"),
        (no_area, "/dossier/homes/0/area_centi_sqm"),
        (unknown_field, "/dossier/favourite_colour"),
        (missing_consent, "/consent/registers"),
    ],
)
async def test_wrong_field_is_named(family: Household, change: Change, pointer: str) -> None:
    body = {"dossier": copy.deepcopy(family.dossier), "consent": {"text_version": CONSENT_VERSION, "registers": REGISTERS}}
    change(body)
    with pytest.raises(ApiProblem) as refused:
        await family.applicant.post("/applications", body)
    assert 400 <= refused.value.status < 500
    assert pointer in refused.value.pointers
    for error in refused.value.body["errors"]:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in error["message"])
        assert family.dossier["members"][0]["id_number"] not in error["message"]


async def test_nobody_applies_in_anothers_name(families: Families) -> None:
    """Whoever has signed on, however he is signed on: the applicant is himself, and a household tried that way is not locked out."""
    own, other = await families.one("410202"), await families.one("410202")
    body = {"dossier": other.dossier, "consent": {"text_version": CONSENT_VERSION, "registers": REGISTERS}}
    with pytest.raises(ApiProblem) as refused:
        await own.applicant.post("/applications", body)
    assert refused.value.status == 422
    assert refused.value.pointers == ["/dossier/members/0/id_number"]
    await other.submit()


async def test_second_application_of_the_same_household(family: Household) -> None:
    await family.submit()
    with pytest.raises(ApiProblem) as refused:
        await Household(family.city, family.household).submit()
    assert refused.value.status == 409


async def test_same_key_is_the_same_application(family: Household) -> None:
    key = str(uuid.uuid4())
    first = await family.submit(key=key)
    assert (await family.submit(key=key))["no"] == first["no"]
    family.dossier["address"] += " 改"
    with pytest.raises(ApiProblem) as refused:
        await family.submit(key=key)
    assert refused.value.status == 422


async def test_body_too_large(box: RunningBox, family: Household) -> None:
    body = {"dossier": {**family.dossier, "address": "长" * 200_000}, "consent": {"text_version": CONSENT_VERSION, "registers": REGISTERS}}
    with pytest.raises(ApiProblem) as refused:
        await family.applicant.post("/applications", body)
    assert refused.value.status == 413


async def test_others_cannot_see_or_decide(box: RunningBox, family: Household, families: Families) -> None:
    await family.submit()
    await family.reaches("street_review")
    stranger: Household = await families.one()
    for person, allowed in (
        (stranger.applicant, False),
        (box.town.official("street_clerk", "410203001"), False),
        (box.town.official("district_reviewer", "410205"), False),
        (box.town.official("street_clerk", family.street), True),
    ):
        if allowed:
            assert (await person.get(f"/applications/{family.no}"))["no"] == family.no
        else:
            with pytest.raises(ApiProblem) as hidden:
                await person.get(f"/applications/{family.no}")
            assert hidden.value.status == 404
    with pytest.raises(ApiProblem) as refused:
        await box.town.official("district_reviewer", family.district).post(
            f"/applications/{family.no}/decision", {"decision": "approve", "reason": ""}
        )
    assert refused.value.status in (403, 409)
