"""Every query of casework. Nobody here commits: the transaction belongs to the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from anju.common.v1 import common_pb2 as common
from anju_contracts.application import DECIDE, ENDS
from casekit.engine import OnRecord
from casekit.listing import NEVER, By, Listing
from casekit.words import REFUSED
from chassis.identity import Caller
from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    outerjoin,
    select,
    update,
)
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from casework.domain.progress import OBJECTION
from casework.process import START_APPLICATION
from casework.tables import (
    NUMBERS,
    Application,
    Consent,
    DeclaredRelative,
    Dossier,
    Draft,
    DutyHolder,
    Notice,
    Objection,
    Outbox,
    Proposal,
    Recusal,
    RecusalDeclaration,
    RegisteredSpouse,
    Resident,
    Signature,
    Task,
    Timeline,
    Word,
)

# Longer than any call lasts: an objection still pending after it was never taken, and must not keep its author from trying again.
_OBJECTION_IN_FLIGHT = timedelta(minutes=1)
_SEEN_ANEW = timedelta(hours=1)
# The doubt, in the vocabulary of the criteria.
MINOR_ELSEWHERE: Final = "minor_elsewhere"
# More households than name anybody who is not being made fun of.
_MOST_CLAIMS = 50

# What every step and every look runs; made once, since putting a statement together costs as much as sending it.
_NO = bindparam("no", type_=String)
_LOCK_CASE = select(Application).where(col(Application.no) == _NO).with_for_update()
_DECLARED = (
    select(Application, Dossier, Consent)
    .outerjoin(
        Dossier,
        and_(
            col(Dossier.application_no) == col(Application.no),
            col(Dossier.round) == func.coalesce(bindparam("round", type_=Integer), col(Application.round)),
            col(Dossier.round) <= col(Application.round),
        ),
    )
    .outerjoin(Consent, col(Consent.application_no) == col(Application.no))
    .where(col(Application.no) == _NO)
    .order_by(col(Consent.given_at), col(Consent.id))
)
_MEMBERS = select(func.unnest(col(Dossier.blinds))).where(
    col(Dossier.application_no) == _NO, col(Dossier.round) == bindparam("of_round", type_=Integer)
)
_AGREED = select(col(Consent.blind)).where(
    col(Consent.application_no) == _NO, col(Consent.agrees).is_(True), col(Consent.withdrawn_at).is_(None)
)
_ANYBODY_AWAITED = select(exists(_MEMBERS.except_(_AGREED)))
_TIMELINE = select(Timeline).where(col(Timeline.application_no) == _NO).order_by(col(Timeline.seq))
_OPEN_TASK_AND_NOTICE = (
    select(Task, Notice)
    .select_from(Application)
    .outerjoin(Task, and_(col(Task.application_no) == col(Application.no), col(Task.closed_at).is_(None)))
    .outerjoin(Notice, and_(col(Notice.application_no) == col(Application.no), col(Notice.closed_at).is_(None)))
    .where(col(Application.no) == _NO)
)
_OBJECTIONS = (
    select(Objection)
    .where(col(Objection.application_no) == _NO, col(Objection.state) != "pending")
    .order_by(col(Objection.raised_at), col(Objection.id))
)


# --- cases -------------------------------------------------------------------------------------------------------------------------------


async def next_number(session: AsyncSession) -> int:
    return int((await session.execute(select(NUMBERS.next_value()))).scalar_one())


async def case(session: AsyncSession, no: str) -> Application | None:
    return await session.get(Application, no)


async def lock_case(session: AsyncSession, no: str) -> Application | None:
    """The case, held until the transaction ends: steps of one case are recorded one after another."""
    found: Application | None = (await session.execute(_LOCK_CASE, {"no": no})).scalar_one_or_none()
    return found


def in_divisions(column: Any, divisions: Iterable[str]) -> ColumnElement[bool]:
    """As Caller.covers: a division code covers everything which starts with it. No divisions: nothing."""
    return or_(False, *(column.startswith(division, autoescape=True) for division in divisions))


_CASES = Listing(
    {
        "no": By(col(Application.seq), int),
        "deadline_at": By(func.coalesce(col(Application.deadline_at), NEVER), datetime),
        "updated_at": By(col(Application.updated_at), datetime),
    },
    own="-no",
    unique="no",
)


async def list_cases(
    session: AsyncSession,
    caller: Caller,
    *,
    stage: str,
    district: str,
    blocked: bool,
    overdue: bool,
    changed_since: datetime | None,
    asked: common.PageRequest,
) -> tuple[list[Application], common.PageInfo]:
    """The citizen's own, or those in the divisions of the staff member; the newest first unless asked otherwise."""
    query = select(Application)
    if caller.kind == "citizen":
        query = query.where(col(Application.owner) == caller.sub)
    else:
        query = query.where(in_divisions(col(Application.street), caller.divisions))
    if stage:
        query = query.where(col(Application.stage) == stage)
    if district:
        query = query.where(col(Application.district) == district)
    if blocked:
        query = query.where(col(Application.blocked_at).is_not(None))
    if overdue:
        query = query.where(col(Application.overdue).is_(True))
    if changed_since is not None:
        query = query.where(col(Application.updated_at) >= changed_since)
    rows, info = await _CASES.page(session, query, asked)
    return [row[0] for row in rows], info


