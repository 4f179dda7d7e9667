"""Every query of registry-gateway."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from anju.common.v1 import common_pb2 as common
from anju_contracts.application import LookupOutcome
from anju_terms import Title
from casekit.listing import By, Listing
from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, exists, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from registry_gateway.domain.chain import GENESIS, entry_hash
from registry_gateway.tables import AccessLog, Lookup, QueryObjection, Receipt

# Any constant will do: it makes writers of the chain queue up, also across replicas.
_CHAIN_LOCK = 7_403_001

_HOLD = text(f"SELECT pg_advisory_xact_lock({_CHAIN_LOCK})")
# In one round trip. Should another replica end between the statement's first look and its hold, both write the same number: the table refuses the
# second, whose question is not asked, and is asked for again.
_HOLD_AND_LAST = text(
    f"""
    SELECT pg_try_advisory_xact_lock({_CHAIN_LOCK}), last.seq, last.hash
    FROM (VALUES (1)) AS always LEFT JOIN (SELECT seq, hash FROM access_log ORDER BY seq DESC LIMIT 1) AS last ON true
    """  # noqa: S608  # our own number
)

_log = cast(Table, AccessLog.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
_objection = cast(Table, QueryObjection.__table__)  # type: ignore[attr-defined]
_lookup = cast(Table, Lookup.__table__)  # type: ignore[attr-defined]
_receipt = cast(Table, Receipt.__table__)  # type: ignore[attr-defined]

# Made once: putting a statement together costs as much as sending it.
_OF_ROUND = (_receipt.c.application_no == bindparam("no"), _receipt.c.round == bindparam("of_round"))
_RECEIPTS = (
    select(_receipt)
    .ext(distinct_on(_receipt.c.register_name, _receipt.c.subject_index, _receipt.c.endpoint))
    .where(*_OF_ROUND)
    .order_by(
        _receipt.c.register_name,
        _receipt.c.subject_index,
        _receipt.c.endpoint,
        _receipt.c.accepted.desc(),
        _receipt.c.received_at.desc(),
    )
)
_RECEIPTS_OF_REGISTER = _RECEIPTS.where(_receipt.c.register_name == bindparam("register"))
_OF_LOOKUP = (
    _lookup.c.application_no == bindparam("no"),
    _lookup.c.round == bindparam("of_round"),
    _lookup.c.register_name == bindparam("register"),
)
_LOOKUP = select(_lookup).where(*_OF_LOOKUP)
_BEGIN_TRY = (
    insert(_lookup)
    .values(
        application_no=bindparam("no"),
        round=bindparam("of_round"),
        register_name=bindparam("register"),
        outcome="",
        summary_zh="",
        summary_en="",
        tries=1,
        last_try_at=bindparam("as_of"),
        finished=False,
        begun_at=func.now(),
        tried_at=func.now(),
    )
    .on_conflict_do_update(
        index_elements=[_lookup.c.application_no, _lookup.c.round, _lookup.c.register_name],
        set_={"tries": _lookup.c.tries + 1, "last_try_at": bindparam("as_of"), "tried_at": func.now()},
        where=_lookup.c.finished.is_(False),
    )
)
_END_TRY = (
    _lookup.update()
    .where(*_OF_LOOKUP, _lookup.c.finished.is_(False))
    .values(outcome=bindparam("came_to"), summary_zh=bindparam("zh"), summary_en=bindparam("en"), finished=bindparam("over"))
    .returning(_lookup)
)


# --- access log --------------------------------------------------------------------------------------------------------------------------


async def append(session: AsyncSession, entries: Sequence[dict[str, Any]]) -> None:
    """Writes entries at the end of the chain; holds it until the transaction ends."""
    held, seq, prev_hash = (await session.execute(_HOLD_AND_LAST)).one()
    if not held:
        # Another replica is writing: wait for its end, then look where the chain ends now.
        await session.execute(_HOLD)
        _, seq, prev_hash = (await session.execute(_HOLD_AND_LAST)).one()
    if seq is None:
        seq, prev_hash = 0, GENESIS
    rows = []
    for entry in entries:
        seq += 1
        row = {**entry, "seq": seq, "prev_hash": prev_hash}
        prev_hash = row["hash"] = entry_hash(prev_hash, row)
        rows.append(row)
    await session.execute(_log.insert(), rows)


async def chain(session: AsyncSession, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
    """Entries of the log in order, as ``domain.chain.first_bad`` wants them."""
    rows = await session.execute(select(_log).where(_log.c.seq > after).order_by(_log.c.seq).limit(limit))
    return [dict(row._mapping) for row in rows]


async def accesses_of_case(session: AsyncSession, application_no: str, size: int, before_seq: int | None) -> Sequence[Row[Any]]:
    """Questions about a case, newest first, each with the outcome of its answer ("" when none came)."""
    return await _accesses(session, _log.c.application_no == application_no, size, before_seq)


async def accesses_about(session: AsyncSession, person: str, size: int, before_seq: int | None) -> Sequence[Row[Any]]:
    """Questions about one person, whoever's case they belong to; else as ``accesses_of_case``."""
    return await _accesses(session, _log.c.person == person, size, before_seq)


