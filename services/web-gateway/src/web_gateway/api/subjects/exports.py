"""Lists of the staff console as spreadsheets: the columns somebody has chosen to see, in the order and with the filter he sees them with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as housing
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.oversight.v1 import oversight_pb2 as oversight
from anju.payments.v1 import payments_pb2 as payments
from anju.registry.v1 import registry_pb2 as registry
from anju_terms import terms
from pydantic import Field
from pydantic.config import JsonDict

from web_gateway.api import fields as f
from web_gateway.api.convert import instant
from web_gateway.api.files import Download
from web_gateway.api.layer import Access, Api, Body, Call
from web_gateway.api.sheets import XLSX, Cell, chosen, sheet
from web_gateway.api.subjects import by_hand, evaluations, reads
from web_gateway.api.subjects import organisation as offices
from web_gateway.api.vocabulary import CodeOf, OneOf
from web_gateway.services import Services

api = Api("exports", "导出 Spreadsheets")

# A column of a page, by its name there: what stands above and in its cells. Two where a cell of the page says two things.
Columns = Mapping[str, Sequence[tuple[str, Callable[[Call, Any], Cell]]]]
Found = tuple[Sequence[Any], common.PageInfo]


def _title(vocabulary: str, code: str) -> str:
    """As the city's own files are written: in Chinese. A code newer than this gateway is told as it is."""
    known = terms(vocabulary).get(code)
    return known.zh if known else code


def _titles(vocabulary: str, codes: Sequence[str]) -> str:
    return "、".join(_title(vocabulary, code) for code in codes)


def _at(message: Any, field: str) -> str:
    return f"{instant(getattr(message, field)):%Y-%m-%d %H:%M}" if message.HasField(field) else ""


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _place(field: str) -> Callable[[Call, Any], Cell]:
    return lambda call, item: call.edge.profile.name_of(getattr(item, field)) if getattr(item, field) else ""