async def cases_in_reach(
    session: AsyncSession, caller: Caller, most: int, *, no: str = "", person: str = "", name: str = ""
) -> Sequence[Application]:
    """Cases in the divisions of the staff member, newest first: the one of a number, or those whose dossier of now names somebody by blind index of his
    number or of his name."""
    query = (
        select(Application).where(in_divisions(col(Application.street), caller.divisions)).order_by(col(Application.seq).desc()).limit(most)
    )
    if no:
        return (await session.execute(query.where(col(Application.no) == no))).scalars().all()
    now = and_(col(Dossier.application_no) == col(Application.no), col(Dossier.round) == col(Application.round))
    named = col(Dossier.blinds).contains([person]) if person else col(Dossier.name_blinds).contains([name])
    return (await session.execute(query.join(Dossier, now).where(named))).scalars().all()


async def counters(session: AsyncSession, divisions: Sequence[str], district: str) -> Sequence[Any]:
    """Rows (district, street, stage, count)."""
    place = (col(Application.district), col(Application.street), col(Application.stage))
    query = select(*place, func.count()).where(in_divisions(col(Application.street), divisions)).group_by(*place).order_by(*place)
    if district:
        query = query.where(col(Application.district) == district)
    return (await session.execute(query)).all()


async def on_record(session: AsyncSession, no: str) -> OnRecord:
    """How a case stands by its record. Until its first step its workflow may still be on its way: the entry that starts it is not delivered yet."""
    found = await case(session, no)
    if found is None or found.stage in ENDS:
        return OnRecord.OVER
    on_its_way = select(exists().where(_on_its_way(), col(Outbox.payload)["no"].astext == no))
    return OnRecord.STARTING if (await session.execute(on_its_way)).scalar_one() else OnRecord.OPEN


def _on_its_way() -> ColumnElement[bool]:
    return and_(col(Outbox.kind) == START_APPLICATION, col(Outbox.done_at).is_(None))


async def served_cases(session: AsyncSession) -> Sequence[Application]:
    """Open cases, without those whose workflow is still on its way to the engine."""
    starting = select(col(Outbox.payload)["no"].astext).where(_on_its_way())
    query = select(Application).where(col(Application.outcome) == "", col(Application.no).not_in(starting)).order_by(col(Application.seq))
    return (await session.execute(query)).scalars().all()


async def mark_blocked(session: AsyncSession, numbers: Sequence[str], at: datetime | None) -> None:
    """Notes since when nobody works on these cases, as far as they are open; None: somebody does again."""
    marking = update(Application).where(col(Application.no).in_(numbers)).values(blocked_at=at)
    await session.execute(marking if at is None else marking.where(col(Application.outcome) == "", col(Application.blocked_at).is_(None)))


# --- households --------------------------------------------------------------------------------------------------------------------------


async def name_residents(session: AsyncSession, no: str, blinds: Sequence[str], round_: int, applicant: str) -> bool:
    """Enters the members of a household; False when its applicant stands in another active application which is his own, or which he has confirmed.
    The others are only named: that keeps nobody from anything.

    A concurrent claim of the same person waits here until the other transaction ends: exactly one of two gets the person.
    """
    values = [
        {"application_no": no, "blind": blind, "since_round": round_, "active": True, "confirmed": blind == applicant} for blind in blinds
    ]
    await session.execute(insert(Resident).values(values).on_conflict_do_nothing())
    return await _is_confirmed(session, no, applicant)


