"""The search of the console: whoever has one of the number answers, and a person is looked for at no complaint."""

from __future__ import annotations

from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.oversight.v1 import complaints_pb2 as complaints
from chassis import errors
from chassis.errors import Refusal

from tests.services.web_gateway.world import API, World, an_application

COMPLAINT = complaints.Complaint(no="TS-2026-000007", kind="misuse", stage="handling")


async def found(gateway: World, words: str, role: str = "district_reviewer") -> list[dict[str, Any]]:
    person = await gateway.stranger()
    reply = await person.post(f"{API}/searches", json={"words": words}, headers={"Authorization": f"Bearer {gateway.token(role)}"})
    assert reply.status == 200, reply.text
    items: list[dict[str, Any]] = reply.json["items"]
    return items


def methods(gateway: World) -> list[str]:
    return [each.method for each in gateway.backstage.asked]


@pytest.mark.parametrize("typed", ["TS-2026-000007", "ts2026000007", " ts-2026-000007 "])
async def test_a_complaint_is_found_by_its_number(gateway: World, typed: str) -> None:
    gateway.backstage.on("FindApplications", casework.FindApplicationsResponse())
    gateway.backstage.on("ListComplaints", complaints.ListComplaintsResponse(complaints=[COMPLAINT]))
    [hit] = await found(gateway, typed)
    assert (hit["kind"], hit["no"], hit["state"], hit["application_no"]) == ("complaint", "TS-2026-000007", "handling", "")
    [asked] = [each.request for each in gateway.backstage.asked if each.method == "ListComplaints"]
    # Whose name it is: what is about him is not found by him.
    assert (asked.no, bool(asked.official)) == ("TS-2026-000007", True)


async def test_a_case_of_the_number_and_a_person_ask_nobody_else(gateway: World) -> None:
    gateway.backstage.on(
        "FindApplications", lambda asked: casework.FindApplicationsResponse(applications=[an_application()] if "KF" in asked.words else [])
    )
    assert [hit["kind"] for hit in await found(gateway, "KF-2026-000123")] == ["case"]
    assert await found(gateway, "410202198001011234") == []
    assert await found(gateway, "张三") == []
    assert "ListComplaints" not in methods(gateway)


async def test_who_reads_no_complaints_finds_none(gateway: World) -> None:
    def refused(_asked: Any) -> Any:
        raise Refusal(errors.NOT_ALLOWED)

    gateway.backstage.on("FindApplications", casework.FindApplicationsResponse())
    gateway.backstage.on("ListComplaints", refused)
    assert await found(gateway, "TS-2026-000007", "finance") == []