_SHOWN_BY: Final[Mapping[str, str]] = {"casework": "申请", "housing": "轮候与合同", "payments": "账单", "oversight": "来信"}
_TASKS: Final[Columns] = {
    "no": [("申请编号", lambda _, task: task.application_no), ("状态", lambda _, task: _title("task_states", task.state))],
    "deadline": [("办理期限", lambda _, task: _at(task, "deadline_at")), ("是否超期", lambda _, task: "是" if task.overdue else "")],
    "level": [("环节", lambda _, task: _title("tasks", task.level))],
    "name": [("姓名", lambda _, task: task.masked_name)],
    "category": [("申请类别", lambda _, task: _title("categories", task.category))],
    "size": [("人数", lambda _, task: task.household_size)],
    "place": [("区县", _place("district")), ("街道（乡镇）", _place("street"))],
    "opened": [("到达时间", lambda _, task: _at(task, "opened_at"))],
}
_CASES: Final[Columns] = {
    "no": [("申请编号", lambda _, case: case.no)],
    "name": [("姓名", lambda _, case: case.masked_name)],
    "stage": [
        ("阶段", lambda _, case: _title("stages", case.stage)),
        ("流程故障", lambda _, case: "是" if case.HasField("blocked_at") else ""),
    ],
    "who": [("由谁办理", lambda _, case: _title("waiting_on", case.waiting_on))],
    "deadline": [("办理期限", lambda _, case: _at(case, "deadline_at")), ("是否超期", lambda _, case: "是" if case.overdue else "")],
    "category": [("申请类别", lambda _, case: _title("categories", case.category))],
    "place": [("区县", _place("district")), ("街道（乡镇）", _place("street"))],
    "submitted": [("受理时间", lambda _, case: _at(case, "submitted_at"))],
    "updated": [("最近变化", lambda _, case: _at(case, "updated_at"))],
}
_WAITING: Final[Columns] = {
    "rank": [("名次", lambda _, entry: entry.rank)],
    "no": [("申请编号", lambda _, entry: entry.application_no)],
    "name": [("姓名", lambda _, entry: entry.masked_name)],
    "size": [("人数", lambda _, entry: entry.household_size)],
    "state": [("状态", lambda _, entry: _title("waiting_states", entry.state))],
    "registered": [("登记时间", lambda _, entry: _at(entry, "registered_at"))],
}
_LEASES: Final[Columns] = {
    "no": [("合同编号", lambda _, lease: lease.no)],
    "case": [("申请编号", lambda _, lease: lease.application_no)],
    "unit": [("房源", lambda _, lease: f"{lease.unit.estate_name} {lease.unit.number}")],
    "rent": [("月租金（元）", lambda _, lease: _yuan(lease.monthly_rent_fen))],
    "term": [("起租日", lambda _, lease: lease.starts_on), ("到期日", lambda _, lease: lease.ends_on)],
    "state": [("状态", lambda _, lease: _title("lease_states", lease.state))],
}
_BILLS: Final[Columns] = {
    "lease": [("合同编号", lambda _, bill: bill.lease_no)],
    "bill": [("账单", lambda _, bill: _title("bill_kinds", bill.kind)), ("账期", lambda _, bill: bill.period)],
    "owed": [
        ("应缴（元）", lambda _, bill: _yuan(bill.amount_fen)),
        ("已缴（元）", lambda _, bill: _yuan(bill.paid_fen)),
        ("未缴（元）", lambda _, bill: _yuan(bill.amount_fen - bill.paid_fen)),
    ],
    "due": [("缴款期限", lambda _, bill: _at(bill, "due_at"))],
    "state": [("状态", lambda _, bill: _title("bill_states", bill.state))],
    "case": [("申请编号", lambda _, bill: bill.application_no)],
}
_COMPLAINTS: Final[Columns] = {
    "no": [("来信编号", lambda _, each: each.no), ("12345 工单号", lambda _, each: each.reference_no)],
    "kind": [("类别", lambda _, each: _title("complaint_kinds", each.kind))],
    "stage": [("状态", lambda _, each: _title("complaint_stages", each.stage))],
    "deadline": [("办理期限", lambda _, each: _at(each, "deadline_at")), ("是否超期", lambda _, each: "是" if each.overdue else "")],
    "who": [("由谁办理", lambda _, each: _title("waiting_on", each.waiting_on))],
    "place": [("区县", _place("district")), ("街道（乡镇）", _place("street"))],
    "flags": [("优先研判", lambda _, each: _titles("complaint_flags", each.flags))],
    "staff": [("反映工作人员", lambda _, each: "是" if each.about_staff else "")],
    "channel": [("来源", lambda _, each: _title("complaint_channels", each.channel) if each.channel else "")],
    "received": [("收到时间", lambda _, each: _at(each, "received_at"))],
    "score": [("来信人评价（1 至 5）", lambda _, each: each.score or "")],
}
_READERS: Final[Columns] = {
    "day": [("日期", lambda _, reader: reader.day)],
    "reader": [("账号", lambda _, reader: reader.reader)],
    "roles": [("岗位", lambda _, reader: _titles("roles", reader.roles))],
    "service": [("看的是", lambda _, reader: _SHOWN_BY.get(reader.service, reader.service))],
    "households": [("户数", lambda _, reader: reader.households)],
    "misses": [("按人查找没有找到", lambda _, reader: reader.misses)],
    "alarm": [
        ("超过提醒数的时间", lambda _, reader: _at(reader, "alarmed_at")),
        ("达到上限后被拒绝次数", lambda _, reader: reader.refused),
    ],
}
_LOOKS: Final[Columns] = {
    "at": [("时间", lambda _, look: _at(look, "at"))],
    "reader": [("账号", lambda _, look: look.reader)],
    "roles": [("岗位", lambda _, look: _titles("roles", look.roles))],
    "what": [("看了什么", lambda _, look: _title("reads", look.what))],
    "service": [("看的是", lambda _, look: _SHOWN_BY.get(look.service, look.service))],
    "households": [("户数", lambda _, look: look.households)],
}
_STEPS: Final[Columns] = {
    "at": [("时间", lambda _, step: _at(step, "at"))],
    "actor": [("账号", lambda _, step: step.actor)],
    "kind": [("办了什么", lambda _, step: _title("operator_steps", step.kind))],
    "subject": [("对象", lambda _, step: step.subject)],
    "reason": [("原因", lambda _, step: step.reason)],
}