async def _accesses(session: AsyncSession, which: ColumnElement[bool], size: int, before_seq: int | None) -> Sequence[Row[Any]]:
    answer = _log.alias("answer")
    joined = _log.outerjoin(answer, and_(answer.c.attempt_id == _log.c.attempt_id, answer.c.kind == "answer"))
    query = (
        select(_log, func.coalesce(answer.c.outcome, "").label("answered"))
        .select_from(joined)
        .where(which, _log.c.kind == "question")
        .order_by(_log.c.seq.desc())
        .limit(size)
    )
    if before_seq is not None:
        query = query.where(_log.c.seq < before_seq)
    return (await session.execute(query)).all()


# --- objections --------------------------------------------------------------------------------------------------------------------------


async def was_asked_about(session: AsyncSession, request_id: str, person: str) -> bool:
    """That this question was about this person."""
    query = select(exists().where(_log.c.kind == "question", _log.c.request_id == request_id, _log.c.person == person))
    return bool((await session.execute(query)).scalar_one())


async def add_objection(session: AsyncSession, values: dict[str, Any]) -> Row[Any] | None:
    """None when there is one of that id. Raises IntegrityError (``ONE_OPEN``) while another one at that entry is open."""
    new = {**values, "state": "open", "answer_sealed": b"", "answered_by": ""}
    added = insert(_objection).values(**new).on_conflict_do_nothing(index_elements=["id"]).returning(_objection)
    row: Row[Any] | None = (await session.execute(added)).one_or_none()
    return row


async def objection(session: AsyncSession, objection_id: str) -> Row[Any] | None:
    """With the case of the query it is about."""
    question = _log.alias("question")
    joined = _objection.join(question, and_(question.c.request_id == _objection.c.request_id, question.c.kind == "question"))
    query = select(_objection, question.c.application_no).select_from(joined).where(_objection.c.id == objection_id)
    return (await session.execute(query)).one_or_none()


