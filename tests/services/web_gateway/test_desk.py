"""The first page of the staff console: the numbers of one's duties, and none that is made up when a service is away."""

from __future__ import annotations

from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as housing
from anju.organisation.v1 import organisation_pb2 as organisation
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.payments.v1 import payments_pb2 as payments
from anju.reads.v1 import reads_pb2 as reads
from chassis import errors
from chassis.errors import Refusal
from web_gateway.api.subjects.desk import OF_DUTY

from tests.services.web_gateway.world import API, World

ANSWERS: dict[str, Any] = {
    "ListTasks": casework.ListTasksResponse,
    "ListApplications": casework.ListApplicationsResponse,
    "ListLeases": housing.ListLeasesResponse,
    "ListComplaints": complaints.ListComplaintsResponse,
    "ListBills": payments.ListBillsResponse,
    "ListReaders": reads.ListReadersResponse,
}


async def figures(gateway: World, duty: str) -> dict[str, int | None]:
    person = await gateway.stranger()
    reply = await person.get(f"{API}/desk", headers={"Authorization": f"Bearer {gateway.token(duty)}"})
    assert reply.status == 200, reply.text
    return {figure["name"]: figure["count"] for figure in reply.json["figures"]}


@pytest.mark.parametrize("duty", sorted(OF_DUTY))
async def test_everybody_has_the_numbers_of_his_duty_and_nobody_is_shown(gateway: World, duty: str) -> None:
    for method, answer in ANSWERS.items():
        gateway.backstage.on(method, answer(page=common.PageInfo(total=7)))
    # Looks are counted by each service that shows households' affairs.
    asked_of = {name: 4 if name == "readers_alarmed" else 1 for name in OF_DUTY[duty]}
    assert await figures(gateway, duty) == {name: 7 * services for name, services in asked_of.items()}
    lists = [asked for asked in gateway.backstage.asked if asked.method in ANSWERS]
    assert len(lists) == sum(asked_of.values())
    assert all(asked.request.page.only_count and asked.request.page.count for asked in lists)


async def test_each_number_asks_for_what_its_name_says(gateway: World) -> None:
    def tasks(request: Any) -> Any:
        return casework.ListTasksResponse(page=common.PageInfo(total=2 if request.overdue else 1 if request.state == "second" else 9))

    gateway.backstage.on("ListTasks", tasks)
    gateway.backstage.on(
        "ListApplications", lambda asked: casework.ListApplicationsResponse(page=common.PageInfo(total=4 if asked.changed_since else 0))
    )
    gateway.backstage.on(
        "ListComplaints",
        lambda asked: complaints.ListComplaintsResponse(page=common.PageInfo(total=6 if asked.overdue else 8 if asked.open else 0)),
    )
    assert await figures(gateway, "district_reviewer") == {
        "tasks": 9, "tasks_overdue": 2, "tasks_second": 1, "cases_changed": 4, "complaints_open": 8, "complaints_overdue": 6,
    }  # fmt: skip
    # As the list does: what is about himself is not counted either.
    asked = [each.request for each in gateway.backstage.asked if each.method == "ListComplaints"]
    assert all(each.official for each in asked)


async def test_a_service_that_is_away_takes_nothing_from_the_others(gateway: World) -> None:
    def away(_request: Any) -> Any:
        raise Refusal(errors.UNAVAILABLE)

    gateway.backstage.on("ListLeases", housing.ListLeasesResponse(page=common.PageInfo(total=3)))
    gateway.backstage.on("ListBills", away)
    found = await figures(gateway, "house_manager")
    assert (found["leases_signing"], found["bills_arrears"]) == (3, None), "unknown is not none"


async def test_a_successor_is_told_whose_work_he_has_got_and_nothing_while_organisation_is_away(gateway: World) -> None:
    handed = organisation.HandedOver(account="s-1", name="李芳", duty="finance", unit="4102", unit_name="开封市", until_on="2026-12-01")
    gateway.backstage.on("ListHandedOver", organisation.ListHandedOverResponse(handed_over=[handed]))
    person = await gateway.stranger()
    bearer = {"Authorization": f"Bearer {gateway.token('finance')}"}
    (told,) = (await person.get(f"{API}/desk", headers=bearer)).json["handed_over"]
    assert (told["name"], told["duty"], told["until_on"]) == ("李芳", "finance", "2026-12-01")

    def away(_request: Any) -> Any:
        raise Refusal(errors.UNAVAILABLE)

    gateway.backstage.on("ListHandedOver", away)
    reply = await person.get(f"{API}/desk", headers=bearer)
    assert (reply.status, reply.json["handed_over"]) == (200, [])
