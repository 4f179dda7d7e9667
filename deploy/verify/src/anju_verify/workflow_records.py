"""Workflows and records: every case has its workflow, every recorded path is a legal one, and every end was told."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from anju.casework.v1 import casework_pb2
from anju_contracts import application, complaint, lease, rent_cycle, waiting
from anju_contracts.moves import IllegalMoveError, Table
from casekit.tell import TELL
from chassis.crypto import FIELD_KEYS, DecryptionError
from temporalio.client import WorkflowExecutionStatus

from anju_verify.check import Findings, Register
from anju_verify.paths import continued_from, first_illegal, walk_of
from anju_verify.sources import Execution, Repair, Sources

check: Final = Register()

_WITH_REASON: Final = frozenset(application.ENDS) - {"registered"}
# Whose table has the record of each workflow from its start.
_KEEPER: Final = {"Application": "casework", "Waiting": "housing", "Lease": "housing", "Complaint": "oversight"}
# Whose steps tell: the ids of its workflows, and the application each is about. A case's own id is the application's number.
_APPLICATION_OF: Final = {
    "casework": "SELECT no AS id, no AS application_no FROM application",
    "housing": "SELECT no AS id, application_no FROM leases",
    "payments": "SELECT id, application_no FROM bills",
    "oversight": "SELECT no AS id, no AS application_no FROM complaint",
}
# What the household must have been told at the end of a case, by the case's end.
_TOLD: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "Application": {
        "registered": ("registered",),
        "rejected": ("refused", "objection_upheld"),
        "withdrawn": ("withdrawn",),
        "lapsed": ("lapsed",),
    },
    "Waiting": {
        "leased": ("offer_accepted",),
        "left": ("left_waiting",),
        "struck_off": ("struck_off",),
        "expired": ("waiting_expired",),
    },
    "Lease": {"ended": ("lease_ended",), "lapsed": ("lease_lapsed",)},
    # Who withdraws knows it.
    "Complaint": {"closed": ("complaint_answered",), "merged": ("complaint_merged",)},
    # Money may still come after the arrears were written and told.
    "RentCycle": dict.fromkeys(("paid", "arrears"), ("bill_paid", "deposit_paid", "bill_arrears", "deposit_arrears")),
}


@dataclass(frozen=True)
class Case:
    """A record which a workflow stands behind."""

    type: str
    id: str
    table: Table
    state: str
    owner: str
    application_no: str

    @property
    def ended(self) -> bool:
        return self.state in self.table.ends


def _table(row: asyncpg.Record) -> Table:
    """The moves of one application, made from the levels it came with."""
    return application.moves(tuple(row["levels"]), row["objection_level"])


async def _cases(sources: Sources) -> list[Case]:
    """From the services' own tables. A service whose database is not named is left out."""
    found: list[Case] = []
    if sources.has("casework"):
        for row in await sources.rows("casework", "SELECT no, stage, owner, levels, objection_level FROM application"):
            found.append(Case("Application", application.workflow_id(row["no"]), _table(row), row["stage"], row["owner"], row["no"]))
    if sources.has("housing"):
        for row in await sources.rows("housing", "SELECT application_no, state, owner FROM waiting"):
            no = row["application_no"]
            found.append(Case("Waiting", waiting.workflow_id(no), waiting.MOVES, row["state"], row["owner"], no))
        for row in await sources.rows("housing", "SELECT no, state, owner, application_no FROM leases"):
            found.append(Case("Lease", lease.workflow_id(row["no"]), lease.MOVES, row["state"], row["owner"], row["application_no"]))
    if sources.has("payments"):
        for row in await sources.rows("payments", "SELECT id, state, owner, application_no FROM bills"):
            workflow_id = rent_cycle.workflow_id(row["id"])
            found.append(Case("RentCycle", workflow_id, rent_cycle.MOVES, row["state"], row["owner"], row["application_no"]))
    if sources.has("oversight"):
        for row in await sources.rows("oversight", "SELECT no, stage, owner FROM complaint"):
            found.append(Case("Complaint", complaint.workflow_id(row["no"]), complaint.MOVES, row["stage"], row["owner"], row["no"]))
    return found