async def confirm_resident(session: AsyncSession, no: str, blind: str) -> bool:
    """Takes a person who has confirmed into the household; False when he stands in another active application. Waits as ``name_residents`` does."""
    try:
        async with session.begin_nested():
            mine = (col(Resident.application_no) == no, col(Resident.blind) == blind, col(Resident.active).is_(True))
            await session.execute(update(Resident).where(*mine).values(confirmed=True))
    except IntegrityError:
        return False
    return await _is_confirmed(session, no, blind)


async def release_resident(session: AsyncSession, no: str, blind: str) -> None:
    """Whom this household has no word of stands in it no longer, and may be confirmed in another."""
    mine = (col(Resident.application_no) == no, col(Resident.blind) == blind)
    await session.execute(update(Resident).where(*mine).values(confirmed=False))


async def _is_confirmed(session: AsyncSession, no: str, blind: str) -> bool:
    mine = (col(Resident.application_no) == no, col(Resident.blind) == blind, col(Resident.active).is_(True))
    return bool((await session.execute(select(exists().where(*mine, col(Resident.confirmed).is_(True))))).scalar_one())


async def retract(session: AsyncSession, word_id: str) -> None:
    """A confirmation which the workflow has refused was none."""
    gone = (await session.execute(delete(Consent).where(col(Consent.id) == word_id).returning(Consent))).scalar_one_or_none()
    if gone is not None and gone.agrees:
        await release_resident(session, gone.application_no, gone.blind)


async def unconfirmed(session: AsyncSession, no: str, blinds: Iterable[str]) -> frozenset[str]:
    """Those of these members who have not agreed to be asked about."""
    return frozenset(blinds) - frozenset((await session.execute(_AGREED, {"no": no})).scalars().all())


async def withdraw_consent(session: AsyncSession, no: str, blind: str, at: datetime, *, leaves: bool) -> Consent | None:
    """Ends a person's consent; None when he has given none. ``leaves``: he has not been asked about, and stands in the household no longer."""
    mine = (
        col(Consent.application_no) == no,
        col(Consent.blind) == blind,
        col(Consent.agrees).is_(True),
        col(Consent.withdrawn_at).is_(None),
    )
    ended = (await session.execute(update(Consent).where(*mine).values(withdrawn_at=at).returning(Consent))).scalar_one_or_none()
    if ended is not None and leaves:
        await release_resident(session, no, blind)
    return ended


