"""Facts for later reports: one immutable row a change, written in the transaction of the change it tells of.

A report counts what happened, by place, day and kind; the records say how things stand now. So whatever a service records it tells once more, in words of
the vocabularies and in whole numbers, and never changes it. Nobody's name, number or text is in a fact: it may be kept, copied and counted by whoever
reports. ``anju verify`` (F1) compares: every recorded change has its fact, and every fact its change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import grpc
from anju.facts.v1 import facts_pb2 as pb
from anju.facts.v1 import facts_pb2_grpc as rpc
from anju_calendar import local_date
from anju_terms import is_code
from chassis import paging
from chassis.db import Database
from chassis.errors import Problem, Refusal
from chassis.wire import stamp
from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, MetaData, String, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

SERVICE: Final = pb.DESCRIPTOR.services_by_name["FactsService"].full_name
USUAL: Final = 100
MOST: Final = 1000

FACTS_BEGIN_AGAIN: Final = Problem(
    "FACTS_BEGIN_AGAIN",
    grpc.StatusCode.FAILED_PRECONDITION,
    "数据库已经恢复过，请从头读取；事实的编号不变，已读过的可以识别。",
    "This place is of another database: begin without a cursor. Facts keep their ids, so that what was read before is known.",
)

_RECORD: Final = text(
    """
    INSERT INTO fact (id, code, application_no, subject, division, division_on, at, day, codes, figures)
    VALUES (:id, :code, :application_no, :subject, :division, :division_on, :at, :day, CAST(:codes AS jsonb), CAST(:figures AS jsonb))
    """
)
# In the order of transactions: what is older than the oldest one that is still running is all there, and nothing will come before it any more. In a database
# that was filled from a dump the numbers of its former life may lie ahead of its own (first part): they are all there, and come first.
_READ: Final = text(
    """
    WITH place AS (
        SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())::text
               AS identity, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS running, pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS ahead
    ), former AS (
        SELECT 0 AS part, fact.* FROM fact, place WHERE CAST(:part AS int) = 0 AND xid >= ahead AND (xid, seq) > (CAST(:xid AS bigint), CAST(:seq AS bigint))
        ORDER BY xid, seq LIMIT :size
    ), own AS (
        SELECT 1 AS part, fact.* FROM fact, place
        WHERE xid < running AND (CAST(:part AS int) = 0 OR (xid, seq) > (CAST(:xid AS bigint), CAST(:seq AS bigint)))
        ORDER BY xid, seq LIMIT :size
    )
    SELECT place.identity, found.* FROM place LEFT JOIN (SELECT * FROM former UNION ALL SELECT * FROM own) AS found ON true
    ORDER BY part, xid, seq LIMIT :size
    """
)


def define(metadata: MetaData) -> None:
    """The table, for a service's metadata; ``casekit.fact_table`` makes it."""
    Table(
        "fact",
        metadata,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        # Of the transaction that wrote it.
        Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint")),
        Column("id", String, nullable=False),
        Column("code", String, nullable=False),
        Column("application_no", String, nullable=False),
        Column("subject", String, nullable=False),
        Column("division", String, nullable=False),
        Column("division_on", Date, nullable=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("day", Date, nullable=False),
        Column("codes", JSONB, nullable=False),
        Column("figures", JSONB, nullable=False),
        UniqueConstraint("id", name="uq_fact_id"),
        Index("ix_fact_order", "xid", "seq"),
    )


@dataclass(frozen=True)
class Fact:
    """``id`` names the change within the service; ``codes`` are of the vocabularies they stand under; ``figures`` have their unit in the name.
    ``division`` is the one in charge, as its code was on ``division_on``; divisions are cut anew, and a report of a past year counts by those of then."""

    id: str
    code: str
    subject: str
    at: datetime
    application_no: str = ""
    division: str = ""
    division_on: date | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, int] = field(default_factory=dict)


async def record(session: AsyncSession, *facts: Fact) -> None:
    """Writes facts in the transaction of the changes they tell of. Raises ValueError for a word of no vocabulary, and IntegrityError for a second fact of
    one change: both are bugs, and the change is not recorded."""
    if facts:
        await session.execute(_RECORD, [_row(fact) for fact in facts])


def _row(fact: Fact) -> dict[str, Any]:
    unknown = [(vocabulary, code) for vocabulary, code in {"facts": fact.code, **fact.codes}.items() if not is_code(vocabulary, code)]
    if unknown:
        raise ValueError(f"fact {fact.id}: no such code: {unknown}")
    return {
        "id": fact.id,
        "code": fact.code,
        "application_no": fact.application_no,
        "subject": fact.subject,
        "division": fact.division,
        "division_on": fact.division_on,
        "at": fact.at,
        "day": local_date(fact.at),
        "codes": json.dumps(dict(fact.codes)),
        "figures": json.dumps(dict(fact.figures)),
    }


class FactsServicer(rpc.FactsServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListFacts(self, request: pb.ListFactsRequest, context: Any) -> pb.ListFactsResponse:
        size = min(request.limit, MOST) if request.limit > 0 else USUAL
        known, part, xid, seq = paging.decode(request.cursor, str, int, int, int) or ("", 0, 0, 0)
        async with self._database.snapshot() as session:
            rows = (await session.execute(_READ, {"part": part, "xid": xid, "seq": seq, "size": size})).all()
        identity = rows[0].identity
        if known and known != identity:
            raise Refusal(FACTS_BEGIN_AGAIN)
        found = [row for row in rows if row.seq is not None]
        if found:
            part, xid, seq = found[-1].part, found[-1].xid, found[-1].seq
        return pb.ListFactsResponse(facts=[_message(row) for row in found], next_cursor=paging.encode(identity, part, xid, seq))


def _message(row: Any) -> pb.Fact:
    return pb.Fact(
        id=row.id,
        code=row.code,
        application_no=row.application_no,
        subject=row.subject,
        division=row.division,
        division_on=row.division_on.isoformat() if row.division_on else "",
        at=stamp(row.at),
        day=row.day.isoformat(),
        codes=row.codes,
        figures=row.figures,
    )