def _newest(executions: Iterable[Execution]) -> dict[str, Execution]:
    return {each.id: each for each in executions}


# --- W1, W2 --------------------------------------------------------------------------------------------------------------------------------


@check("W1", "every acknowledged submission has an execution or a closed record")
async def w1(sources: Sources, found: Findings) -> None:
    cases = await _cases(sources)
    known = {case.id for case in cases}
    if sources.has("casework"):
        for row in await sources.rows("casework", "SELECT answer FROM once WHERE key LIKE '%:SubmitApplication:%'"):
            found.looked()
            no = casework_pb2.Application.FromString(row["answer"]).no
            found.unless(application.workflow_id(no) in known, f"application {no} was acknowledged and is not on record")
    newest = _newest(await sources.executions())
    found.looked(len(cases))

    async def has_workflow(case: Case) -> None:
        execution = newest.get(case.id)
        # Visibility may be a moment behind the engine; the engine is asked itself before somebody is said to be forgotten.
        open_ = (execution is not None and execution.open) or await sources.status_of(case.id) is WorkflowExecutionStatus.RUNNING
        found.unless(open_, f"{case.id} is {case.state} and nobody works on it")

    await asyncio.gather(*(has_workflow(case) for case in cases if not case.ended))
    await _handed_over(sources, found)
    for execution in newest.values():
        # A bill gets its record when its day has come; every other workflow is started for a record that is there.
        recorded = sources.has(_KEEPER.get(execution.type, ""))
        found.unless(not recorded or execution.id in known, f"{execution.id} has a workflow and no record")


async def _handed_over(sources: Sources, found: Findings) -> None:
    """A registered household is on the list, or its workflow is about to have it put there."""
    if not (sources.has("casework") and sources.has("housing")):
        return
    listed = {row["no"] for row in await sources.rows("housing", "SELECT application_no AS no FROM waiting")}
    for row in await sources.rows("casework", "SELECT no FROM application WHERE stage = 'registered'"):
        found.looked()
        known = row["no"] in listed or await sources.status_of(waiting.workflow_id(row["no"])) is WorkflowExecutionStatus.RUNNING
        found.unless(known, f"application {row['no']} is registered, and its household waits nowhere")


@check("W2", "at most one open execution of a business id, and no id was ever started anew")
async def w2(sources: Sources, found: Findings) -> None:
    executions = await sources.executions()
    found.looked(len(executions))
    for workflow_id, count in Counter(each.id for each in executions if each.open).items():
        found.unless(count == 1, f"{workflow_id} is open {count} times")
    runs: dict[str, list[Execution]] = defaultdict(list)
    for each in executions:
        runs[each.id].append(each)
    for workflow_id in sources.resets:
        if len(runs.get(workflow_id, ())) < 2:
            found.note(f"{workflow_id} was said to be reset and has no second run")
    repairs = await sources.repairs()
    for workflow_id, each_run in runs.items():
        if workflow_id in sources.resets:
            continue
        # A long lease goes on in a new run; anything else that ended has ended, unless its record says that it was started again.
        again = [before for before in each_run[:-1] if before.status is not WorkflowExecutionStatus.CONTINUED_AS_NEW]
        for before in again[len(repairs.get(workflow_id, ())) :]:
            found.violation(
                f"{workflow_id} was started again after a run that was {before.status.name.lower() if before.status else 'unknown'}"
            )


# --- W3 ------------------------------------------------------------------------------------------------------------------------------------


