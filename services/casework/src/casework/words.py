"""What people may say about a case, and what casework knows of each: the kinds of its words."""

from __future__ import annotations

from typing import Final

from anju_contracts import application as contract
from casekit.engine import CLOSED, OnRecord
from casekit.words import Kind, Said
from sqlalchemy.ext.asyncio import AsyncSession

from casework import errors, store
from casework.domain.progress import CONFIRMING_STAGES, NOTICE_STAGES

PROBLEMS: Final = {
    problem.reason: problem
    for problem in (
        errors.TASK_NOT_OPEN,
        errors.STEP_REFUSED,
        errors.NOT_RETURNED,
        errors.NOT_AWAITED,
        errors.ALREADY_ENDED,
        errors.NOT_ON_NOTICE,
    )
} | {CLOSED.reason: errors.ALREADY_ENDED}
# The workflow's "not now": after an interruption it may be a moment behind the record it has written itself.
_NOT_NOW: Final = frozenset(
    problem.reason
    for problem in (errors.TASK_NOT_OPEN, errors.NOT_RETURNED, errors.NOT_AWAITED, errors.NOT_ON_NOTICE, errors.ALREADY_ENDED)
)


def number_of(said: Said) -> str:
    return said.workflow_id.removeprefix(contract.workflow_id(""))


async def _on_record(session: AsyncSession, said: Said) -> OnRecord:
    return await store.on_record(session, number_of(said))


async def _task_is_open(session: AsyncSession, said: Said) -> bool:
    task = await store.open_task(session, number_of(said))
    return task is not None and task.level == said.level


async def _objection_is_open(session: AsyncSession, said: Said) -> bool:
    row = await store.objection(session, number_of(said), said.word.objection_id)
    return row is not None and row.state == "open" and await _task_is_open(session, said)


async def _is_returned(session: AsyncSession, said: Said) -> bool:
    case = await store.case(session, number_of(said))
    return case is not None and case.stage == "correction"


async def _is_confirming(session: AsyncSession, said: Said) -> bool:
    case = await store.case(session, number_of(said))
    return case is not None and case.stage in CONFIRMING_STAGES and case.round == said.word.round


async def _retract(session: AsyncSession, said: Said) -> None:
    await store.retract(session, said.id)


async def _is_not_over(session: AsyncSession, said: Said) -> bool:
    case = await store.case(session, number_of(said))
    return case is not None and case.stage not in contract.ENDS


async def _is_on_notice(session: AsyncSession, said: Said) -> bool:
    case = await store.case(session, number_of(said))
    return case is not None and case.stage in NOTICE_STAGES


async def _drop_correction(session: AsyncSession, said: Said) -> None:
    case = await store.lock_case(session, number_of(said))
    if case is not None:
        await store.drop_correction(session, case, said.id)


async def _accept_objection(session: AsyncSession, said: Said) -> None:
    await store.accept_objection(session, said.word.objection_id)


async def _drop_objection(session: AsyncSession, said: Said) -> None:
    await store.drop_objection(session, said.word.objection_id)


KINDS: Final = (
    Kind(contract.DECIDE, contract.ReviewDecision, _task_is_open, _on_record, problems=PROBLEMS, not_now=_NOT_NOW),
    Kind(
        contract.CORRECT,
        contract.Correction,
        _is_returned,
        _on_record,
        refused=_drop_correction,
        problems=PROBLEMS,
        not_now=_NOT_NOW,
    ),
    Kind(
        contract.CONFIRM,
        contract.Confirmation,
        _is_confirming,
        _on_record,
        refused=_retract,
        problems=PROBLEMS,
        not_now=_NOT_NOW,
    ),
    # What he has taken back stays so, whatever the workflow says to it.
    Kind(contract.WITHDRAW_CONSENT, contract.ConsentWithdrawn, _is_not_over, _on_record, problems=PROBLEMS, not_now=_NOT_NOW),
    Kind(contract.WITHDRAW, contract.Withdrawal, _is_not_over, _on_record, problems=PROBLEMS, not_now=_NOT_NOW),
    Kind(
        contract.RAISE_OBJECTION,
        contract.ObjectionRaised,
        _is_on_notice,
        _on_record,
        taken=_accept_objection,
        refused=_drop_objection,
        problems=PROBLEMS,
        not_now=_NOT_NOW,
    ),
    Kind(contract.DECIDE_OBJECTION, contract.ObjectionDecision, _objection_is_open, _on_record, problems=PROBLEMS, not_now=_NOT_NOW),
)