def _details(call: Call, change: Any) -> str:
    """What each thing was and has become, in words: the log keeps days, codes and accounts."""
    told = []
    for each in change.details:
        if each.before or each.after:
            after = _said(call, each.name, each.after) or "无"
            before = f"{_said(call, each.name, each.before)} → " if each.before else ""
            told.append(f"{_title('organisation_details', each.name)}：{before}{after}")
    return "；".join(told)


def _said(call: Call, name: str, value: str) -> str:
    vocabulary = {"duty": "roles", "state": "appointment_states", "purpose": "export_purposes"}.get(name)
    if vocabulary:
        return _title(vocabulary, value)
    if name == "unit":
        return call.edge.profile.name_of(value)
    return {"pool": "同岗位其他人", "yes": "是"}.get(value, value)


_CHANGES: Final[Columns] = {
    "at": [("时间", lambda _, change: _at(change, "at"))],
    "kind": [("变更", lambda _, change: _title("organisation_changes", change.kind))],
    "account": [("对象（账号）", lambda _, change: change.account)],
    "by": [("操作人（账号）", lambda _, change: change.by_account)],
    "what": [("内容", _details)],
}
_FOLLOW_UPS: Final[Columns] = {
    "item": [("评价的服务", lambda _, each: _title("evaluated_services", each.item))],
    "no": [("申请或来信编号", lambda _, each: each.application_no or each.subject)],
    "place": [("区划", _place("division"))],
    "level": [("满意程度", lambda _, each: _title("satisfaction_levels", each.evaluation.level))],
    "reasons": [("原因", lambda _, each: _titles("satisfaction_reasons", each.evaluation.reasons))],
    "said": [("评价时间", lambda _, each: _at(each.evaluation, "at"))],
    "due": [("回访期限", lambda _, each: _at(each.follow_up, "due_at"))],
    "state": [
        ("状态", lambda _, each: _title("follow_up_states", each.follow_up.state)),
        ("回访结果", lambda _, each: _title("follow_up_results", each.follow_up.result) if each.follow_up.result else ""),
        ("回访时间", lambda _, each: _at(each.follow_up, "answered_at")),
    ],
}
_QUERY_OBJECTIONS: Final[Columns] = {
    "query": [
        ("查询的登记", lambda _, each: _title("registers", each.query.register)),
        ("查询时间", lambda _, each: _at(each.query, "at")),
    ],
    "case": [("申请编号", lambda _, each: each.query.application_no)],
    "state": [
        ("状态", lambda _, each: _title("query_objection_states", each.objection.state)),
        ("答复时间", lambda _, each: _at(each.objection, "answered_at")),
    ],
    "due": [("答复期限", lambda _, each: _at(each.objection, "due_at"))],
    "raised": [("提出时间", lambda _, each: _at(each.objection, "raised_at"))],
}
_LEDGER: Final[Columns] = {
    "account": [("科目", lambda _, each: each.title), ("编号", lambda _, each: each.account)],
    "debit": [("借方（元）", lambda _, each: _yuan(each.debit_fen))],
    "credit": [("贷方（元）", lambda _, each: _yuan(each.credit_fen))],
}


def _showing(columns: Columns) -> Any:
    items: JsonDict = {"type": "string", "enum": list(columns)}
    return Field(
        default=[], max_length=20, description="The columns that are shown; none for all of them.", json_schema_extra={"items": items}
    )


class Export(Body):
    purpose: Annotated[str, OneOf("export_purposes")] = Field(description="What it is taken away for; the household can see it.")
    columns: list[str] = []


class ExportTasks(Export):
    columns: list[str] = _showing(_TASKS)
    sort: str = f.sorting("deadline_at", "opened_at", "application_no")
    state: Annotated[str, CodeOf("task_states"), Field(pattern=r"^[a-z_]{0,30}$")] = ""
    overdue: bool = False