@check("W3", "every recorded path is a path of the transition table and agrees with the workflow's history")
async def w3(sources: Sources, found: Findings) -> None:
    timelines = await _timelines(sources, found)
    cases = await _cases(sources)
    runs: dict[str, list[Execution]] = defaultdict(list)
    for execution in await sources.executions():
        runs[execution.id].append(execution)
    for workflow_id in sources.resets & runs.keys():
        runs[workflow_id] = await _standing(sources, runs[workflow_id])

    repairs = await sources.repairs()

    async def agrees(case: Case) -> None:
        spans = await _spans(sources, case, runs.get(case.id, ()), repairs.get(case.id, ()), found)
        if not spans:
            return
        found.looked()
        if case.type == "Application":
            _agree_on_path(case, timelines.get(case.application_no, ()), spans, found)
        else:
            _agree_on_state(case, spans[-1], not runs[case.id][-1].open, found)

    await asyncio.gather(*(agrees(case) for case in cases))


async def _standing(sources: Sources, runs: Sequence[Execution]) -> list[Execution]:
    """The runs that count of a workflow that was reset: a reset takes over the history of a run up to a point, and the run's place."""
    standing: dict[str, Execution] = {}
    for run in runs:
        history = await sources.history(run)
        if history is None or not history.events:
            continue
        place = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
        places = list(standing)
        for undone in places[places.index(place) :] if place in standing else ():
            del standing[undone]
        standing[place] = run
    return list(standing.values())


async def _timelines(sources: Sources, found: Findings) -> dict[str, list[asyncpg.Record]]:
    """The rows of every timeline, each checked by itself."""
    if not sources.has("casework"):
        return {}
    steps: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in await sources.rows(
        "casework",
        "SELECT application_no, seq, step_id, event, source, stage, actor, actor_kind FROM timeline ORDER BY application_no, seq",
    ):
        steps[row["application_no"]].append(row)
    # An approval proposed by the first of two persons, somebody who leaves a case to others, and that nobody works on it (or somebody does again), are
    # versions of the case without a step.
    without_step: dict[str, set[int]] = defaultdict(set)
    for row in await sources.rows(
        "casework",
        "SELECT application_no, seq FROM proposal UNION ALL SELECT application_no, seq FROM recusal UNION ALL SELECT application_no, seq FROM interruption",
    ):
        without_step[row["application_no"]].add(row["seq"])
    for case in await sources.rows("casework", "SELECT no, stage, version, levels, objection_level FROM application"):
        rows = steps.get(case["no"], [])
        found.looked()
        stage, version = _walk(_table(case), case["no"], rows, without_step[case["no"]], found)
        found.unless(stage == case["stage"], f"application {case['no']} is {case['stage']}, its timeline ends in {stage}")
        found.unless(version == case["version"], f"application {case['no']} is at version {case['version']}, its timeline at {version}")
    return steps


def _walk(table: Table, no: str, rows: Sequence[asyncpg.Record], without_step: Collection[int], found: Findings) -> tuple[str, int]:
    """Follows a timeline; gives where it ends. ``without_step`` are versions of the case which no step has made."""
    stage, version = table.start, 1
    for row in rows:
        while version + 1 in without_step:
            version += 1
        named = f"application {no}, step {row['seq']} ({row['event']})"
        found.unless(row["seq"] == version + 1, f"{named}: the step before it is missing")
        found.unless(row["source"] == stage, f"{named} leaves {row['source']}, but the case was in {stage}")
        found.unless(row["step_id"].startswith(f"{application.workflow_id(no)}/"), f"{named} was made by another workflow")
        try:
            target = table.next(stage, row["event"])
        except IllegalMoveError:
            found.violation(f"{named}: no such move from {stage}")
        else:
            found.unless(target == row["stage"], f"{named} leads to {target}, recorded is {row['stage']}")
        stage, version = row["stage"], row["seq"]
    while version + 1 in without_step:
        version += 1
    return stage, version


@dataclass
class Span:
    """What the kept runs of a workflow tell from its start, or from a repair, to the next repair. ``version`` is the record's when it was started;
    ``stood`` the stage in which it was, None when the beginning is not kept."""

    version: int
    stood: str | None
    told: list[str] = field(default_factory=list)


