"""Files of more rows than one person takes away: asked for, consented to by a second person, and fetched within a day.

The service whose list it is keeps the request and compares every page with what was consented to (``casekit.exports``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as reads
from anju_terms import terms
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.files import Download
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind, problem
from web_gateway.api.sheets import XLSX, Cell, chosen, sheet
from web_gateway.api.subjects import exports
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "EXPORT_NOT_APPROVED", 409, "这份表格不能下载", "The file cannot be fetched",
        "没有获得批准，或者批准已过 24 小时。请重新申请。", "Nobody has consented to it, or the day for fetching it is over. Ask again.",
    ),
    Kind(
        "EXPORT_ANSWERED", 409, "申请已经答复", "The request has been answered",
        "该申请已由他人答复或已过期，请刷新后查看。", "Somebody else has answered it, or its time is over; reload to see it.",
    ),
    Kind(
        "EXPORT_NEEDS_ANOTHER", 403, "须由另一位人员批准", "Another person has to consent",
        "须由同岗位或审计岗位的另一位实名人员批准，其管辖范围应包含申请人的范围。",
        "Another verified person of the same duty, or an auditor, whose divisions cover those of who asks.",
    ),
)  # fmt: skip
api = Api("export-requests", "大批量导出 Large files", PROBLEMS)

_STATES: Final = {"tasks": "task_states", "waiting": "waiting_states", "leases": "lease_states", "bills": "bill_states"}
_FIELDS: Final = {
    "stage": ("阶段", "Stage"),
    "state": ("状态", "State"),
    "district": ("区县", "District"),
    "lease_no": ("合同编号", "Lease"),
    "no": ("编号", "Number"),
    "changed_since": ("有变化，自", "Changed since"),
    "overdue": ("只含已超期的", "Overdue only"),
    "blocked": ("只含流程故障的", "Held up only"),
    "age": ("逾期时长", "Days late"),
    "failed_payment": ("只含付款没有成功的", "Failed payments only"),
}


class ExportRequest(Answer):
    id: str
    list: Annotated[str, CodeOf("exports")]
    conditions: Sequence[str] = Field(
        description="What the list is narrowed to, in words; empty for the whole list in the reach of who asks."
    )
    rows: int = Field(description="How many when it was asked for, counted up to 10,000 and one more.")
    purpose: Annotated[str, CodeOf("export_purposes")]
    reason: str
    official: str
    roles: Sequence[f.Role]
    asked_at: datetime
    state: Annotated[str, CodeOf("export_states")]
    answered_by: str
    answered_at: datetime | None
    until: datetime = Field(description="Until when it may be answered, or once approved, fetched.")
    own: bool
    to_answer: bool = Field(description="Whether the reader is one who may consent.")


Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why so many are needed; who consents reads it.")]


class AskTasks(exports.ExportTasks):
    reason: Reason


class AskCases(exports.ExportCases):
    reason: Reason


class AskWaiting(exports.ExportWaiting):
    reason: Reason


class AskLeases(exports.ExportLeases):
    reason: Reason


class AskBills(exports.ExportBills):
    reason: Reason


class AnswerExport(Body):
    approve: bool


class OfExport(Params):
    list: Annotated[str, OneOf("exports")]
    id: f.Id


def _keeper(call: Call, code: str) -> tuple[str, Any]:
    service = exports.LISTS[code].service
    return service, call.services.reads[service]


def _words(call: Call, code: str, request: Any) -> list[str]:
    english = call.locale == "en"

    def said(name: str, value: Any) -> str:
        head = _FIELDS.get(name, (name, name))[english]
        if value is True:
            return head
        if name == "district":
            return f"{head}：{call.edge.profile.name_of(value)}"
        vocabulary = "stages" if name == "stage" else _STATES.get(code, "") if name == "state" else ""
        known = terms(vocabulary).get(value) if vocabulary else None
        words = (known.en if english else known.zh) if known else value
        return f"{head}: {words}" if english else f"{head}：{words}"

    return [said(field.name, value) for field, value in request.ListFields() if field.name != "page"]


def _shown(call: Call, export: reads.Export) -> ExportRequest:
    conditions = (
        _words(call, export.list, exports.LISTS[export.list].request.FromString(export.request)) if export.list in exports.LISTS else []
    )
    return to_model(ExportRequest, export, conditions=conditions)


async def _ask(call: Call, code: str, body: exports.Export, reason: str) -> ExportRequest:
    listed = exports.LISTS[code]
    chosen(listed.columns, body.columns)
    request = listed.request(**exports.filter_of(body))
    request.page.sort, request.page.purpose = getattr(body, "sort", ""), body.purpose
    kept = request.SerializeToString(deterministic=True)
    _, found = await listed.page(call, request, common.PageRequest(count=True, only_count=True))
    wanted = reads.RequestExportRequest(
        idempotency_key=call.idempotency_key,
        list=code,
        request=kept,
        columns=body.columns,
        rows=found.total,
        purpose=body.purpose,
        reason=reason,
        official=call.person.name,
    )
    service, stub = _keeper(call, code)
    answer = await call.rpc(service, stub.RequestExport, wanted)
    return _shown(call, answer.export)


@api.post("/export-requests/tasks", access=Access.STAFF)
async def ask_export_tasks(call: Call, body: AskTasks) -> ExportRequest:
    """Asks a second person to consent to a file of more rows than one person takes away: what POST /exports/tasks would hold."""
    return await _ask(call, "tasks", body, body.reason)


@api.post("/export-requests/applications", access=Access.STAFF)
async def ask_export_applications(call: Call, body: AskCases) -> ExportRequest:
    """Asks a second person to consent to a file of more rows than one person takes away: what POST /exports/applications would hold."""
    return await _ask(call, "applications", body, body.reason)


@api.post("/export-requests/waiting-list", access=Access.STAFF)
async def ask_export_waiting(call: Call, body: AskWaiting) -> ExportRequest:
    """Asks a second person to consent to a file of more rows than one person takes away: what POST /exports/waiting-list would hold."""
    return await _ask(call, "waiting", body, body.reason)


@api.post("/export-requests/leases", access=Access.STAFF)
async def ask_export_leases(call: Call, body: AskLeases) -> ExportRequest:
    """Asks a second person to consent to a file of more rows than one person takes away: what POST /exports/leases would hold."""
    return await _ask(call, "leases", body, body.reason)


@api.post("/export-requests/bills", access=Access.STAFF)
async def ask_export_bills(call: Call, body: AskBills) -> ExportRequest:
    """Asks a second person to consent to a file of more rows than one person takes away: what POST /exports/bills would hold."""
    return await _ask(call, "bills", body, body.reason)


@api.get("/export-requests", access=Access.STAFF)
async def list_export_requests(call: Call) -> f.Listing[ExportRequest]:
    """The reader's own, and those which colleagues of his duty have asked for; of everybody in his divisions for an auditor; the latest first."""

    async def of(service: str, stub: Any) -> Sequence[reads.Export]:
        found: Sequence[reads.Export] = (await call.rpc(service, stub.ListExports, reads.ListExportsRequest())).exports
        return found

    # Who keeps looks has not always a list to take away.
    keepers = sorted({listed.service for listed in exports.LISTS.values()})
    answers = await asyncio.gather(*(of(service, call.services.reads[service]) for service in keepers))
    everything = sorted(
        (each for part in answers for each in part), key=lambda each: (each.asked_at.ToNanoseconds(), each.id), reverse=True
    )
    return f.Listing[ExportRequest](items=[_shown(call, each) for each in everything])


