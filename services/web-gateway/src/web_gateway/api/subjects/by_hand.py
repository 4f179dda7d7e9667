"""What the platform's operators do by hand, each act with its reason on record, and the record for them and the auditors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from anju.common.v1 import common_pb2 as common
from anju.operators.v1 import operators_pb2 as operators
from anju.repair.v1 import repair_pb2 as repair
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call
from web_gateway.api.merged import Merged, Order, merged
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.platform import OPERATORS, one
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind("NOT_PARKED", 409, "流程没有暂停", "Not parked", "请刷新后查看。", "There is nothing to resume; reload and look again."),
    Kind("WORKFLOW_ALIVE", 409, "流程正在运行", "The workflow is running", "不需要重新启动，请刷新后查看。", "There is nothing to start again; reload and look again."),
    Kind("RECORD_OVER", 409, "该件已经办结", "The matter is over", "没有需要继续的步骤。", "There is nothing to go on with."),
    Kind("ALREADY_DELIVERED", 409, "已经送出", "It has gone out", "不需要再送，请刷新后查看。", "There is nothing to send again; reload and look again."),
)  # fmt: skip
api = Api("by-hand", "运维人员办理 By hand", PROBLEMS)
# Who reads what was done.
READERS: Final = (*OPERATORS, "auditor")

# Whose workflow an id is, by how it begins.
_KEEPERS: Final[Mapping[str, str]] = {
    "application": "casework",
    "waiting": "housing",
    "lease": "housing",
    "bill": "payments",
    "complaint": "oversight",
}
_OUTBOX: Final = "outbox/"
Reason = Annotated[str, Field(min_length=1, max_length=500, description="On record; auditors read it.")]


class OfWorkflow(Body):
    workflow_id: Annotated[
        str,
        Field(
            pattern=r"^(application|waiting|lease|bill|complaint)/[A-Za-z0-9][A-Za-z0-9/-]{0,60}$", examples=["application/KF-2026-000123"]
        ),
    ]
    reason: Reason


class OfDelivery(Body):
    service: Annotated[str, Field(pattern=r"^(casework|housing|payments|notifications|oversight)$")]
    entry: Annotated[int, Field(ge=1, le=2**53 - 1)]
    reason: Reason


class Repaired(Answer):
    generation: int = Field(description="Which start of this workflow it is, after its first.")


class OperatorStep(Answer):
    id: str
    service: str
    kind: Annotated[str, CodeOf("operator_steps")]
    subject: str = Field(description="The workflow by its id, or outbox/<what was handed on>/<its number>.")
    actor: str = Field(description="Account of the operator.")
    reason: str
    at: datetime
    link: str = Field(description="The workflow in the engine's UI; empty where it is none, or has no address.")


class StepFilter(Merged):
    sort: str = f.sorting("at", "actor")
    subject: Annotated[str, Field(max_length=80, description="Only what was done to a subject with this in its name.")] = ""
    actor: Annotated[str, Field(max_length=100, description="Only this account.")] = ""
    kind: Annotated[str, CodeOf("operator_steps"), Field(pattern=r"^[a-z_]{0,20}$", description="Only this.")] = ""
    day: f.MaybeDay = ""


def _keeper(call: Call, workflow_id: str) -> tuple[str, Any]:
    name = _KEEPERS[workflow_id.partition("/")[0]]
    return name, call.services.repair[name]


@api.post("/operations/resumptions", access=Access.STAFF, roles=OPERATORS, status=204)
async def resume_workflow(call: Call, body: OfWorkflow) -> None:
    """A parked workflow makes the step again in front of which it stands. Who asks and why is on record first; 409 for one that is not parked."""
    name, stub = _keeper(call, body.workflow_id)
    request = repair.ResumeRequest(idempotency_key=call.idempotency_key, workflow_id=body.workflow_id, reason=body.reason)
    await call.rpc(name, stub.Resume, request, seconds=DECISION_SECONDS)


@api.post("/operations/repairs", access=Access.STAFF, roles=OPERATORS)
async def repair_workflow(call: Call, body: OfWorkflow) -> Repaired:
    """Starts the workflow of an open record again, where the record stands and with its deadlines. Who asks and why is on record; 409 while one runs."""
    name, stub = _keeper(call, body.workflow_id)
    request = repair.StartAgainRequest(idempotency_key=call.idempotency_key, workflow_id=body.workflow_id, reason=body.reason)
    return to_model(Repaired, await call.rpc(name, stub.StartAgain, request, seconds=DECISION_SECONDS))


@api.post("/operations/deliveries", access=Access.STAFF, roles=OPERATORS, status=204)
async def send_again(call: Call, body: OfDelivery) -> None:
    """What a service has tried in vain to hand on is tried now. Who asks and why is on record first; 409 for what has gone out."""
    request = operators.SendAgainRequest(idempotency_key=call.idempotency_key, entry=body.entry, reason=body.reason)
    await call.rpc(body.service, call.services.operators[body.service].SendAgain, request)


_STEPS: Final = Order(
    {"at": lambda step: step.at.ToDatetime(UTC), "actor": lambda step: step.actor},
    own="-at",
    unique=lambda step: f"{step.id} {step.service}",
)


async def steps(
    call: Call, page: common.PageRequest, *, subject: str, actor: str, kind: str, day: str
) -> tuple[Sequence[operators.Step], common.PageInfo]:
    async def ask(service: str, stub: Any, part: common.PageRequest) -> tuple[Sequence[operators.Step], common.PageInfo]:
        request = operators.ListStepsRequest(subject=subject, actor=actor, kind=kind, day=day, page=part)
        found = await call.rpc(service, stub.ListSteps, request)
        return found.steps, found.page

    return await merged(call.services.operators, page, _STEPS, ask)


@api.get("/operations/steps", access=Access.STAFF, roles=READERS)
async def list_operator_steps(call: Call, params: StepFilter) -> f.Page[OperatorStep]:
    """What operators have done by hand: who, to what, why and when; the latest first."""
    shown, info = await steps(call, params.page(), subject=params.subject, actor=params.actor, kind=params.kind, day=params.day)
    return f.Page[OperatorStep](
        items=[to_model(OperatorStep, step, link=_link(call, step.subject)) for step in shown],
        next_cursor=info.next_cursor,
        total=params.total(info),
    )


def _link(call: Call, subject: str) -> str:
    return "" if subject.startswith(_OUTBOX) else one(call.edge.engine_ui, subject)