class ExportCases(Export):
    columns: list[str] = _showing(_CASES)
    sort: str = f.sorting("no", "deadline_at", "updated_at")
    stage: Annotated[str, CodeOf("stages"), Field(pattern=r"^[a-z_]{0,30}$")] = ""
    district: f.MaybeDistrict = ""
    blocked: bool = False
    overdue: bool = False
    changed_since: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""


class ExportWaiting(Export):
    columns: list[str] = _showing(_WAITING)
    sort: str = f.sorting("rank", "application_no", "household_size", "registered_at")
    district: f.DistrictCode
    state: Annotated[f.State, CodeOf("waiting_states")] = ""


class ExportLeases(Export):
    columns: list[str] = _showing(_LEASES)
    sort: str = f.sorting("no", "application_no", "monthly_rent_fen")
    state: Annotated[f.State, CodeOf("lease_states")] = ""
    district: f.MaybeDistrict = ""


class ExportBills(Export):
    columns: list[str] = _showing(_BILLS)
    sort: str = f.sorting("period", "due_at", "owed_fen", "id")
    state: Annotated[f.State, CodeOf("bill_states")] = ""
    failed_payment: bool = False
    age: Annotated[f.State, CodeOf("arrears_ages")] = ""


class ExportComplaints(Export):
    columns: list[str] = _showing(_COMPLAINTS)
    sort: str = f.sorting("received", "deadline", "stage", "kind")
    stage: Annotated[str, CodeOf("complaint_stages"), Field(pattern=r"^[a-z_]{0,30}$")] = ""
    kind: Annotated[str, CodeOf("complaint_kinds"), Field(pattern=r"^[a-z_]{0,30}$")] = ""
    open: bool = False
    overdue: bool = False
    no: Annotated[str, Field(max_length=40)] = ""


class ExportReaders(Export):
    columns: list[str] = _showing(_READERS)
    sort: str = f.sorting("day", "reader", "households")
    day: f.MaybeDay = ""
    reader: Annotated[str, Field(max_length=100)] = ""
    alarmed: bool = False
    since: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""


class ExportLooks(Export):
    columns: list[str] = _showing(_LOOKS)
    sort: str = f.sorting("at", "reader")
    day: f.MaybeDay = ""
    reader: Annotated[str, Field(max_length=100)] = ""
    application_no: Annotated[str, Field(max_length=40)] = ""


class ExportOperatorSteps(Export):
    columns: list[str] = _showing(_STEPS)
    sort: str = f.sorting("at", "actor")
    subject: Annotated[str, Field(max_length=80)] = ""
    actor: Annotated[str, Field(max_length=100)] = ""
    kind: Annotated[f.State, CodeOf("operator_steps")] = ""
    day: f.MaybeDay = ""


class ExportOrganisationChanges(Export):
    columns: list[str] = _showing(_CHANGES)
    sort: str = f.sorting(*offices.CHANGES_BY)
    account: offices.MaybeAccount = ""
    by_account: offices.MaybeAccount = ""
    kind: Annotated[f.State, CodeOf("organisation_changes")] = ""
    from_on: offices.MaybeDay = ""
    until_on: offices.MaybeDay = ""


class ExportFollowUps(Export):
    columns: list[str] = _showing(_FOLLOW_UPS)
    sort: str = f.sorting("due_at", "said_at", "item")
    state: Annotated[f.State, CodeOf("follow_up_states")] = ""


class ExportQueryObjections(Export):
    columns: list[str] = _showing(_QUERY_OBJECTIONS)
    sort: str = f.sorting("due_at", "raised_at")
    state: Annotated[f.State, CodeOf("query_objection_states")] = ""


class ExportBalance(Export):
    columns: list[str] = _showing(_LEDGER)


