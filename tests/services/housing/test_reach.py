"""Who may see and do what; and what is refused before it touches anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from chassis.grpc_client import Client
from chassis.identity import Caller

from tests.services.housing.world import DISTRICT, MANAGER, World, refused
from tests.support.keys import citizen, signer, staff

STAFF_ROLES = ("street_clerk", "district_reviewer", "city_reviewer", "house_manager", "finance", "operator", "auditor")


async def test_lists_are_open_and_everything_else_needs_a_caller(world: World) -> None:
    await world.stub.ListEstates(pb.ListEstatesRequest())
    await world.stub.ListWaiting(pb.ListWaitingRequest())
    # Whoever holds the paper of a contract may have it checked.
    await world.stub.CheckContract(pb.CheckContractRequest())
    opened = ("ListEstates", "ListWaiting", "CheckContract")
    closed = [m.name for m in pb.DESCRIPTOR.services_by_name["HousingService"].methods if m.name not in opened]
    for name in closed:
        request = getattr(pb, f"{name}Request")()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await getattr(world.stub, name)(request)
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED, name


async def test_a_tenancy_is_seen_by_its_household_and_the_staff_of_its_place(world: World) -> None:
    await world.register("KF-1")
    see: list[tuple[Caller, bool]] = [
        (citizen("c-KF-1"), True),
        (citizen("c-KF-2"), False),
        *((staff(role, division), True) for role in STAFF_ROLES for division in ("4102", "410202", "410202001")),
        *((staff(role, division), False) for role in STAFF_ROLES for division in ("410203", "410202002", "99")),
        (Caller("s", "staff", ("house_manager",), ()), False),
    ]
    for caller, allowed in see:
        if allowed:
            assert (await world.tenancy("KF-1", caller)).waiting.application_no == "KF-1"
        else:
            assert (await refused(world.tenancy("KF-1", caller))).problem.reason == "NOT_FOUND", caller
    assert (await refused(world.tenancy("KF-404", citizen("c-KF-1")))).problem.reason == "NOT_FOUND"
    assert (await refused(world.tenancy("KF-1", staff("canteen", "4102")))).problem.reason == "NOT_ALLOWED"
    # Our own processes have no business with it.
    assert (await refused(world.step("GetTenancy", pb.GetTenancyRequest(application_no="KF-1")))).problem.reason == "NOT_ALLOWED"


async def test_leases_in_reach(world: World) -> None:
    await world.add_units(2, 2)
    mine, other = await world.leased("KF-1"), await world.leased("KF-2")

    async def numbers(caller: Caller, **filters: Any) -> list[str]:
        answer = await world.call("ListLeases", pb.ListLeasesRequest(**filters), caller)
        return [lease.no for lease in answer.leases]

    assert await numbers(citizen("c-KF-1")) == [mine.no]
    assert await numbers(staff("finance", "410202")) == [other.no, mine.no]
    assert await numbers(staff("finance", "410203")) == []
    assert await numbers(Caller("s", "staff", ("finance",), ())) == []
    assert await numbers(MANAGER, state="active", district=DISTRICT) == [other.no, mine.no]
    assert await numbers(MANAGER, state="signing") == []
    assert await numbers(MANAGER, district="410203") == []
    assert (await refused(numbers(MANAGER, state="happy"))).problem.reason == "INVALID_FIELDS"
    assert (await refused(numbers(staff("street_clerk", "410202001")))).problem.reason == "NOT_ALLOWED"
    first = await world.call("ListLeases", pb.ListLeasesRequest(page=common.PageRequest(limit=1)), MANAGER)
    following = common.PageRequest(limit=1, cursor=first.page.next_cursor)
    second = await world.call("ListLeases", pb.ListLeasesRequest(page=following), MANAGER)
    assert [first.leases[0].no, second.leases[0].no, second.page.next_cursor] == [other.no, mine.no, ""]
    assert (await refused(numbers(MANAGER, page=common.PageRequest(cursor="x")))).problem.reason == "BAD_CURSOR"


async def test_looks_of_staff_are_on_record_and_told_to_the_household(world: World) -> None:
    await world.add_units(2, 2)
    await world.leased("KF-1")
    await world.register("KF-2")
    tenant = citizen("c-KF-1")
    before = await world.looks("KF-1", tenant)
    assert {what for _, what, _ in before} <= {"offers"}
    await world.tenancy("KF-1", tenant)
    assert await world.looks("KF-1", tenant) == before, "a household's own look is nobody else's"
    for caller in (MANAGER, MANAGER, staff("finance", "410202")):
        await world.tenancy("KF-1", caller)
    await world.call("ListLeases", pb.ListLeasesRequest(), MANAGER)
    await world.call("ListWaiting", pb.ListWaitingRequest(), MANAGER)
    await world.stub.ListWaiting(pb.ListWaitingRequest())
    looks = await world.looks("KF-1", tenant)
    assert [look for look in looks if look not in before] == [
        (["house_manager"], "leases", 1),
        (["finance"], "tenancy", 1),
        (["house_manager"], "tenancy", 2),
    ]
    assert await world.looks("KF-2", citizen("c-KF-2")) == [(["house_manager"], "waiting", 1)]
    await world.offer()
    assert (["house_manager"], "offers", 1) in await world.looks("KF-2", citizen("c-KF-2"))
    for stranger in (citizen("c-KF-2"), staff("auditor", "410203")):
        assert (await refused(world.looks("KF-1", stranger))).problem.reason == "NOT_FOUND"
    assert (await refused(world.looks("KF-404", tenant))).problem.reason == "NOT_FOUND"


async def test_nothing_of_homes_is_shown_when_the_look_cannot_be_written(world: World) -> None:
    await world.register("KF-1")
    await world.sql("ALTER TABLE staff_read ADD CONSTRAINT full_disk CHECK (id < 0) NOT VALID")
    for shown in (
        world.tenancy("KF-1", MANAGER),
        world.call("ListLeases", pb.ListLeasesRequest(), MANAGER),
        world.call("ListWaiting", pb.ListWaitingRequest(), MANAGER),
    ):
        assert (await refused(shown)).problem.reason == "INTERNAL"
    assert (await world.tenancy("KF-1", citizen("c-KF-1"))).waiting.application_no == "KF-1"
    await world.sql("ALTER TABLE staff_read DROP CONSTRAINT full_disk")


async def test_homes_are_added_and_offered_by_house_managers_of_the_district(world: World) -> None:
    good = pb.NewUnit(
        estate_id="E", estate_name="金明家园", district=DISTRICT, address="金明大道", number="1", bedrooms=1,
        area_centi_sqm=4_000, deposit_fen=0,
    )  # fmt: skip

    async def add(caller: Caller, *units: pb.NewUnit, key: str = "k") -> Any:
        return await world.call("AddUnits", pb.AddUnitsRequest(idempotency_key=key, units=units), caller)

    assert (await refused(add(citizen(), good))).problem.reason == "NOT_ALLOWED"
    assert (await refused(add(staff("finance", "4102"), good))).problem.reason == "NOT_ALLOWED"
    assert (await refused(add(staff("house_manager", "410203"), good))).problem.reason == "OUT_OF_DIVISION"
    assert (await refused(add(staff("house_manager", "410202001"), good))).problem.reason == "OUT_OF_DIVISION"
    assert (await refused(add(MANAGER, good, key=""))).fields[0].pointer == "/idempotency_key"
    first = await add(MANAGER, good)
    assert await add(MANAGER, good) == first
    assert (await refused(add(MANAGER, good, key="k2"))).problem.reason == "UNIT_EXISTS"
    moved = pb.NewUnit()
    moved.CopyFrom(good)
    moved.number, moved.estate_name = "2", "别的小区"
    assert (await refused(add(MANAGER, moved, key="k3"))).problem.reason == "ESTATE_DIFFERS"
    assert [unit.monthly_rent_fen for unit in first.units] == [28_000], "area × the standard of the place and grade"
    dear = pb.NewUnit()
    dear.CopyFrom(good)
    dear.number, dear.monthly_rent_fen = "3", 28_001
    assert (await refused(add(MANAGER, dear, key="k5"))).problem.reason == "RENT_NOT_BY_STANDARD"
    lift = pb.NewUnit()
    lift.CopyFrom(good)
    lift.number, lift.grade = "4", "penthouse"
    assert (await refused(add(MANAGER, lift, key="k6"))).fields[0].pointer == "/units/0/grade"
    bad = pb.NewUnit(estate_id="E", number="x" * 101, district="4102", bedrooms=10, monthly_rent_fen=-1)
    pointers = {field.pointer for field in (await refused(add(MANAGER, good, bad, key="k4"))).fields}
    assert pointers == {
        f"/units/1/{name}" for name in ("estate_name", "address", "number", "district", "bedrooms", "area_centi_sqm", "monthly_rent_fen")
    }
    assert await world.sql("SELECT count(*) FROM units") == [(1,)], "what was refused left nothing behind"
    for caller, reason in (
        (citizen(), "NOT_ALLOWED"),
        (staff("operator", "4102"), "NOT_ALLOWED"),
        (staff("house_manager", "410203"), "OUT_OF_DIVISION"),
    ):
        assert (await refused(world.offer(caller=caller))).problem.reason == reason


async def test_a_household_decides_only_for_itself(world: World) -> None:
    await world.add_units(2)
    await world.register("KF-1")
    (offer,) = (await world.offer()).offers
    lease = await world.close_offer(offer.id, "accepted")
    for caller, reason in ((citizen("c-KF-2"), "NOT_FOUND"), (MANAGER, "NOT_ALLOWED")):
        for method, request in (
            ("AnswerOffer", pb.AnswerOfferRequest(idempotency_key="k", offer_id=offer.id, accept=True)),
            ("LeaveWaitingList", pb.LeaveWaitingListRequest(idempotency_key="k", application_no="KF-1")),
            ("GetContract", pb.GetContractRequest(lease_no=lease.no)),
            ("SignLease", pb.SignLeaseRequest(idempotency_key="k", lease_no=lease.no, acknowledged=True)),
        ):
            assert (await refused(world.call(method, request, caller))).problem.reason == reason
    assert world.notes.updates == []


async def test_steps_are_for_the_worker_alone(world: World, keys_dir: Path) -> None:
    payments = Client(world.address, signer(keys_dir, "payments"))
    stub = rpc.HousingServiceStub(payments.channel)
    pretender = staff("worker", "4102")
    for method in ("RegisterWaiting", "CloseOffer", "CloseWaiting", "AdvanceLease"):
        request = getattr(pb, f"{method}Request")()
        request.step.CopyFrom(world.next_step())
        assert (await refused(payments.call(getattr(stub, method), request))).problem.reason == "NOT_ALLOWED"
        assert (await refused(world.call(method, request, pretender))).problem.reason == "NOT_ALLOWED"
        assert (await refused(world.step(method, getattr(pb, f"{method}Request")()))).problem.reason == "INVALID_FIELDS"
    await payments.close()


async def test_steps_about_nothing(world: World) -> None:
    assert (await refused(world.close_offer("of404", "expired"))).problem.reason == "NOT_FOUND"
    assert (await refused(world.close_offer("of404", "burnt"))).problem.reason == "INVALID_FIELDS"
    assert (await refused(world.close_waiting("KF-404", "left"))).problem.reason == "NOT_FOUND"
    assert (await refused(world.close_waiting("KF-404", "lost"))).problem.reason == "INVALID_FIELDS"
    assert (await refused(world.advance("L-404", "signed"))).problem.reason == "NOT_FOUND"


async def test_what_one_household_has_is_not_counted_without_a_look(world: World) -> None:
    request = pb.ListLeasesRequest(no="L-2026-000001", state="active", page=common.PageRequest(only_count=True))
    assert (await refused(world.call("ListLeases", request, MANAGER))).problem.reason == "INVALID_FIELDS"
