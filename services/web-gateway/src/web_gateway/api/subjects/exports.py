"""Lists of the staff console as spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as housing
from anju.payments.v1 import payments_pb2 as payments
from anju_terms import terms
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import instant
from web_gateway.api.files import Download
from web_gateway.api.layer import Access, Api, Body, Call
from web_gateway.api.sheets import XLSX, Cell, sheet
from web_gateway.api.vocabulary import CodeOf, OneOf

api = Api("exports", "导出 Spreadsheets")


class Export(Body):
    purpose: Annotated[str, OneOf("export_purposes")] = Field(description="What it is taken away for; the household can see it.")


class ExportCases(Export):
    sort: str = f.sorting("no", "deadline_at", "updated_at")
    stage: Annotated[str, CodeOf("stages"), Field(pattern=r"^[a-z_]{0,30}$")] = ""
    district: f.MaybeDistrict = ""
    blocked: bool = False
    overdue: bool = False
    changed_since: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""


class ExportLeases(Export):
    sort: str = f.sorting("no", "application_no", "monthly_rent_fen")
    state: Annotated[f.State, CodeOf("lease_states")] = ""
    district: f.MaybeDistrict = ""


class ExportBills(Export):
    sort: str = f.sorting("period", "due_at", "owed_fen", "id")
    state: Annotated[f.State, CodeOf("bill_states")] = ""
    failed_payment: bool = False


def _title(vocabulary: str, code: str) -> str:
    """As the city's own files are written: in Chinese. A code newer than this gateway is told as it is."""
    known = terms(vocabulary).get(code)
    return known.zh if known else code


def _at(message: Any, field: str) -> str:
    return f"{instant(getattr(message, field)):%Y-%m-%d %H:%M}" if message.HasField(field) else ""


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


@api.post("/exports/applications", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_applications(call: Call, body: ExportCases) -> Download:
    """The list of applications as a spreadsheet, masked as on the page. 409 EXPORT_TOO_LARGE above 5,000 rows."""

    async def rows(page: common.PageRequest) -> tuple[Sequence[Sequence[Cell]], common.PageInfo]:
        only = body.model_dump(exclude={"purpose", "sort"})
        found = await call.rpc("casework", call.services.casework.ListApplications, casework.ListApplicationsRequest(page=page, **only))
        return [_case(call, each) for each in found.applications], found.page

    heads = ("申请编号", "姓名", "人数", "申请类别", "阶段", "由谁办理", "办理期限", "是否超期", "区县", "街道（乡镇）", "受理时间")
    return await sheet(call, "申请列表", heads, body.purpose, body.sort, rows)


def _case(call: Call, case: casework.Application) -> Sequence[Cell]:
    name = call.edge.profile.name_of
    return (
        case.no, case.masked_name, case.household_size, _title("categories", case.category), _title("stages", case.stage),
        _title("waiting_on", case.waiting_on), _at(case, "deadline_at"), "是" if case.overdue else "", name(case.district), name(case.street),
        _at(case, "submitted_at"),
    )  # fmt: skip


@api.post("/exports/leases", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_leases(call: Call, body: ExportLeases) -> Download:
    """The list of leases as a spreadsheet. 409 EXPORT_TOO_LARGE above 5,000 rows."""

    async def rows(page: common.PageRequest) -> tuple[Sequence[Sequence[Cell]], common.PageInfo]:
        request = housing.ListLeasesRequest(page=page, state=body.state, district=body.district)
        found = await call.rpc("housing", call.services.housing.ListLeases, request)
        return [
            (
                lease.no, lease.application_no, f"{lease.unit.estate_name} {lease.unit.number}", _yuan(lease.monthly_rent_fen), lease.starts_on,
                lease.ends_on, _title("lease_states", lease.state),
            )
            for lease in found.leases
        ], found.page  # fmt: skip

    heads = ("合同编号", "申请编号", "房源", "月租金（元）", "起租日", "到期日", "状态")
    return await sheet(call, "租赁合同", heads, body.purpose, body.sort, rows)


@api.post("/exports/bills", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_bills(call: Call, body: ExportBills) -> Download:
    """The list of bills as a spreadsheet. 409 EXPORT_TOO_LARGE above 5,000 rows."""

    async def rows(page: common.PageRequest) -> tuple[Sequence[Sequence[Cell]], common.PageInfo]:
        request = payments.ListBillsRequest(page=page, state=body.state, failed_payment=body.failed_payment)
        found = await call.rpc("payments", call.services.payments.ListBills, request)
        return [
            (
                bill.lease_no, bill.application_no, _title("bill_kinds", bill.kind), bill.period, _yuan(bill.amount_fen), _yuan(bill.paid_fen),
                _yuan(bill.amount_fen - bill.paid_fen), _at(bill, "due_at"), _title("bill_states", bill.state),
            )
            for bill in found.bills
        ], found.page  # fmt: skip

    heads = ("合同编号", "申请编号", "账单", "账期", "应缴（元）", "已缴（元）", "未缴（元）", "缴款期限", "状态")
    return await sheet(call, "账单", heads, body.purpose, body.sort, rows)
