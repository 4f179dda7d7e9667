"""What reviewers stand on and decide: open tasks, counters, the assessment, and the decision of their level."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from anju.casework.v1 import casework_pb2 as casework
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import answered, enum_number, to_model, yesterday
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, IfMatch
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.applications import Application, application
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind("NO_ASSESSMENT", 404, "尚无评估结果", "No assessment yet", "核验完成后才有评估结果。", "There is an assessment once the registers have answered."),
    Kind(
        "SAME_REVIEWER", 403, "已在其他层级作出过决定", "Decided at another level already",
        "同一人不能决定两级，请交由其他工作人员办理。", "Nobody decides two levels of one case; leave it to a colleague.",
    ),
    Kind(
        "TYPED_CASE", 403, "您代填过这一件", "You have typed this one",
        "在窗口填写的人不能再审核同一件，请交由其他工作人员办理。", "Who types at the counter does not decide the same case; leave it to a colleague.",
    ),
    Kind(
        "SECOND_PERSON", 403, "须由另一位审核人员确认", "A second reviewer has to agree",
        "您已提出通过意见，请由本级的同事在该件页面确认通过。", "You have proposed the approval; a colleague of your level agrees to it on the page of the case.",
    ),
    Kind(
        "SPOUSE_CASE", 403, "应当回避：配偶", "Recusal: your spouse",
        "婚姻登记显示您的配偶在该家庭中，请交由其他工作人员办理。", "The marriage register names you as the spouse of a member; leave it to a colleague.",
    ),
    Kind(
        "RELATIVE_CASE", 403, "应当回避：亲属", "Recusal: a relative",
        "您申报的亲属在该家庭中，请交由其他工作人员办理。", "A relative you have declared is a member; leave it to a colleague.",
    ),
    Kind(
        "OWN_COMMUNITY", 403, "应当回避：同一社区", "Recusal: your community",
        "该家庭住在您居住的社区，请交由其他工作人员办理。", "The household lives in your own community; leave it to a colleague.",
    ),
    Kind(
        "RECUSED", 403, "已回避", "Left to others",
        "您在该件中已回避，请交由其他工作人员办理。", "You have left this case to others; a colleague decides it.",
    ),
    Kind(
        "DECLARATION_DUE", 409, "请先做回避申报", "Declare your recusals first",
        "请先在“回避申报”中填写（约一分钟），再回来办理。", "Declare whose cases you leave to others (about a minute), then come back.",
    ),
    Kind("OWN_CASE", 403, "不能办理本人的申请", "Your own case", "请交由其他工作人员办理。", "Somebody else must decide it."),
    Kind(
        "TASK_NOT_OPEN", 409, "该件不在待办中", "The task is not open",
        "该件已由他人办理或已转到其他层级，请刷新待办列表。", "It was decided already or is at another level; reload the list of tasks.",
    ),
)  # fmt: skip
api = Api("review", "审核 Review", PROBLEMS)
REVIEWERS = ("street_clerk", "district_reviewer", "city_reviewer")
# The law closes this one.
Verdict = Annotated[str, OneOf("verdicts")]
_DECISION = casework.DESCRIPTOR.enum_types_by_name["Decision"]


class Task(Answer):
    application_no: str
    level: Annotated[str, CodeOf("tasks")]
    district: str
    street: str
    masked_name: str
    household_size: int
    category: f.Category
    opened_at: datetime
    deadline_at: datetime | None
    overdue: bool
    version: int
    state: Annotated[str, CodeOf("task_states")] = Field(
        description="As it is to the reader: whether it waits for him as the second person."
    )
    recusal: Annotated[str, CodeOf("recusals")] = Field(description="Why it is not the reader's to decide; empty when it is.")


class TaskFilter(f.Sorted):
    sort: str = f.sorting("deadline_at", "opened_at", "application_no")
    overdue: bool = Field(default=False, description="Only those past their deadline.")
    state: Annotated[str, Field(pattern=r"^[a-z_]{0,30}$", description="Only these.", examples=["second"])] = ""


class Counter(Answer):
    district: str
    district_name: str
    street: str
    street_name: str
    stage: f.Stage
    count: int
    changed: int = Field(description="Of them changed since the beginning of yesterday, in China.")


class CriterionResult(Answer):
    code: Annotated[str, CodeOf("criteria")]
    title: str
    verdict: Verdict
    reason: str
    legal_ref: str
    observed: str
    threshold: str
    receipt_ids: list[str]


class Assessment(Answer):
    id: str
    application_no: str
    round: int
    rule_set: str
    verdict: Verdict
    criteria: list[CriterionResult]
    as_of: datetime


class ComparedRow(Answer):
    fact: Annotated[str, CodeOf("compared_facts")]
    register_: f.Register = Field(alias="register", serialization_alias="register")
    difference: Annotated[str, CodeOf("differences")] = Field(description="A register that was silent, or does not know somebody: unknown.")
    declared: str
    registered: str
    note: str
    member: int = Field(description="Whose it is: position in the household, -1 for the household's.")
    home: int = Field(description="Which home of the form: its position there, -1 for none.")
    named: list[int] = Field(
        description="Positions of the members whom the register names: the spouse, or in whose name a home or vehicle is."
    )
    office: str = Field(description="Division code of the office, for registers kept per county.")
    pair: int = Field(description="Rows of one number, from 1, may be one and the same home; 0 for all others.")
    as_of: datetime | None


class Comparison(Answer):
    round: int
    rows: list[ComparedRow]


class Decide(Body):
    decision: Literal["approve", "return", "refuse"]
    reason: f.Reason = Field(
        default="",
        description="Needed for return and refuse; the household reads it. Needed for an approval while something stands against it; the officials after you read it.",
    )


class Proposal(Answer):
    level: Annotated[str, CodeOf("levels")]
    official: str
    reason: str
    at: datetime
    own: bool = Field(description="The reader's own: somebody else of the level has to agree.")


class LevelDecision(Answer):
    level: Annotated[str, CodeOf("levels")]
    decision: Annotated[str, OneOf("decisions")]
    official: str
    reason: str
    at: datetime
    proposed: Proposal | None = Field(description="The approval it agrees to, where it took two persons.")


class Recusal(Answer):
    level: Annotated[str, CodeOf("tasks")]
    official: str
    reason: Annotated[str, CodeOf("recusals")]
    words: str
    at: datetime


class Recuse(Body):
    reason: f.Reason = Field(default="", description="Needed when the system knows of no reason; the officials after you read it.")


class Recused(Answer):
    outcome: Literal["colleague", "handed_on", "nobody_left"] = Field(
        description="Who decides the case now: others of the level, the next level, or somebody who has yet to be appointed."
    )


class Review(Answer):
    secret = True

    doubts: list[Annotated[str, CodeOf("criteria")]] = Field(
        description="Criteria of this round that are not met or could not be verified. Approving all the same takes a reason and two persons."
    )
    proposal: Proposal | None = Field(description="An approval by one of the two it takes.")
    decisions: list[LevelDecision] = Field(description="What the levels have decided so far, in order.")
    recusal: Annotated[str, CodeOf("recusals")] = Field(description="Why the reader does not act in this case; empty for nothing.")
    recusals: list[Recusal] = Field(description="Who has left the case to others, in order.")
    declaration_due: bool = Field(description="The reader decides nothing before he has declared whose cases he leaves to others.")


@api.get("/tasks", access=Access.STAFF)
async def list_tasks(call: Call, params: TaskFilter) -> f.Page[Task]:
    """Open review tasks of the official's level and division, the nearest deadline first."""
    request = casework.ListTasksRequest(page=params.page(), state=params.state, overdue=params.overdue)
    found = await call.rpc("casework", call.services.casework.ListTasks, request)
    items = [to_model(Task, item) for item in found.tasks]
    return f.Page[Task](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.get("/counters", access=Access.STAFF)
async def get_counters(call: Call, params: f.InDistrict) -> f.Listing[Counter]:
    """How many cases are at which stage, per district and street, within the official's reach, and how many of them have changed since yesterday."""
    profile = call.edge.profile
    request = casework.GetCountersRequest(district=params.district, changed_since=yesterday().isoformat())
    found = await call.rpc("casework", call.services.casework.GetCounters, request)
    return f.Listing[Counter](
        items=[
            to_model(Counter, item, district_name=profile.name_of(item.district), street_name=profile.name_of(item.street))
            for item in found.counters
        ]
    )


@api.get("/applications/{no}/assessment")
async def get_assessment(call: Call, params: f.OfApplication) -> Assessment:
    """The newest assessment: a verdict and a reason for every criterion, in the reader's language. 404 before there is one."""
    request = eligibility.GetAssessmentRequest(application_no=params.no)
    answer = await call.rpc("eligibility", call.services.eligibility.GetAssessment, request)
    return to_model(Assessment, answer.assessment, call.locale)


@api.get("/applications/{no}/comparison", access=Access.STAFF, roles=REVIEWERS)
async def get_comparison(call: Call, params: f.OfApplication) -> Comparison:
    """What the household declared beside what the registers said, per member and home, as it was when the round was judged. 404 before that."""
    request = eligibility.GetComparisonRequest(application_no=params.no)
    answer = await call.rpc("eligibility", call.services.eligibility.GetComparison, request)
    return to_model(Comparison, answer.comparison, call.locale)


@api.get("/applications/{no}/review", access=Access.STAFF, roles=REVIEWERS)
async def get_review(call: Call, params: f.OfApplication) -> Review:
    """What a reviewer has to know before he decides: what stands against an approval, whether somebody has proposed one, and who has decided what before."""
    answer = await call.rpc("casework", call.services.casework.GetReview, casework.GetReviewRequest(application_no=params.no))
    return to_model(Review, answer)


@api.post("/applications/{no}/decision", access=Access.STAFF, roles=REVIEWERS, if_match=IfMatch.OPTIONAL)
async def decide_application(call: Call, params: f.OfApplication, body: Decide) -> Application:
    """A reviewer's decision on the open task of his level. Returning and refusing need a reason; the household reads it.

    An approval while a criterion is not met or could not be verified is proposed by the first reviewer, with a reason, and takes effect when a second
    one of the level approves too; 403 SECOND_PERSON when the first one asks again.
    """
    request = casework.DecideTaskRequest(
        idempotency_key=call.idempotency_key,
        application_no=params.no,
        decision=enum_number(_DECISION, body.decision),  # type: ignore[arg-type]  # a number is the enum
        reason=body.reason,
        if_version=call.if_version,
        official=call.person.signs_as,
    )
    answer = await call.rpc("casework", call.services.casework.DecideTask, request, seconds=DECISION_SECONDS)
    return application(call, answer.application)


@api.post("/applications/{no}/recusal", access=Access.STAFF, roles=REVIEWERS)
async def recuse(call: Call, params: f.OfApplication, body: Recuse) -> Recused:
    """The reviewer leaves the case at his level to others (回避), for good. When nobody known of the level is left, the next level decides for it."""
    request = casework.RecuseTaskRequest(
        idempotency_key=call.idempotency_key, application_no=params.no, reason=body.reason, official=call.person.signs_as
    )
    answer = await call.rpc("casework", call.services.casework.RecuseTask, request, seconds=DECISION_SECONDS)
    return answered(Recused, {"outcome": answer.outcome})