async def _spans(sources: Sources, case: Case, runs: Sequence[Execution], repairs: Sequence[Repair], found: Findings) -> list[Span]:
    """Every walk checked; none when the engine keeps nothing of the workflow."""
    spans: list[Span] = []
    for run in runs:
        history = await sources.history(run)
        if history is None:
            continue
        walk = walk_of(history)
        if walk.generation:
            repair = next((each for each in repairs if each.generation == walk.generation), None)
            if repair is None:
                found.violation(f"{run.id} was started again and its record does not know of it")
                continue
            found.unless(walk.stood == repair.stage, f"{run.id} went on from {walk.stood}, its record stood in {repair.stage}")
            spans.append(Span(repair.version, walk.stood))
        elif not spans:
            # One that was only just started again has not read yet where its case stands.
            begins = not continued_from(history) and not repairs
            spans.append(Span(1, case.table.start if begins else None))
        span = spans[-1]
        wrong = first_illegal(case.table, walk.stages, span.told[-1] if span.told else span.stood)
        if wrong is not None:
            found.violation(f"{run.id}: its history goes from {wrong[0]} to {wrong[1]}, which is no legal move")
        span.told += walk.stages
    return spans


def _agree_on_path(case: Case, rows: Sequence[asyncpg.Record], spans: Sequence[Span], found: Findings) -> None:
    """The timeline and the histories say the same.

    A worker that died between the effect of a step and the engine's note of it leaves a recorded step which the workflow does not know of; it then
    made its step of that number anew. The last step of a number is the one that counts.
    """
    last_of_number = {_number(row["step_id"]): row["seq"] for row in rows}
    counting = [row for row in rows if last_of_number[_number(row["step_id"])] == row["seq"]]
    for span, following in zip(spans, [*spans[1:], None], strict=True):
        end = following.version if following is not None else rows[-1]["seq"] if rows else 0
        recorded = [row["stage"] for row in counting if span.version < row["seq"] <= end]
        told = span.told
        # The workflow decides first and has it recorded then.
        ahead = (not case.ended or following is not None) and told[:-1] == recorded
        # One that was ended by somebody else may not have noted its last step any more.
        behind = following is not None and recorded[:-1] == told
        found.unless(
            told == recorded or ahead or behind,
            f"{case.id}: recorded {' → '.join(recorded)}; its history says {' → '.join(told)}",
        )


def _number(step_id: str) -> str:
    """{workflow id}/{number}/{event} without the event; another form is a number of its own."""
    return step_id.rsplit("/", 1)[0] if step_id.count("/") >= 3 else step_id


def _agree_on_state(case: Case, span: Span, closed: bool, found: Findings) -> None:
    """The record is where the workflow is. A closed workflow has nothing left to record; an open one may be a step ahead, or behind the ledger."""
    stage = span.told[-1] if span.told else span.stood or case.table.start
    state = {"leasing": "leased"}.get(case.state, case.state)
    if state == stage:
        return
    # The ledger has the money before the workflow hears of it, and money may come after the arrears were written. It writes the arrears first, too.
    late_money = case.type == "RentCycle" and state == "paid" and (not closed or stage == "arrears")
    first = case.type == "RentCycle" and state == "arrears" and not closed
    if closed or case.ended:
        found.unless(late_money or first, f"{case.id} is on record as {case.state}, its workflow {'ended' if closed else 'is'} in {stage}")


# --- W4 ------------------------------------------------------------------------------------------------------------------------------------


