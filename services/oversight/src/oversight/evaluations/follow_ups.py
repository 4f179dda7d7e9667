"""What follows a bad evaluation: somebody other than whom it is about finds out and answers, within the city's working days. He is reminded before they are
over, and the city is told afterwards, again and again, until it is done. A clock goes by the table: it survives whatever dies, and two processes tell once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import anju_calendar as calendar
from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as pb
from anju_profile import Profile
from anju_terms import is_code
from casekit.facts import record
from casekit.reads import Reads, of_list
from casekit.tell import Tellings
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, OUT_OF_DIVISION, Refusal, invalid
from chassis.identity import Caller
from chassis.outbox import Outbox
from chassis.wire import stamp, wrong
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.errors import FOLLOW_UP_NEAR, FOLLOWED_UP, NOT_VERIFIED, RATED_ONESELF
from oversight.evaluations import convert, facts, store
from oversight.evaluations.rating import CaseOf, is_rated
from oversight.tables import Finished, FollowUp

ROUND_SECONDS: Final = 30.0
_AT_ONCE: Final = 50
_CITY: Final = "city_reviewer"


class FollowUps:
    def __init__(self, database: Database, ring: KeyRing, profile: Profile, outbox: Outbox, tellings: Tellings) -> None:
        self._database = database
        self._ring = ring
        self._profile = profile
        self._outbox = outbox
        self._tellings = tellings

    async def page(self, caller: Caller, request: pb.ListFollowUpsRequest, reads: Reads) -> pb.ListFollowUpsResponse:
        """Auditors see what was done and when; what people wrote is for who follows it up, and for no file. A look is on record before it is given.
        Raises Refusal."""
        what = of_list("evaluation", request.page)
        if request.state and not is_code("follow_up_states", request.state):
            raise invalid([wrong("/state", "没有这种状态。", "There is no such state.")])
        async with self._database.statements() as session:
            rows, page = await store.follow_ups(session, caller, request.state, request.page)
        await reads.note(caller, what, [finished.application_no or finished.subject for finished, _, _ in rows])
        words = not caller.has_role("auditor") and not request.page.purpose
        return pb.ListFollowUpsResponse(services=[convert.to_service(row, self._ring, words=words) for row in rows], page=page)

    async def answer(self, caller: Caller, request: pb.AnswerFollowUpRequest, case_of: CaseOf) -> pb.AnswerFollowUpResponse:
        """Raises Refusal."""
        result, answer = convert.result(request.result), convert.answer(request.answer)
        async with self._database.statements() as session:
            row = await store.one(session, request.service_id)
        if row is None or row[2] is None:
            raise Refusal(NOT_FOUND)
        await self._may_answer(caller, row[0], case_of)
        async with self._database.transaction() as session:
            await store.hold(session, request.service_id)
            row = await store.one(session, request.service_id)
            assert row is not None
            finished, _, follow_up = row
            assert follow_up is not None
            if follow_up.state == "done":
                shown = convert.to_service(row, self._ring)
                if (follow_up.answered_by, shown.follow_up.result, shown.follow_up.answer) != (caller.sub, result, answer):
                    raise Refusal(FOLLOWED_UP)
                return pb.AnswerFollowUpResponse(service=shown)
            follow_up.state, follow_up.result = "done", result
            follow_up.answer_sealed = self._ring.encrypt(answer.encode(), convert.place("follow_up", "answer_sealed", finished.id))
            follow_up.answered_by, follow_up.answered_by_person = caller.sub, caller.person
            follow_up.answered_at = datetime.now(UTC)
            await record(session, facts.followed_up(finished, follow_up))
            if finished.owner and (finished.application_no or finished.item == "complaint_answered"):
                self._tell(
                    session, finished, "done", common.Telling(template="follow_up_done", values=_item(finished)), follow_up.answered_at
                )
            await session.flush()
            return pb.AnswerFollowUpResponse(service=convert.to_service(row, self._ring))

    async def _may_answer(self, caller: Caller, finished: Finished, case_of: CaseOf) -> None:
        """Raises Refusal: OUT_OF_DIVISION, NOT_VERIFIED, RATED_ONESELF, FOLLOW_UP_NEAR for who has to leave the household to others."""
        if not caller.covers(finished.division):
            raise Refusal(OUT_OF_DIVISION)
        if not caller.person:
            # By account alone a second one is somebody else.
            raise Refusal(NOT_VERIFIED)
        if is_rated(caller, finished):
            raise Refusal(RATED_ONESELF)
        if finished.application_no and (await case_of(finished.application_no)).recusal:
            raise Refusal(FOLLOW_UP_NEAR)

    async def round(self, now: datetime | None = None) -> int:
        """Tells whoever has to be told by ``now``; gives how many."""
        now = now or datetime.now(UTC)
        async with self._database.transaction() as session:
            found = await store.due(session, now, _AT_ONCE)
            for follow_up, finished in found:
                self._remind(session, follow_up, finished, now)
        return len(found)

    def _remind(self, session: AsyncSession, follow_up: FollowUp, finished: Finished, now: datetime) -> None:
        follow_up.told += 1
        if now < follow_up.due_at:
            follow_up.next_at = follow_up.due_at
            values = {**_item(finished), "deadline": common.Value(day=stamp(follow_up.due_at))}
            telling = common.Telling(template="follow_up_reminder", **convert.whose(finished), values=values)
        else:
            follow_up.escalated_at = follow_up.escalated_at or now
            again = self._profile.evaluation.escalation_repeat_wd.on(calendar.local_date(now))
            follow_up.next_at = calendar.working_days_after(now, again)
            late = (calendar.local_date(now) - calendar.local_date(follow_up.due_at)).days
            values = {**_item(finished), "days": common.Value(count=max(1, late))}
            telling = common.Telling(template="follow_up_overdue", role=_CITY, division=self._profile.city_code, values=values)
        self._tell(session, finished, f"told-{follow_up.told}", telling, now)

    def _tell(self, session: AsyncSession, finished: Finished, event: str, telling: common.Telling, at: datetime) -> None:
        step = common.Step(step_id=f"follow-up/{finished.id}/{event}", as_of=stamp(at), tell=[telling])
        if telling.role:
            self._tellings.hand_on(self._outbox, session, step, "")
        elif finished.application_no:
            self._tellings.hand_on(self._outbox, session, step, finished.application_no)
        else:
            self._tellings.hand_on(self._outbox, session, step, finished.subject, owner=finished.owner)


def _item(finished: Finished) -> dict[str, Any]:
    return {"item": common.Value(term=common.Term(vocabulary="evaluated_services", code=finished.item))}