@dataclass(frozen=True)
class List:
    """A list one service keeps: how it is asked for, and what of it stands in a file. ``items``: the field of its rows in the answer."""

    name: str
    service: str
    request: type[Any]
    method: Callable[[Services], Callable[..., Any]]
    items: str
    columns: Columns

    async def page(self, call: Call, request: Any, page: common.PageRequest) -> Found:
        request.page.CopyFrom(page)
        found = await call.rpc(self.service, self.method(call.services), request)
        return getattr(found, self.items), found.page


LISTS: Final[Mapping[str, List]] = {
    "tasks": List("待办", "casework", casework.ListTasksRequest, lambda to: to.casework.ListTasks, "tasks", _TASKS),
    "applications": List(
        "申请列表", "casework", casework.ListApplicationsRequest, lambda to: to.casework.ListApplications, "applications", _CASES
    ),
    "waiting": List("轮候名单", "housing", housing.ListWaitingRequest, lambda to: to.housing.ListWaiting, "entries", _WAITING),
    "leases": List("租赁合同", "housing", housing.ListLeasesRequest, lambda to: to.housing.ListLeases, "leases", _LEASES),
    "bills": List("账单", "payments", payments.ListBillsRequest, lambda to: to.payments.ListBills, "bills", _BILLS),
}


def filter_of(body: Export) -> dict[str, Any]:
    return body.model_dump(exclude={"purpose", "columns", "sort", "reason"})


async def _file(call: Call, code: str, body: Export) -> Download:
    listed = LISTS[code]
    request = listed.request(**filter_of(body))
    return await book(call, listed.name, body, listed.columns, lambda page: listed.page(call, request, page))


async def book(call: Call, name: str, body: Export, columns: Columns, ask: Callable[[common.PageRequest], Awaitable[Found]]) -> Download:
    shown = chosen(columns, body.columns)

    async def rows(page: common.PageRequest) -> tuple[Sequence[Sequence[Cell]], common.PageInfo]:
        items, info = await ask(page)
        return [[cell(call, item) for _, cell in shown] for item in items], info

    return await sheet(call, name, [head for head, _ in shown], body.purpose, getattr(body, "sort", ""), rows)