@check("W4", "closed ⇒ outcome, reason, a last step on record and a notification in the inbox")
async def w4(sources: Sources, found: Findings) -> None:
    await _closed_applications(sources, found)
    if not sources.has("notifications"):
        found.note("no database of notifications is known: what was told was not looked at")
        return
    told: dict[tuple[str, str], int] = {
        (row["application_no"], row["template"]): row["count"]
        for row in await sources.rows(
            "notifications",
            "SELECT application_no, template, count(*) AS count FROM inbox_message WHERE owner <> '' GROUP BY application_no, template",
        )
    }
    told_soon = await handed_on(sources)
    strangers = await sources.rows("notifications", "SELECT id, owner, application_no FROM inbox_message WHERE owner <> ''")
    open_ = {each.id for each in await sources.executions() if each.open}
    cases = await _cases(sources)
    owners = {case.application_no: case.owner for case in cases}
    for row in strangers:
        right = row["owner"] == owners.get(row["application_no"], row["owner"])
        found.unless(right, f"message {row['id']} about {row['application_no']} went to somebody else")
    # A workflow that is still open is about to tell; one that is closed has told.
    ended = [case for case in cases if case.ended and case.id not in open_]
    found.looked(len(ended))
    # Who wrote without a name is told nothing: he looks with his code.
    needed = Counter(
        (case.application_no, case.type, _TOLD[case.type][case.state]) for case in ended if case.owner and case.state in _TOLD[case.type]
    )
    for (no, type_, templates), count in needed.items():
        have = sum(told.get((no, template), 0) + told_soon[no, template] for template in templates)
        found.unless(have >= count, f"{no}: {count} {type_} ended, told {have} times ({' or '.join(templates)})")


async def handed_on(sources: Sources) -> Counter[tuple[str, str]]:
    """What steps on record tell and notifications has not taken yet, by application and template. What stays too long is stuck (W6)."""
    waiting_: Counter[tuple[str, str]] = Counter()
    for service, applications in _APPLICATION_OF.items():
        if not sources.has(service):
            continue
        of_case = {row["id"]: row["application_no"] for row in await sources.rows(service, applications)}
        for row in await sources.rows(service, "SELECT payload->>'key' AS key FROM outbox WHERE kind = $1 AND done_at IS NULL", TELL):
            # {workflow}/{number}/{event}/tell-{template}, and the workflow is {subject}/{id}.
            step_id, _, told = row["key"].rpartition("/tell-")
            id_ = step_id.rsplit("/", 2)[0].partition("/")[2]
            waiting_[of_case.get(id_, id_), told.partition("-")[0]] += 1
    return waiting_


async def _closed_applications(sources: Sources, found: Findings) -> None:
    ring = sources.keys(FIELD_KEYS)
    rows = await sources.rows(
        "casework",
        """
        SELECT application.no, stage, outcome, reason_sealed, waiting_on, deadline_at,
               (SELECT stage FROM timeline WHERE application_no = no ORDER BY seq DESC LIMIT 1) AS last,
               EXISTS (SELECT 1 FROM task WHERE application_no = no AND closed_at IS NULL) AS task,
               EXISTS (SELECT 1 FROM notice WHERE application_no = no AND closed_at IS NULL) AS notice
        FROM application WHERE stage = ANY($1)
        """,
        sorted(application.ENDS),
    )
    found.looked(len(rows))
    for row in rows:
        no = row["no"]
        found.unless(
            row["outcome"] == row["stage"], f"application {no} is closed as {row['stage']} with the outcome {row['outcome'] or 'none'}"
        )
        found.unless(row["last"] == row["stage"], f"application {no} is closed and its last step is not its end")
        found.unless(row["waiting_on"] == "nobody", f"application {no} is closed and waits on {row['waiting_on']}")
        found.unless(not row["task"], f"application {no} is closed and a review task is open")
        found.unless(not row["notice"], f"application {no} is closed and still on public notice")
        if row["stage"] not in _WITH_REASON:
            continue
        reason = row["reason_sealed"]
        if reason and ring is not None:
            try:
                reason = ring.decrypt(reason, f"application|reason_sealed|{no}").strip()
            except DecryptionError:
                found.violation(f"application {no}: its reason does not open")
                continue
        found.unless(reason, f"application {no} was {row['stage']} without a reason")