@api.post("/export-requests/{list}/{id}/answer", access=Access.STAFF)
async def answer_export(call: Call, params: OfExport, body: AnswerExport) -> ExportRequest:
    """The second person's word. Approved, whoever asked may fetch exactly that file for 24 hours."""
    service, stub = _keeper(call, params.list)
    request = reads.AnswerExportRequest(id=params.id, approve=body.approve, official=call.person.name)
    answer = await call.rpc(service, stub.AnswerExport, request)
    return _shown(call, answer.export)


@api.get("/export-requests/{list}/{id}/file", access=Access.STAFF, gives=(XLSX,))
async def get_export_file(call: Call, params: OfExport) -> Download:
    """The file somebody has consented to, for whoever asked; every page of it is a look on record. 409 EXPORT_NOT_APPROVED before and a day after that."""
    service, stub = _keeper(call, params.list)
    export = (await call.rpc(service, stub.GetExport, reads.GetExportRequest(id=params.id))).export
    if export.list != params.list:
        raise problem("NOT_FOUND")
    listed = exports.LISTS[export.list]
    request = listed.request.FromString(export.request)
    sort = request.page.sort
    shown = chosen(listed.columns, export.columns)

    async def rows(page: common.PageRequest) -> tuple[Sequence[Sequence[Cell]], common.PageInfo]:
        items, info = await listed.page(call, request, page)
        return [[cell(call, item) for _, cell in shown] for item in items], info

    return await sheet(call, listed.name, [head for head, _ in shown], export.purpose, sort, rows, approval=export.id)
