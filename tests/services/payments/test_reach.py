"""Who may see and do what; and what is refused before it touches anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as pb
from anju.payments.v1 import payments_pb2_grpc as rpc
from chassis.grpc_client import Client
from chassis.identity import Caller
from payments.app import application
from payments.providers.ccb import CcbAccount
from payments.settings import Settings

from tests.services.payments.world import LEASE, OWNER, World, account_file, refused
from tests.support.keys import citizen, signer, staff

BILL = f"{LEASE}/202612"
READERS = ("finance", "house_manager", "operator", "auditor")


async def test_nothing_is_open(world: World) -> None:
    for method in pb.DESCRIPTOR.services_by_name["PaymentsService"].methods:
        # Whoever holds a receipt may ask whether it is one.
        if method.name == "CheckReceipt":
            continue
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await getattr(world.stub, method.name)(getattr(pb, f"{method.name}Request")())
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED, method.name


async def test_a_bill_is_seen_by_its_tenant_and_the_staff_of_its_district(world: World) -> None:
    await world.issue()
    see: list[tuple[Caller, bool]] = [
        (citizen(OWNER), True),
        (citizen("c-2"), False),
        *((staff(role, division), True) for role in READERS for division in ("4102", "410202")),
        *((staff(role, division), False) for role in READERS for division in ("410203", "410202001")),
        (Caller("s", "staff", ("finance",), ()), False),
    ]
    for caller, allowed in see:
        if allowed:
            assert (await world.call("GetBill", pb.GetBillRequest(id=BILL), caller)).bill.id == BILL
        else:
            assert (await refused(world.call("GetBill", pb.GetBillRequest(id=BILL), caller))).problem.reason == "NOT_FOUND", caller
    clerk = staff("street_clerk", "4102")
    assert (await refused(world.call("GetBill", pb.GetBillRequest(id=BILL), clerk))).problem.reason == "NOT_ALLOWED"
    assert (await refused(world.call("GetBill", pb.GetBillRequest(id="L-404/deposit"), citizen(OWNER)))).problem.reason == "NOT_FOUND"
    assert (await refused(world.start(BILL, owner="c-2"))).problem.reason == "NOT_FOUND"
    request = pb.StartPaymentRequest(idempotency_key="k", bill_id=BILL)
    assert (await refused(world.call("StartPayment", request, staff("finance")))).problem.reason == "NOT_ALLOWED"
    assert (
        await refused(world.call("StartPayment", pb.StartPaymentRequest(bill_id=BILL), citizen(OWNER)))
    ).problem.reason == "INVALID_FIELDS"
    assert world.bank.asked == []


async def test_looks_of_staff_are_on_record_and_told_to_the_tenant(world: World) -> None:
    for period in ("202612", "202701"):
        await world.issue(period)
    tenant, finance = citizen(OWNER), staff("finance")
    await world.call("GetBill", pb.GetBillRequest(id=BILL), tenant)
    assert await world.looks("KF-1", tenant) == [], "a tenant's own look is nobody else's"
    await world.call("GetBill", pb.GetBillRequest(id=BILL), staff("auditor"))
    for _ in range(2):
        await world.call("ListBills", pb.ListBillsRequest(), finance)
    await world.call("GetTrialBalance", pb.GetTrialBalanceRequest(), finance)
    assert await world.looks("KF-1", tenant) == [(["finance"], "bills", 2), (["auditor"], "bill", 1)]
    assert await world.sql("SELECT reader, households FROM staff_read WHERE what = 'ledger'") == [("staff-1", [])]
    for stranger in (citizen("c-2"), staff("auditor", "410203")):
        assert (await refused(world.looks("KF-1", stranger))).problem.reason == "NOT_FOUND"


async def test_no_bill_is_shown_when_the_look_cannot_be_written(world: World) -> None:
    await world.issue()
    await world.sql("ALTER TABLE staff_read ADD CONSTRAINT full_disk CHECK (id < 0) NOT VALID")
    for method, request in (
        ("GetBill", pb.GetBillRequest(id=BILL)),
        ("ListBills", pb.ListBillsRequest()),
        ("GetTrialBalance", pb.GetTrialBalanceRequest()),
    ):
        assert (await refused(world.call(method, request, staff("finance")))).problem.reason == "INTERNAL", method
    assert (await world.bill(BILL)).id == BILL


async def test_the_same_key_for_another_bill_is_refused(world: World) -> None:
    await world.issue()
    await world.issue("202701")
    first = await world.start(BILL, key="k")
    assert await world.start(BILL, key="k") == first
    assert (await refused(world.start(f"{LEASE}/202701", key="k"))).problem.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_bills_on_which_a_payment_came_to_nothing_are_listed_until_they_are_paid(world: World) -> None:
    for period in ("202612", "202701", "202702"):
        await world.issue(period)

    async def failed(caller: Caller) -> list[str]:
        answer = await world.call("ListBills", pb.ListBillsRequest(failed_payment=True), caller)
        return [bill.id for bill in answer.bills]

    finance = staff("finance", "4102")
    ended = await world.start(BILL)
    open_ = await world.start(f"{LEASE}/202701")
    assert await failed(finance) == []
    await world.sql("UPDATE intents SET state = 'expired' WHERE id = :id", id=ended.id)
    assert await failed(finance) == [BILL], f"{open_.id} is still open"
    assert await failed(staff("finance", "410203")) == []
    await world.called_back(await world.start(BILL))
    assert await failed(finance) == []


async def test_lists_of_bills_are_in_reach_newest_first_and_page(world: World) -> None:
    for period in ("202612", "202701", "202702", ""):
        await world.issue(period)
    await world.issue(lease="L-2026-000002", owner="c-2", district="410203")

    async def listed(caller: Caller, **filters: Any) -> list[str]:
        answer = await world.call("ListBills", pb.ListBillsRequest(**filters), caller)
        return [bill.id for bill in answer.bills]

    mine = [f"{LEASE}/{period}" for period in ("202702", "202701", "202612", "deposit")]
    assert await listed(citizen(OWNER)) == mine
    assert await listed(citizen("c-2")) == ["L-2026-000002/202612"]
    assert await listed(staff("finance", "410202")) == mine
    assert len(await listed(staff("house_manager", "4102"))) == 5
    assert await listed(staff("finance", "4102"), lease_no="L-2026-000002") == ["L-2026-000002/202612"]
    assert await listed(citizen(OWNER), lease_no="L-2026-000002") == []
    assert await listed(Caller("s", "staff", ("finance",), ())) == []
    await world.mark(mine[1], "overdue")
    assert await listed(citizen(OWNER), state="overdue") == [mine[1]]
    assert (await refused(listed(citizen(OWNER), state="lost"))).problem.reason == "INVALID_FIELDS"
    assert (await refused(listed(staff("street_clerk", "4102")))).problem.reason == "NOT_ALLOWED"
    assert (await refused(listed(citizen(OWNER), page=common.PageRequest(cursor="?")))).problem.reason == "BAD_CURSOR"
    seen, cursor = [], ""
    while True:
        page = common.PageRequest(limit=3, cursor=cursor)
        answer = await world.call("ListBills", pb.ListBillsRequest(page=page), citizen(OWNER))
        seen += [bill.id for bill in answer.bills]
        cursor = answer.page.next_cursor
        if not cursor:
            break
    assert seen == mine


async def test_steps_are_for_the_worker_alone(world: World, keys_dir: Path) -> None:
    housing = Client(world.address, signer(keys_dir, "housing"))
    stub = rpc.PaymentsServiceStub(housing.channel)
    for method in ("IssueBill", "ConfirmPayment", "MarkBill"):
        request = getattr(pb, f"{method}Request")()
        assert (await refused(housing.call(getattr(stub, method), request))).problem.reason == "NOT_ALLOWED"
        for caller in (staff("worker"), citizen(OWNER)):
            assert (await refused(world.call(method, request, caller))).problem.reason == "NOT_ALLOWED"
        assert (await refused(world.step(method, request))).problem.reason == "INVALID_FIELDS"
    await housing.close()
    assert (await refused(world.confirm("P404"))).problem.reason == "NOT_FOUND"


async def test_bills_that_make_no_sense(world: World) -> None:
    good = {
        "bill_id": BILL,
        "lease_no": LEASE,
        "application_no": "KF-1",
        "owner": OWNER,
        "district": "410202",
        "kind": "rent",
        "period": "202612",
    }
    for change, pointer in (
        ({"bill_id": "other"}, "/bill_id"),
        ({"period": "202613"}, "/bill_id"),
        ({"kind": "deposit"}, "/bill_id"),
        ({"kind": "fine"}, "/bill_id"),
        ({"owner": ""}, "/owner"),
        ({"amount_fen": 0}, "/amount_fen"),
        ({"amount_fen": -1}, "/amount_fen"),
    ):
        request = pb.IssueBillRequest(**{"amount_fen": 1, **good, **change}, step=world.next_step())  # type: ignore[arg-type]  # as in the table above
        request.due_at.FromSeconds(1)
        refusal = await refused(world.step("IssueBill", request))
        assert [field.pointer for field in refusal.fields] == [pointer]
    assert await world.sql("SELECT count(*) FROM bills") == [(0,)]


@pytest.mark.parametrize("broken", ["missing", "json", "key", "url"])
async def test_without_a_usable_bank_account_the_service_says_so(tmp_path: Path, keys_dir: Path, broken: str) -> None:
    file = account_file(tmp_path, "ftp://bank" if broken == "url" else "http://bank", **({"public_key": "00ff"} if broken == "key" else {}))
    if broken == "missing":
        file.unlink()
    elif broken == "json":
        file.write_text("{")
    running = application(Settings(ccb_file=file, keys_dir=keys_dir))
    with pytest.raises(RuntimeError, match="ANJU_CCB_FILE") as error:
        await running.__aenter__()
    assert "secret-words" not in str(error.value)


def test_secrets_do_not_show(tmp_path: Path) -> None:
    account = CcbAccount.load(account_file(tmp_path, "http://bank"))
    assert "secret-words" not in repr(account)
    assert account.public_key.get_secret_value() not in str(account)


async def test_what_one_household_has_is_not_counted_without_a_look(world: World) -> None:
    request = pb.ListBillsRequest(lease_no="L-2026-000001", state="arrears", page=common.PageRequest(only_count=True))
    assert (await refused(world.call("ListBills", request, staff("finance", "4102")))).problem.reason == "INVALID_FIELDS"