async def objections_of(session: AsyncSession, person: str, request_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Of one person at these entries, the latest last."""
    query = (
        select(_objection).where(_objection.c.person == person, _objection.c.request_id.in_(request_ids)).order_by(_objection.c.raised_at)
    )
    return (await session.execute(query)).all()


async def answered_objections(session: AsyncSession, request_id: str, person: str) -> Sequence[Row[Any]]:
    """What one person has had against one query, and was answered."""
    query = select(_objection).where(_objection.c.request_id == request_id, _objection.c.person == person, _objection.c.state != "open")
    return (await session.execute(query)).all()


_OBJECTIONS = Listing(
    {
        "due_at": By(_objection.c.due_at, datetime),
        "raised_at": By(_objection.c.raised_at, datetime),
        "id": By(_objection.c.id, str),
    },
    own="due_at",
    unique="id",
)


async def objections(session: AsyncSession, state: str, asked: common.PageRequest) -> tuple[Sequence[Row[Any]], common.PageInfo]:
    """Objections with the questions they are about and the outcome of these, what is due first first unless asked otherwise."""
    listed = select(_objection.c.id)
    if state:
        listed = listed.where(_objection.c.state == state)
    found, info = await _OBJECTIONS.page(session, listed, asked)
    order = {row[0]: place for place, row in enumerate(found)}
    question, answer = _log.alias("question"), _log.alias("answer")
    joined = _objection.join(question, and_(question.c.request_id == _objection.c.request_id, question.c.kind == "question"))
    joined = joined.outerjoin(answer, and_(answer.c.attempt_id == question.c.attempt_id, answer.c.kind == "answer"))
    about = [column for column in question.c if column.name not in _objection.c]
    query = select(_objection, *about, func.coalesce(answer.c.outcome, "").label("answered")).select_from(joined)
    rows = (await session.execute(query.where(_objection.c.id.in_(order)))).all()
    return sorted(rows, key=lambda row: order[row.id]), info


async def answer_objection(
    session: AsyncSession, objection_id: str, state: str, answered_by: str, sealed: bytes, at: datetime
) -> Row[Any] | None:
    """None for one that is not open."""
    answered = (
        _objection.update()
        .where(_objection.c.id == objection_id, _objection.c.state == "open")
        .values(state=state, answered_by=answered_by, answer_sealed=sealed, answered_at=at)
        .returning(_objection)
    )
    row: Row[Any] | None = (await session.execute(answered)).one_or_none()
    return row


# --- receipts ----------------------------------------------------------------------------------------------------------------------------


async def add_receipts(session: AsyncSession, receipts: Sequence[dict[str, Any]]) -> frozenset[str]:
    """Keeps answers; gives the ids of those kept. Where an accepted one for the same person, office and round is there already, the first stays."""
    statement = insert(_receipt).on_conflict_do_nothing().returning(_receipt.c.id)
    return frozenset((await session.execute(statement, list(receipts))).scalars().all())


async def receipts(session: AsyncSession, application_no: str, round_: int, register: str | None = None) -> Sequence[Row[Any]]:
    """Accepted receipts of a round, and mismatches where nothing was accepted; one for each person and office, in order."""
    wanted = {"no": application_no, "of_round": round_}
    if register is None:
        return (await session.execute(_RECEIPTS, wanted)).all()
    return (await session.execute(_RECEIPTS_OF_REGISTER, {**wanted, "register": register})).all()


# --- state of lookups --------------------------------------------------------------------------------------------------------------------


async def lookup(session: AsyncSession, application_no: str, round_: int, register: str) -> Row[Any] | None:
    return (await session.execute(_LOOKUP, {"no": application_no, "of_round": round_, "register": register})).one_or_none()


async def lookups(session: AsyncSession, application_no: str, round_: int) -> dict[str, Row[Any]]:
    query = select(_lookup).where(_lookup.c.application_no == application_no, _lookup.c.round == round_)
    return {row.register_name: row for row in (await session.execute(query)).all()}


async def begin_try(session: AsyncSession, application_no: str, round_: int, register: str, as_of: datetime) -> None:
    """Counts a try before it is made, so that a try which never came back shows too."""
    await session.execute(_BEGIN_TRY, {"no": application_no, "of_round": round_, "register": register, "as_of": as_of})


async def end_try(
    session: AsyncSession, application_no: str, round_: int, register: str, outcome: LookupOutcome, summary: Title
) -> Row[Any] | None:
    """Records what a try came to, and gives what is on record now: a finished lookup is not changed any more."""
    ended = {
        "no": application_no,
        "of_round": round_,
        "register": register,
        "came_to": outcome.value,
        "zh": summary.zh,
        "en": summary.en,
        "over": outcome is not LookupOutcome.UNAVAILABLE,
    }
    return (await session.execute(_END_TRY, ended)).one_or_none() or await lookup(session, application_no, round_, register)


# --- for operators -----------------------------------------------------------------------------------------------------------------------

# Of each office the last usable answer, the last failure, and how many failures there were since; each of them the end of an index.
_OFFICES = text(
    """
    SELECT office.register_name, office.endpoint, good.recorded_at AS answered_at, bad.recorded_at AS failed_at, coalesce(bad.code, '') AS fault,
           (SELECT count(*) FROM (SELECT 1 FROM access_log WHERE kind = 'answer' AND outcome = 'unavailable' AND register_name = office.register_name
                AND endpoint = office.endpoint AND seq > coalesce(good.seq, 0) LIMIT 1000) AS since) AS failures
    FROM unnest(CAST(:registers AS text[]), CAST(:endpoints AS text[])) AS office(register_name, endpoint)
    LEFT JOIN LATERAL (SELECT seq, recorded_at FROM access_log WHERE kind = 'answer' AND outcome <> 'unavailable'
        AND register_name = office.register_name AND endpoint = office.endpoint ORDER BY seq DESC LIMIT 1) AS good ON true
    LEFT JOIN LATERAL (SELECT recorded_at, code FROM access_log WHERE kind = 'answer' AND outcome = 'unavailable'
        AND register_name = office.register_name AND endpoint = office.endpoint ORDER BY seq DESC LIMIT 1) AS bad ON true
    """
)
_DOUBTFUL = text(
    """
    SELECT count(*) FILTER (WHERE code = 'bad_signature') AS bad_signature, count(*) FILTER (WHERE outcome = 'mismatch') AS mismatch
    FROM access_log WHERE kind = 'answer' AND (code = 'bad_signature' OR outcome = 'mismatch') AND recorded_at >= :since
    """
)


async def offices(session: AsyncSession, of: Collection[tuple[str, str]]) -> Sequence[Row[Any]]:
    """How each office (register, endpoint) has answered of late: ``answered_at``, ``failed_at``, ``fault``, ``failures`` since it last answered."""
    wanted = {"registers": [register for register, _ in of], "endpoints": [endpoint for _, endpoint in of]}
    return (await session.execute(_OFFICES, wanted)).all()


async def waiting_lookups(session: AsyncSession, tried_since: datetime, limit: int) -> tuple[Sequence[Row[Any]], int]:
    """Lookups without an answer that were tried since, the longest waiting first, and how many there are. (What is not tried any more was decided
    without the register, or withdrawn.)"""
    open_ = (_lookup.c.finished.is_(False), _lookup.c.tried_at >= tried_since)
    rows = (await session.execute(select(_lookup).where(*open_).order_by(_lookup.c.begun_at).limit(limit))).all()
    return rows, int((await session.execute(select(func.count()).select_from(_lookup).where(*open_))).scalar_one())


async def doubtful(session: AsyncSession, since: datetime) -> Row[Any]:
    """How many answers since then had a signature that was not believed, and how many were about somebody else."""
    return (await session.execute(_DOUBTFUL, {"since": since})).one()
