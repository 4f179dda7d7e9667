"""Cases whose workflow is gone: which they are, and with what it is started again (``casekit.blocked``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import anju_calendar as calendar
from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application
from anju_contracts.base import Place
from casekit.blocked import Again, Open
from chassis.errors import NOT_FOUND, Refusal
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from casework import store
from casework.course import table_of
from casework.parts import CaseTerms, Parts
from casework.process import memo, summary
from casework.tables import Application


class Cases:
    """Records of casework behind ``Application`` workflows."""

    type = application.NAME

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def prefix(self) -> str:
        return application.workflow_id("")

    async def open(self, session: AsyncSession) -> Sequence[Open]:
        return [
            Open(
                application.workflow_id(case.no),
                case.stage,
                table_of(case).stages[case.stage],
                case.waiting_on,
                case.deadline_at,
                case.blocked_at,
            )
            for case in await store.served_cases(session)
        ]

    async def again(self, session: AsyncSession, workflow_id: str, generation: int) -> Again | None:
        case = await store.lock_case(session, workflow_id.removeprefix(self.prefix()))
        if case is None:
            raise Refusal(NOT_FOUND)
        if case.stage in application.ENDS:
            if case.stage != "registered" or await store.is_handed_on(session, case.no):
                return None
            await store.look_again(session, case.no)
        first = await store.dossier(session, case.no, 1)
        terms = self._parts.case_terms(calendar.local_date(case.submitted_at))
        given = workflow_input(
            case, first.request_id if first is not None else "", terms, separate_queues=self._parts.separate_queues
        ).model_copy(update={"generation": generation, "not_before": case.updated_at})
        await self._parts.words.begun_again(session, workflow_id)
        return Again(given, summary(case.no), memo(given), case.stage, case.version)

    async def mark(self, session: AsyncSession, workflow_ids: Collection[str], at: datetime | None) -> None:
        await store.mark_blocked(session, [each.removeprefix(self.prefix()) for each in workflow_ids], at)


def workflow_input(
    case: Application, submission: str, terms: CaseTerms, *, separate_queues: bool, awaited: tuple[int, ...] = ()
) -> application.ApplicationInput:
    """``terms`` are those of the day on which the case was submitted; which levels review it, and who answers objections, the case says itself.
    ``awaited`` are the adults who have yet to confirm; a case that goes on reads them where it reads its stage."""
    days = {level.code: level for level in terms.levels}
    return application.ApplicationInput(
        no=case.no,
        owner=case.owner,
        submission=submission,
        place=Place(district=case.district, street=case.street),
        registers=tuple(case.registers),
        levels=tuple(days[code] for code in case.levels),
        objection_level=case.objection_level,
        clocks=terms.clocks,
        awaited=awaited,
        separate_queues=separate_queues,
    )


async def standing(session: AsyncSession, case: Application, awaited: Sequence[int]) -> pb.GetStandingResponse:
    """What a workflow that was started again goes on from."""
    answer = pb.GetStandingResponse(
        stage=case.stage,
        waiting_on=case.waiting_on,
        deadline_at=stamp(case.deadline_at),
        overdue=case.overdue,
        round=case.round,
        awaited=awaited,
    )
    _, notice = await store.open_task_and_notice(session, case.no)
    if notice is not None:
        answer.notice_closes_at.FromDatetime(notice.closes_at)
    for row in await store.objections_on_record(session, case.no):
        answer.objections.add(id=row.id, raised_at=stamp(row.raised_at))
    return answer