@api.post("/exports/tasks", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_tasks(call: Call, body: ExportTasks) -> Download:
    """The list of tasks as a spreadsheet, masked as on the page. 409 EXPORT_TOO_LARGE above the limit of rows."""
    return await _file(call, "tasks", body)


@api.post("/exports/applications", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_applications(call: Call, body: ExportCases) -> Download:
    """The list of applications as a spreadsheet, masked as on the page. 409 EXPORT_TOO_LARGE above the limit of rows."""
    return await _file(call, "applications", body)


@api.post("/exports/waiting-list", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_waiting(call: Call, body: ExportWaiting) -> Download:
    """The waiting list of a district as a spreadsheet, names masked. 409 EXPORT_TOO_LARGE above the limit of rows."""
    return await _file(call, "waiting", body)


@api.post("/exports/leases", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_leases(call: Call, body: ExportLeases) -> Download:
    """The list of leases as a spreadsheet. 409 EXPORT_TOO_LARGE above the limit of rows."""
    return await _file(call, "leases", body)


@api.post("/exports/bills", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_bills(call: Call, body: ExportBills) -> Download:
    """The list of bills as a spreadsheet. 409 EXPORT_TOO_LARGE above the limit of rows."""
    return await _file(call, "bills", body)


@api.post("/exports/complaints", access=Access.STAFF, idempotent=False, gives=(XLSX,))
async def export_complaints(call: Call, body: ExportComplaints) -> Download:
    """The list of complaints as a spreadsheet: nothing of what was written and of who wrote it. 409 EXPORT_TOO_LARGE above the limit of rows."""
    request = complaints.ListComplaintsRequest(official=call.person.name, **filter_of(body))

    async def ask(page: common.PageRequest) -> Found:
        request.page.CopyFrom(page)
        found = await call.rpc("oversight", call.services.complaints.ListComplaints, request)
        return found.complaints, found.page

    return await book(call, "来信", body, _COMPLAINTS, ask)


@api.post("/exports/readers", access=Access.STAFF, roles=("auditor",), idempotent=False, gives=(XLSX,))
async def export_readers(call: Call, body: ExportReaders) -> Download:
    """How many households each official looked at on each day, as a spreadsheet. 409 EXPORT_TOO_LARGE above the limit of rows."""

    async def ask(page: common.PageRequest) -> Found:
        return await reads.readers(call, page, **filter_of(body))

    return await book(call, "工作人员查看记录", body, _READERS, ask)


@api.post("/exports/looks", access=Access.STAFF, roles=("auditor",), idempotent=False, gives=(XLSX,))
async def export_looks(call: Call, body: ExportLooks) -> Download:
    """Each look of an official, as a spreadsheet. 409 EXPORT_TOO_LARGE above the limit of rows."""

    async def ask(page: common.PageRequest) -> Found:
        return await reads.looks(call, page, **filter_of(body))

    return await book(call, "逐次查看记录", body, _LOOKS, ask)


@api.post("/exports/operator-steps", access=Access.STAFF, roles=by_hand.READERS, idempotent=False, gives=(XLSX,))
async def export_operator_steps(call: Call, body: ExportOperatorSteps) -> Download:
    """What operators have done by hand, as a spreadsheet. 409 EXPORT_TOO_LARGE above the limit of rows."""

    async def ask(page: common.PageRequest) -> Found:
        return await by_hand.steps(call, page, **filter_of(body))

    return await book(call, "运维人员办理记录", body, _STEPS, ask)


@api.post("/exports/organisation-changes", access=Access.STAFF, roles=("audit_admin",), idempotent=False, gives=(XLSX,))
async def export_organisation_changes(call: Call, body: ExportOrganisationChanges) -> Download:
    """Who has changed what about whom, as a spreadsheet; that it was taken is itself a line of the log. 409 EXPORT_TOO_LARGE above the limit of rows."""

    async def ask(page: common.PageRequest) -> Found:
        found = await offices.changes(call, page, **filter_of(body))
        return found.changes, found.page

    return await book(call, "岗位变更记录", body, _CHANGES, ask)


@api.post("/exports/follow-ups", access=Access.STAFF, roles=evaluations.READERS, idempotent=False, gives=(XLSX,))
async def export_follow_ups(call: Call, body: ExportFollowUps) -> Download:
    """Bad evaluations and what has become of them, as a spreadsheet; nothing of what people wrote. 409 EXPORT_TOO_LARGE above the limit of rows."""

    async def ask(page: common.PageRequest) -> Found:
        request = oversight.ListFollowUpsRequest(page=page, state=body.state)
        found = await call.rpc("oversight", call.services.oversight.ListFollowUps, request)
        return found.services, found.page

    return await book(call, "差评回访", body, _FOLLOW_UPS, ask)


@api.post("/exports/query-objections", access=Access.STAFF, roles=("auditor",), idempotent=False, gives=(XLSX,))
async def export_query_objections(call: Call, body: ExportQueryObjections) -> Download:
    """What people have against queries about themselves, as far as it is the auditor's to answer, as a spreadsheet; nothing of what they wrote. 409
    EXPORT_TOO_LARGE above the limit of rows."""

    async def ask(page: common.PageRequest) -> Found:
        request = registry.ListQueryObjectionsRequest(page=page, state=body.state)
        found = await call.rpc("registry-gateway", call.services.registry.ListQueryObjections, request)
        return found.objections, found.page

    return await book(call, "对查询的异议", body, _QUERY_OBJECTIONS, ask)


@api.post("/exports/trial-balance", access=Access.STAFF, roles=("finance", "auditor"), idempotent=False, gives=(XLSX,))
async def export_trial_balance(call: Call, body: ExportBalance) -> Download:
    """Balances of the chart of accounts as a spreadsheet."""

    async def ask(page: common.PageRequest) -> Found:
        found = await call.rpc("payments", call.services.payments.GetTrialBalance, payments.GetTrialBalanceRequest(purpose=page.purpose))
        return found.accounts, common.PageInfo(total=len(found.accounts))

    return await book(call, "试算平衡", body, _LEDGER, ask)
