"""What people say of a service: of one that was finished for them, or, by the code of its receipt, of a visit to a counter."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import anju_calendar as calendar
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as pb
from anju_profile import Profile
from casekit.facts import record
from casekit.tell import Tellings
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller
from chassis.ids import stable_id
from chassis.outbox import Outbox
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.domain.opinions import LEVELS
from oversight.errors import EVALUATED, RATED_ONESELF
from oversight.evaluations import convert, facts, store
from oversight.evaluations.store import Row
from oversight.tables import Complaint, Evaluation, Finished, FollowUp

# The case, as the person who is calling may see it. Raises Refusal.
CaseOf = Callable[[str], Awaitable[casework.Application]]
_CODE_PLACE: Final = "counter visit"


def is_rated(caller: Caller, finished: Finished) -> bool:
    """That the caller is who has rendered the service, under this account or another, or stands in for him."""
    accounts = {caller.sub, caller.acting_for} - {""}
    return any(each["sub"] in accounts or (caller.person and each["person"] == caller.person) for each in finished.handlers)


class Rating:
    def __init__(self, database: Database, ring: KeyRing, profile: Profile, outbox: Outbox, tellings: Tellings) -> None:
        self._database = database
        self._ring = ring
        self._profile = profile
        self._outbox = outbox
        self._tellings = tellings

    async def mine(self, caller: Caller, request: pb.ListServicesRequest) -> pb.ListServicesResponse:
        async with self._database.statements() as session:
            rows, page = await store.mine(session, caller, request.application_no, request.page)
        return pb.ListServicesResponse(services=[convert.to_service(row, self._ring) for row in rows], page=page)

    async def evaluate(self, caller: Caller, request: pb.EvaluateServiceRequest) -> pb.EvaluateServiceResponse:
        """Raises Refusal."""
        said = convert.opinion(request.opinion)
        async with self._database.transaction() as session:
            await store.hold(session, request.service_id)
            row = await store.own(session, request.service_id, caller)
            if row is None:
                raise Refusal(NOT_FOUND)
            return pb.EvaluateServiceResponse(
                service=convert.to_service(await self._said(session, row, said, "web", caller.sub), self._ring)
            )

    async def open_visit(self, caller: Caller, application_no: str, case_of: CaseOf) -> pb.OpenCounterVisitResponse:
        """Raises Refusal, NOT_FOUND also for a case which the clerk may not see."""
        case = await case_of(application_no)
        now = datetime.now(UTC)
        id = stable_id("sv-", _CODE_PLACE, caller.sub, case.no, calendar.local_date(now).isoformat())
        code = _code(self._ring, id)
        row = {
            "id": id,
            "item": "counter_visit",
            "source": "oversight",
            "fact_id": "",
            "application_no": case.no,
            "subject": id,
            "division": case.street,
            "at": now,
            "owner": "",
            "person": "",
            "handlers": [{"sub": caller.sub, "person": caller.person}],
            "code_digest": _digest(code),
        }
        async with self._database.transaction() as session:
            await store.add_finished(session, [row])
        return pb.OpenCounterVisitResponse(code=code)

    async def visit(self, request: pb.GetVisitRequest) -> pb.GetVisitResponse:
        """What the receipt is of, and whether something was said; neither whose it is nor what was written. Raises Refusal(NOT_FOUND)."""
        async with self._database.statements() as session:
            row = await store.by_code(session, _digest(request.code))
        if row is None:
            raise Refusal(NOT_FOUND)
        return pb.GetVisitResponse(service=self._without_whose(row))

    async def evaluate_visit(self, caller: Caller, request: pb.EvaluateVisitRequest) -> pb.EvaluateVisitResponse:
        """Raises Refusal."""
        said = convert.opinion(request.opinion)
        async with self._database.transaction() as session:
            found = await store.by_code(session, _digest(request.code))
            if found is None:
                raise Refusal(NOT_FOUND)
            if is_rated(caller, found[0]):
                raise Refusal(RATED_ONESELF)
            await store.hold(session, found[0].id)
            row = await store.one(session, found[0].id)
            assert row is not None
            channel = "paper" if caller.kind == "staff" else "receipt"
            # Who comes by the receipt may be anybody, and stays so.
            said_by = caller.sub if caller.kind == "staff" else ""
            return pb.EvaluateVisitResponse(service=self._without_whose(await self._said(session, row, said, channel, said_by)))

    async def of_complaint(self, session: AsyncSession, found: Complaint, handlers: Sequence[tuple[str, str]], at: datetime) -> None:
        """What was rated with a complaint is what is thought of its answer: entered with the step, so that nobody is asked again. What he wrote with it
        stays with the complaint. ``handlers``: account and person of who dealt with it."""
        # What is about staff is kept from those beside them, and counted for the city as a whole.
        division = self._profile.city_code if found.about_staff else found.street or found.district
        rated = {*handlers, (found.about_sub, "")} - {("", "")}
        finished = Finished(
            id=stable_id("sv-", "oversight", "complaint_answered", found.no),
            item="complaint_answered",
            source="oversight",
            fact_id="",
            application_no="",
            subject=found.no,
            division=division,
            at=found.answered_at or at,
            owner=found.owner,
            person=found.owner_person,
            handlers=[{"sub": sub, "person": person} for sub, person in sorted(rated)],
        )
        session.add(finished)
        await session.flush()
        await self._said(session, (finished, None, None), pb.Opinion(level=LEVELS[-found.score]), "web", found.owner)

    async def _said(self, session: AsyncSession, row: Row, said: pb.Opinion, channel: str, said_by: str) -> Row:
        """Once; the same again is the same. Raises Refusal(EVALUATED)."""
        finished, known, follow_up = row
        if known is not None:
            words = convert.to_service(row, self._ring).evaluation.words
            if (known.level, list(known.reasons), words, known.said_by) != (said.level, list(said.reasons), said.words, said_by):
                raise Refusal(EVALUATED)
            return row
        now = datetime.now(UTC)
        sealed = self._ring.encrypt(said.words.encode(), convert.place("evaluation", "words_sealed", finished.id)) if said.words else b""
        evaluation = Evaluation(
            finished_id=finished.id,
            level=said.level,
            reasons=list(said.reasons),
            words_sealed=sealed,
            channel=channel,
            at=now,
            day=calendar.local_date(now),
            said_by=said_by,
        )
        session.add(evaluation)
        await session.flush()
        if convert.is_bad(said.level):
            follow_up = self._opened(finished.id, now)
            session.add(follow_up)
            self._tell_opened(session, finished, follow_up)
        await record(session, facts.evaluated(finished, evaluation))
        await session.flush()
        return finished, evaluation, follow_up

    def _opened(self, id: str, now: datetime) -> FollowUp:
        """Due in the city's working days; who has to do it is reminded before."""
        clocks, on = self._profile.evaluation, calendar.local_date(now)
        due = calendar.working_days_after(now, clocks.follow_up_wd.on(on))
        remind = calendar.working_days_before(due, clocks.reminder_wd_before.on(on))
        return FollowUp(finished_id=id, opened_at=now, due_at=due, next_at=remind if now < remind < due else due)

    def _tell_opened(self, session: AsyncSession, finished: Finished, follow_up: FollowUp) -> None:
        values: dict[str, Any] = {
            "item": common.Value(term=common.Term(vocabulary="evaluated_services", code=finished.item)),
            "deadline": common.Value(day=stamp(follow_up.due_at)),
        }
        telling = common.Telling(template="follow_up_opened", **convert.whose(finished), values=values)
        step = common.Step(step_id=f"follow-up/{finished.id}/opened", as_of=stamp(follow_up.opened_at), tell=[telling])
        self._tellings.hand_on(self._outbox, session, step, "")

    def _without_whose(self, row: Row) -> pb.Service:
        shown = convert.to_service(row, self._ring, words=False)
        shown.application_no = shown.subject = ""
        return shown


def _code(ring: KeyRing, id: str) -> str:
    """What nobody guesses, 80 bits, and always the same of one visit: a receipt that is printed again is the same receipt."""
    return base64.b32encode(bytes.fromhex(ring.blind_index(id, _CODE_PLACE))[:10]).decode()


def _digest(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()