async def on_its_way(session: AsyncSession, workflow_id: str, update_name: str, since: datetime) -> str | None:
    """A word said since then that is not on record as a step yet, nor refused. (One that was dropped never will be.)"""
    query = select(col(Word.id)).where(
        col(Word.workflow_id) == workflow_id,
        col(Word.update_name) == update_name,
        col(Word.step_id) == "",
        col(Word.state) != REFUSED,
        col(Word.said_at) > since,
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def anybody_awaited(session: AsyncSession, no: str, round_: int) -> bool:
    """Whether somebody of a dossier has not agreed to be asked about."""
    return bool((await session.execute(_ANYBODY_AWAITED, {"no": no, "of_round": round_})).scalar_one())


async def naming(session: AsyncSession, person: str) -> Sequence[Declared]:
    """Open cases that name a person, the newest first; with their own dossiers, and what this person has said."""
    query = (
        select(Application, Dossier, Consent)
        .join(Resident, and_(col(Resident.application_no) == col(Application.no), col(Resident.blind) == person))
        .join(Dossier, and_(col(Dossier.application_no) == col(Application.no), col(Dossier.round) == col(Application.round)))
        .outerjoin(Consent, and_(col(Consent.application_no) == col(Application.no), col(Consent.blind) == person))
        .where(col(Resident.active).is_(True), col(Application.outcome) == "", col(Dossier.blinds).contains([person]))
        .order_by(col(Application.seq).desc(), col(Consent.given_at))
        .limit(_MOST_CLAIMS)
    )
    found: dict[str, Declared] = {}
    for case, row, consent in (await session.execute(query)).all():
        known = found.setdefault(case.no, Declared(case, row, []))
        if consent is not None:
            found[case.no] = known._replace(consents=[*known.consents, consent])
    return list(found.values())


async def named_elsewhere(session: AsyncSession, no: str, blinds: Sequence[str]) -> frozenset[str]:
    """Those of these people whom another active case names too."""
    query = select(col(Resident.blind)).where(
        col(Resident.blind).in_(blinds), col(Resident.active).is_(True), col(Resident.application_no) != no
    )
    return frozenset((await session.execute(query)).scalars().all())


def _shares_a_minor(no: str) -> ColumnElement[bool]:
    other = aliased(Resident)
    query = (
        select(Consent)
        .join(Resident, and_(col(Resident.application_no) == no, col(Resident.blind) == col(Consent.blind)))
        .join(other, and_(col(other.blind) == col(Consent.blind), col(other.application_no) != no))
        .where(col(Consent.application_no) == no, col(Consent.channel) == "parent", col(Consent.withdrawn_at).is_(None))
        .where(col(Resident.active).is_(True), col(other.active).is_(True))
    )
    return query.exists()


async def shares_a_minor(session: AsyncSession, no: str) -> bool:
    """Whether another active case names a minor of this household, for whom its applicant speaks."""
    return bool((await session.execute(select(_shares_a_minor(no)))).scalar_one())


async def takes_one(session: AsyncSession, no: str, key: str) -> bool:
    """That nothing stands against an approval at this moment (``against``), and this one has not been proposed before."""
    proposed = exists().where(col(Proposal.id) == key)
    found = (
        await session.execute(select(col(Application.doubts), _shares_a_minor(no), proposed).where(col(Application.no) == no))
    ).one_or_none()
    return found is not None and not any(found)


async def against(session: AsyncSession, case: Application) -> Sequence[str]:
    """Codes of what stands against an approval now, so that it takes two: what the assessment found, and a minor whom another household names too."""
    return [*case.doubts, *([MINOR_ELSEWHERE] if await shares_a_minor(session, case.no) else [])]


async def own_cases(session: AsyncSession, blinds: Sequence[str], except_no: str) -> Sequence[str]:
    """Numbers of other active cases in which one of these people is the applicant."""
    query = (
        select(col(Application.no))
        .join(Consent, and_(col(Consent.application_no) == col(Application.no), col(Consent.given_by) == col(Application.owner)))
        .join(Resident, and_(col(Resident.application_no) == col(Application.no), col(Resident.blind) == col(Consent.blind)))
        .where(col(Consent.channel) == "self", col(Consent.blind).in_(blinds), col(Resident.active).is_(True))
        .where(col(Application.no) != except_no)
    )
    return (await session.execute(query)).scalars().all()


async def own_case_of(session: AsyncSession, owner: str, blinds: Sequence[str], except_no: str) -> str:
    """Number of the owner's other active case with one of these members; "" when it is somebody else's."""
    query = (
        select(col(Application.no))
        .join(Resident, col(Resident.application_no) == col(Application.no))
        .where(col(Resident.blind).in_(blinds), col(Resident.active).is_(True), col(Application.owner) == owner)
        .where(col(Application.no) != except_no)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none() or ""


async def keep_residents(session: AsyncSession, no: str, blinds: Sequence[str]) -> None:
    """After a correction: who is no longer in the household is free to apply elsewhere."""
    await session.execute(delete(Resident).where(col(Resident.application_no) == no, col(Resident.blind).not_in(blinds)))


async def release_residents(session: AsyncSession, no: str) -> None:
    await session.execute(update(Resident).where(col(Resident.application_no) == no).values(active=False))


# --- dossiers ----------------------------------------------------------------------------------------------------------------------------


async def dossier(session: AsyncSession, no: str, round_: int) -> Dossier | None:
    return await session.get(Dossier, (no, round_))


async def drop_correction(session: AsyncSession, case: Application, request_id: str) -> None:
    """Removes a refused correction with everything it brought; a correction which has become the case's dossier stays."""
    gone = (
        delete(Dossier)
        .where(col(Dossier.application_no) == case.no, col(Dossier.round) > case.round, col(Dossier.request_id) == request_id)
        .returning(col(Dossier.round))
    )
    for round_ in (await session.execute(gone)).scalars().all():
        await session.execute(delete(Resident).where(col(Resident.application_no) == case.no, col(Resident.since_round) == round_))
        await session.execute(delete(Consent).where(col(Consent.application_no) == case.no, col(Consent.round) == round_))


class Declared(NamedTuple):
    """A case with its dossier of a round, and everything its members have said to being asked about, in the order in which they did."""

    case: Application
    dossier: Dossier | None
    consents: Sequence[Consent]

    @property
    def applicants(self) -> Consent | None:
        """The applicant's own, which came with the submission."""
        return next((each for each in self.consents if each.channel == "self" and each.given_by == self.case.owner), None)

    def given(self) -> dict[str, Consent]:
        """By blind index of the person."""
        return {each.blind: each for each in self.consents if each.agrees and each.withdrawn_at is None}


async def declared(session: AsyncSession, no: str, round_: int = 0) -> Declared | None:
    """With the dossier of a round, 0 for the newest the workflow has taken. One it has not taken yet does not exist for anybody."""
    rows = (await session.execute(_DECLARED, {"no": no, "round": round_ or None})).all()
    return Declared(rows[0][0], rows[0][1], [row[2] for row in rows if row[2] is not None]) if rows else None


# --- timeline ----------------------------------------------------------------------------------------------------------------------------


async def timeline(session: AsyncSession, no: str) -> Sequence[Timeline]:
    return (await session.execute(_TIMELINE, {"no": no})).scalars().all()


# --- tasks -------------------------------------------------------------------------------------------------------------------------------


async def open_task_and_notice(session: AsyncSession, no: str) -> tuple[Task | None, Notice | None]:
    task, notice = (await session.execute(_OPEN_TASK_AND_NOTICE, {"no": no})).one()
    return task, notice


async def open_task(session: AsyncSession, no: str) -> Task | None:
    query = select(Task).where(col(Task.application_no) == no, col(Task.closed_at).is_(None))
    return (await session.execute(query)).scalar_one_or_none()


class Standing(NamedTuple):
    """How somebody stands to the open task of a case, as an account or as a person under another."""

    # "" for none open.
    level: str
    # Events of the steps he has made in the case before, and levels at which he has proposed an approval.
    made: frozenset[str]
    proposed: frozenset[str]
    # Why he does not act in the case; "" when nothing is known against it.
    recusal: str


async def standing(session: AsyncSession, no: str, caller: Caller) -> Standing:
    made = (
        select(func.array_agg(col(Timeline.event)))
        .select_from(outerjoin(Timeline, Word, col(Word.id) == col(Timeline.word_id)))
        .where(col(Timeline.application_no) == no, _by(col(Timeline.actor), col(Word.person), caller))
        .scalar_subquery()
    )
    proposed = (
        select(func.array_agg(col(Proposal.level)))
        .where(col(Proposal.application_no) == no, _by(col(Proposal.sub), col(Proposal.person), caller))
        .scalar_subquery()
    )
    query = (
        select(col(Task.level), made, proposed, _recusal(caller))
        .select_from(outerjoin(Application, Task, and_(col(Task.application_no) == col(Application.no), col(Task.closed_at).is_(None))))
        .where(col(Application.no) == no)
    )
    level, events, levels, recusal = (await session.execute(query)).one()
    return Standing(level or "", frozenset(events or ()), frozenset(levels or ()), recusal)


async def was_said(session: AsyncSession, word_id: str) -> bool:
    """That there is such a word, and it was not refused."""
    return bool((await session.execute(select(exists().where(col(Word.id) == word_id, col(Word.state) != REFUSED)))).scalar_one())


async def proposal(session: AsyncSession, no: str) -> Proposal | None:
    """The approval proposed on the open task."""
    query = select(Proposal).join(Task, col(Task.id) == col(Proposal.task_id))
    return (await session.execute(query.where(col(Task.application_no) == no, col(Task.closed_at).is_(None)))).scalar_one_or_none()


async def proposals(session: AsyncSession, no: str) -> Sequence[Proposal]:
    return (await session.execute(select(Proposal).where(col(Proposal.application_no) == no))).scalars().all()


async def is_seconded(session: AsyncSession, no: str, level: str, word_id: str) -> bool:
    """That a word is the second person's agreement to an approval proposed at this level."""
    query = select(exists().where(col(Proposal.application_no) == no, col(Proposal.level) == level, col(Proposal.word_id) == word_id))
    return bool((await session.execute(query)).scalar_one())


async def sign(session: AsyncSession, word_id: str, official_sealed: bytes) -> None:
    """Keeps whose word it is; of a word that was refused and is said again, who says it now."""
    given = insert(Signature).values(word_id=word_id, official_sealed=official_sealed)
    await session.execute(given.on_conflict_do_update(index_elements=["word_id"], set_={"official_sealed": given.excluded.official_sealed}))


async def decisions(session: AsyncSession, no: str) -> Sequence[tuple[Timeline, Word, Signature | None]]:
    """The steps in which levels decided, each with the word behind it and who signed it, in order."""
    query = (
        select(Timeline, Word, Signature)
        .join(Word, col(Word.id) == col(Timeline.word_id))
        .outerjoin(Signature, col(Signature.word_id) == col(Word.id))
        .where(col(Timeline.application_no) == no, col(Word.update_name) == DECIDE)
        .order_by(col(Timeline.seq))
    )
    return [(step, word, signed) for step, word, signed in (await session.execute(query)).all()]


def _of_household(person: str) -> ColumnElement[bool]:
    """That a person belongs to the household of the application in the query; nobody does whose number nobody has verified."""
    own = exists().where(col(Resident.application_no) == col(Application.no), col(Resident.blind) == person)
    return own if person else false()


async def is_of_household(session: AsyncSession, no: str, person: str) -> bool:
    query = select(_of_household(person)).select_from(Application).where(col(Application.no) == no)
    return bool(person) and bool((await session.execute(query)).scalar_one_or_none())


def _by(column_sub: Any, column_person: Any, caller: Caller) -> ColumnElement[bool]:
    """That a row is the caller's: under this account, or as the same person under another."""
    same: ColumnElement[bool] = column_sub == caller.sub
    return or_(same, column_person == caller.person) if caller.person else same


def _recusal(caller: Caller) -> ColumnElement[str]:
    """Why the caller does not act in the application of the query, as a code of the vocabulary ``recusals``; "" when nothing is known against it."""
    declared = (
        select(col(RecusalDeclaration.id))
        .where(_by(col(RecusalDeclaration.sub), col(RecusalDeclaration.person), caller))
        .order_by(col(RecusalDeclaration.declared_at).desc(), col(RecusalDeclaration.id))
        .limit(1)
        .scalar_subquery()
    )
    own = or_(col(Application.owner) == caller.sub, _of_household(caller.person))
    spouse = exists().where(
        col(RegisteredSpouse.application_no) == col(Application.no),
        col(RegisteredSpouse.blind) == caller.person,
        literal(bool(caller.person)),
    )
    relative = exists().where(
        col(Resident.application_no) == col(Application.no),
        col(Resident.blind) == col(DeclaredRelative.blind),
        col(DeclaredRelative.declaration_id) == declared,
    )
    neighbour = exists().where(
        col(RecusalDeclaration.id) == declared,
        col(RecusalDeclaration.community) == col(Application.community),
        col(Application.community) != "",
    )
    left = exists().where(col(Recusal.application_no) == col(Application.no), _by(col(Recusal.sub), col(Recusal.person), caller))
    return sql_case(
        (own, "OWN_CASE"),
        (spouse, "SPOUSE_CASE"),
        (relative, "RELATIVE_CASE"),
        (neighbour, "OWN_COMMUNITY"),
        (left, "RECUSED"),
        else_="",
    )


async def recusal(session: AsyncSession, no: str, caller: Caller) -> str:
    found: str | None = (
        await session.execute(select(_recusal(caller)).select_from(Application).where(col(Application.no) == no))
    ).scalar_one_or_none()
    return found or ""


class Listed(NamedTuple):
    task: Task
    case: Application
    # Code of the vocabulary ``task_states``, and why the reader does not decide it.
    state: str
    recusal: str


_TASKS = Listing(
    {
        "deadline_at": By(col(Task.deadline_at), datetime),
        "opened_at": By(col(Task.opened_at), datetime),
        "application_no": By(col(Task.application_no), str),
    },
    own="deadline_at",
    unique="application_no",
)


async def list_tasks(
    session: AsyncSession, caller: Caller, levels: Mapping[str, str], state: str, asked: common.PageRequest, *, overdue: bool = False
) -> tuple[list[Listed], common.PageInfo]:
    """Open tasks of these levels (code to scope) in the caller's divisions, the nearest deadline first unless asked otherwise; those he does not decide
    marked so. ``state``: only these, "" for any."""
    by_level = [
        and_(
            or_(col(Task.level) == level, and_(col(Task.level) == OBJECTION, col(Application.objection_level) == level)),
            in_divisions(col(Application.street if scope == "street" else Application.district), caller.divisions),
        )
        for level, scope in levels.items()
    ]
    mine = _by(col(Proposal.sub), col(Proposal.person), caller)
    spoken = (col(Timeline.word_id) == col(Word.id), col(Word.update_name) == DECIDE, _by(col(Word.sub), col(Word.person), caller))
    decided = exists().where(col(Timeline.application_no) == col(Application.no), *spoken, col(Word.level) != col(Task.level))
    why = sql_case((_recusal(caller) != "", _recusal(caller)), (and_(col(Task.level) != OBJECTION, decided), "SAME_REVIEWER"), else_="")
    states = sql_case((why != "", "recusal"), (col(Proposal.id).is_(None), "open"), (mine, "proposed"), else_="second")
    query = (
        select(Task, Application, states, why)
        .join(Application, col(Application.no) == col(Task.application_no))
        .outerjoin(Proposal, col(Proposal.task_id) == col(Task.id))
        .where(col(Task.closed_at).is_(None), or_(False, *by_level))
    )
    if state:
        query = query.where(states == state)
    if overdue:
        query = query.where(col(Task.overdue).is_(True))
    rows, info = await _TASKS.page(session, query, asked)
    return [Listed(*row) for row in rows], info


# --- recusals (回避) -----------------------------------------------------------------------------------------------------------------------


async def declaration(session: AsyncSession, caller: Caller) -> tuple[RecusalDeclaration, Sequence[DeclaredRelative]] | None:
    """The newest declaration of a person, with the relatives in it."""
    query = (
        select(RecusalDeclaration)
        .where(_by(col(RecusalDeclaration.sub), col(RecusalDeclaration.person), caller))
        .order_by(col(RecusalDeclaration.declared_at).desc(), col(RecusalDeclaration.id))
        .limit(1)
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        return None
    relatives = select(DeclaredRelative).where(col(DeclaredRelative.declaration_id) == found.id).order_by(col(DeclaredRelative.kinship))
    return found, (await session.execute(relatives)).scalars().all()


async def recusals(session: AsyncSession, no: str) -> Sequence[Recusal]:
    query = select(Recusal).where(col(Recusal.application_no) == no).order_by(col(Recusal.at), col(Recusal.id))
    return (await session.execute(query)).scalars().all()


async def see_duties(session: AsyncSession, caller: Caller, roles: Iterable[str], at: datetime) -> None:
    """Notes that somebody holds these duties; once an hour is enough."""
    values = [
        {"role": role, "sub": caller.sub, "person": caller.person, "divisions": list(caller.divisions), "seen_at": at} for role in roles
    ]
    if not values:
        return
    seen = insert(DutyHolder).values(values)
    new = seen.excluded
    changed = or_(
        col(DutyHolder.seen_at) < at - _SEEN_ANEW, col(DutyHolder.divisions) != new.divisions, col(DutyHolder.person) != new.person
    )
    await session.execute(
        seen.on_conflict_do_update(
            index_elements=["role", "sub"],
            set_={"person": new.person, "divisions": new.divisions, "seen_at": new.seen_at},
            where=changed,
        )
    )


async def holders(session: AsyncSession, role: str, since: datetime) -> Sequence[DutyHolder]:
    """Who has looked at the tasks of a duty since then."""
    query = select(DutyHolder).where(col(DutyHolder.role) == role, col(DutyHolder.seen_at) >= since).order_by(col(DutyHolder.sub))
    return (await session.execute(query)).scalars().all()


async def note_spouses(session: AsyncSession, no: str, blinds: Iterable[str]) -> None:
    """Those of them who are of the household stand in it already; the others do not decide its case either."""
    values = [{"application_no": no, "blind": blind} for blind in blinds]
    if values:
        await session.execute(insert(RegisteredSpouse).values(values).on_conflict_do_nothing())


# --- public notices and objections -------------------------------------------------------------------------------------------------------


async def list_notices(session: AsyncSession, district: str, before: int | None, size: int) -> Sequence[tuple[Notice, Application]]:
    """Notices on show, newest first."""
    query = (
        select(Notice, Application)
        .join(Application, col(Application.no) == col(Notice.application_no))
        .where(col(Notice.closed_at).is_(None), col(Notice.suspended).is_(False))
        .order_by(col(Notice.id).desc())
        .limit(size + 1)
    )
    if district:
        query = query.where(col(Application.district) == district)
    if before is not None:
        query = query.where(col(Notice.id) < before)
    return [(notice, found) for notice, found in (await session.execute(query)).all()]


async def objection(session: AsyncSession, no: str, objection_id: str) -> Objection | None:
    found = await session.get(Objection, objection_id)
    return found if found is not None and found.application_no == no else None


async def objections(session: AsyncSession, no: str) -> Sequence[Objection]:
    """Those the workflow has taken, in the order in which they are answered."""
    return (await session.execute(_OBJECTIONS, {"no": no})).scalars().all()


async def objections_on_record(session: AsyncSession, no: str) -> Sequence[Objection]:
    """Open ones which have brought the case to a review, in the order in which they did."""
    query = (
        select(Objection)
        .join(Timeline, and_(col(Timeline.application_no) == no, col(Timeline.objection_id) == col(Objection.id)))
        .where(col(Objection.application_no) == no, col(Objection.state) == "open", col(Timeline.event) == "objection_raised")
        .order_by(col(Timeline.seq))
    )
    return (await session.execute(query)).scalars().all()


def _raised_by(caller: Caller) -> ColumnElement[bool]:
    return _by(col(Objection.raised_by), col(Objection.person), caller)


async def raised(session: AsyncSession, objection_id: str, caller: Caller) -> bool:
    """That the objection is the caller's, under this account or another."""
    return bool((await session.execute(select(exists().where(col(Objection.id) == objection_id, _raised_by(caller))))).scalar_one())


async def has_open_objection(session: AsyncSession, no: str, caller: Caller) -> bool:
    query = select(
        exists().where(
            col(Objection.application_no) == no,
            _raised_by(caller),
            or_(
                col(Objection.state) == "open",
                and_(col(Objection.state) == "pending", col(Objection.raised_at) > func.now() - _OBJECTION_IN_FLIGHT),
            ),
        )
    )
    return bool((await session.execute(query)).scalar_one())


async def dismissed_objections(session: AsyncSession, no: str, caller: Caller) -> Sequence[Objection]:
    """Those of one person against one case which were answered."""
    query = select(Objection).where(col(Objection.application_no) == no, _raised_by(caller), col(Objection.state) == "dismissed")
    return (await session.execute(query)).scalars().all()


async def accept_objection(session: AsyncSession, objection_id: str) -> None:
    await session.execute(
        update(Objection).where(col(Objection.id) == objection_id, col(Objection.state) == "pending").values(state="open")
    )


async def close_objections(session: AsyncSession, no: str) -> None:
    """The case has ended: nobody will answer them any more."""
    await session.execute(
        update(Objection).where(col(Objection.application_no) == no, col(Objection.state) == "open").values(state="closed")
    )


async def drop_objection(session: AsyncSession, objection_id: str) -> None:
    await session.execute(delete(Objection).where(col(Objection.id) == objection_id, col(Objection.state) == "pending"))


# --- drafts -------------------------------------------------------------------------------------------------------------------------------


async def draft(session: AsyncSession, owner: str, application_no: str, at: datetime) -> Draft | None:
    """None also for one whose time is over ``at`` that instant."""
    query = select(Draft).where(col(Draft.owner) == owner, col(Draft.application_no) == application_no, col(Draft.expires_at) > at)
    return (await session.execute(query)).scalar_one_or_none()


async def save_draft(
    session: AsyncSession, owner: str, application_no: str, sealed: bytes, if_version: int, at: datetime, expires_at: datetime
) -> Draft | None:
    """The draft as saved; None when another version is on record than ``if_version``, 0 for none. One whose time is over counts as none."""
    key = (col(Draft.owner) == owner, col(Draft.application_no) == application_no)
    values = {"sealed": sealed, "saved_at": at, "expires_at": expires_at}
    if if_version:
        changed = update(Draft).where(*key, col(Draft.version) == if_version, col(Draft.expires_at) > at)
        return (await session.execute(changed.values(**values, version=if_version + 1).returning(Draft))).scalar_one_or_none()
    added = insert(Draft).values(owner=owner, application_no=application_no, version=1, **values)
    # Above the old one's version: who still has that on his screen writes over nothing.
    again = {**values, "version": col(Draft.version) + 1}
    added = added.on_conflict_do_update(index_elements=["owner", "application_no"], set_=again, where=col(Draft.expires_at) <= at)
    return (await session.execute(added.returning(Draft))).scalar_one_or_none()


async def delete_draft(session: AsyncSession, owner: str, application_no: str) -> None:
    await session.execute(delete(Draft).where(col(Draft.owner) == owner, col(Draft.application_no) == application_no))


async def prune_drafts(session: AsyncSession, at: datetime) -> None:
    await session.execute(delete(Draft).where(col(Draft.expires_at) <= at))
