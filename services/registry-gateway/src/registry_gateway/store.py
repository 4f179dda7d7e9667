"""Every query of registry-gateway."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from anju_contracts.application import LookupOutcome
from anju_terms import Title
from sqlalchemy import Row, Table, and_, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from registry_gateway.domain.chain import GENESIS, entry_hash
from registry_gateway.tables import AccessLog, Lookup, Receipt

# Any constant will do: it makes writers of the chain queue up, also across replicas.
_CHAIN_LOCK = 7_403_001

_log = cast(Table, AccessLog.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
_lookup = cast(Table, Lookup.__table__)  # type: ignore[attr-defined]
_receipt = cast(Table, Receipt.__table__)  # type: ignore[attr-defined]


# --- access log --------------------------------------------------------------------------------------------------------------------------


async def append(session: AsyncSession, entries: Sequence[dict[str, Any]]) -> None:
    """Writes entries at the end of the chain; holds it until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    last = (await session.execute(select(_log.c.seq, _log.c.hash).order_by(_log.c.seq.desc()).limit(1))).first()
    seq, prev_hash = (last.seq, last.hash) if last else (0, GENESIS)
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


async def accesses(session: AsyncSession, application_no: str, size: int, before_seq: int | None) -> Sequence[Row[Any]]:
    """Questions about a case, newest first, each with the outcome of its answer ("" when none came)."""
    answer = _log.alias("answer")
    joined = _log.outerjoin(answer, and_(answer.c.attempt_id == _log.c.attempt_id, answer.c.kind == "answer"))
    query = (
        select(_log, func.coalesce(answer.c.outcome, "").label("answered"))
        .select_from(joined)
        .where(_log.c.application_no == application_no, _log.c.kind == "question")
        .order_by(_log.c.seq.desc())
        .limit(size)
    )
    if before_seq is not None:
        query = query.where(_log.c.seq < before_seq)
    return (await session.execute(query)).all()


# --- receipts ----------------------------------------------------------------------------------------------------------------------------


async def add_receipt(session: AsyncSession, receipt: dict[str, Any]) -> bool:
    """Keeps an answer. False when an accepted one for the same person, office and round is there already: the first one stays."""
    statement = insert(_receipt).values(receipt).on_conflict_do_nothing().returning(_receipt.c.id)
    return (await session.execute(statement)).first() is not None


async def receipts(session: AsyncSession, application_no: str, round_: int, register: str | None = None) -> Sequence[Row[Any]]:
    """Accepted receipts of a round, and mismatches where nothing was accepted; one for each person and office, in order."""
    query = (
        select(_receipt)
        .ext(distinct_on(_receipt.c.register_name, _receipt.c.subject_index, _receipt.c.endpoint))
        .where(_receipt.c.application_no == application_no, _receipt.c.round == round_)
        .order_by(
            _receipt.c.register_name,
            _receipt.c.subject_index,
            _receipt.c.endpoint,
            _receipt.c.accepted.desc(),
            _receipt.c.received_at.desc(),
        )
    )
    if register is not None:
        query = query.where(_receipt.c.register_name == register)
    return (await session.execute(query)).all()


# --- state of lookups --------------------------------------------------------------------------------------------------------------------


async def lookup(session: AsyncSession, application_no: str, round_: int, register: str) -> Lookup | None:
    return await session.get(Lookup, (application_no, round_, register))


async def lookups(session: AsyncSession, application_no: str, round_: int) -> dict[str, Row[Any]]:
    query = select(_lookup).where(_lookup.c.application_no == application_no, _lookup.c.round == round_)
    return {row.register_name: row for row in (await session.execute(query)).all()}


async def begin_try(session: AsyncSession, application_no: str, round_: int, register: str, as_of: datetime) -> None:
    """Counts a try before it is made, so that a try which never came back shows too."""
    start = insert(_lookup).values(
        application_no=application_no,
        round=round_,
        register_name=register,
        outcome="",
        summary_zh="",
        summary_en="",
        tries=1,
        last_try_at=as_of,
        finished=False,
    )
    again = start.on_conflict_do_update(
        index_elements=[_lookup.c.application_no, _lookup.c.round, _lookup.c.register_name],
        set_={"tries": _lookup.c.tries + 1, "last_try_at": as_of},
        where=_lookup.c.finished.is_(False),
    )
    await session.execute(again)


async def end_try(session: AsyncSession, application_no: str, round_: int, register: str, outcome: LookupOutcome, summary: Title) -> None:
    """Records what a try came to. A finished lookup is not changed any more."""
    await session.execute(
        _lookup.update()
        .where(
            _lookup.c.application_no == application_no,
            _lookup.c.round == round_,
            _lookup.c.register_name == register,
            _lookup.c.finished.is_(False),
        )
        .values(outcome=outcome.value, summary_zh=summary.zh, summary_en=summary.en, finished=outcome is not LookupOutcome.UNAVAILABLE)
    )
