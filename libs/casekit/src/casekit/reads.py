"""Looks of staff at households' affairs: on record before anything is shown, told to the household, counted for the auditors.

A look is one page or one record shown to one official. It is written before the answer leaves: what cannot be written down is not shown. Each household
counts once a day for an official; above one number that is an alarm, once for each official and day, and above another the official sees no more that day
(PIPL, articles 51, 54 and 55). What anybody may read without signing on is a look, and does not count. Counted is by service: each knows what it shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import grpc
from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as pb
from anju.reads.v1 import reads_pb2_grpc as rpc
from anju_calendar import local_date
from anju_terms import is_code
from chassis import bounds, logs, paging
from chassis.db import Database
from chassis.errors import Problem, Refusal, invalid
from chassis.identity import Caller, current_caller
from chassis.wire import stamp, wrong
from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Date, DateTime, Index, Integer, MetaData, String, Table, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

_log = logs.get(__name__)

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ReadsService"].full_name

TOO_MANY_READS: Final = Problem(
    "TOO_MANY_READS",
    grpc.StatusCode.PERMISSION_DENIED,
    "您今天查看的家庭数已达上限，明天可以继续；确因工作需要请联系审计人员。",
    "You have looked at as many households as an official may in one day. Go on tomorrow, or speak to the auditors if your work needs more.",
)

_WITHIN: Final = "ck_staff_read_day_at_most"

# Shown to everybody who asks, masked: an official who pages through it learns no more than a passer-by.
PUBLIC: Final = frozenset({"waiting"})

# The look, the households it is the first look at that day, and the day's count, in one statement: all of it or nothing, and the day's row refuses a count
# above its limit. Of two looks at once the second waits for the first one's count, so the number is exact.
_NOTE = text(
    """
    WITH seen AS (
        INSERT INTO staff_read_household (reader, day, application_no)
        SELECT CAST(:who AS text), CAST(:on_day AS date), unnest(CAST(:counted AS text[])) ON CONFLICT DO NOTHING RETURNING 1
    ), counted AS (
        INSERT INTO staff_read_day AS kept (reader, day, roles, households, alarm_above, at_most, alarmed_at, refused)
        SELECT CAST(:who AS text), CAST(:on_day AS date), CAST(:duties AS text), count(*), CAST(:alarm AS int), CAST(:at_most AS int),
               CASE WHEN count(*) > CAST(:alarm AS int) THEN CAST(:now AS timestamptz) END, 0
        FROM seen
        ON CONFLICT (reader, day) DO UPDATE SET
            roles = excluded.roles, households = kept.households + excluded.households,
            alarm_above = excluded.alarm_above, at_most = excluded.at_most,
            alarmed_at = coalesce(
                kept.alarmed_at,
                CASE WHEN kept.households + excluded.households > excluded.alarm_above THEN CAST(:now AS timestamptz) END
            )
        RETURNING households, alarmed_at
    )
    INSERT INTO staff_read (reader, roles, what, households, day, at)
    SELECT CAST(:who AS text), CAST(:duties AS text), CAST(:what AS text), CAST(:shown AS text[]), CAST(:on_day AS date), CAST(:now AS timestamptz)
    FROM counted
    RETURNING (SELECT households FROM counted), (SELECT alarmed_at FROM counted)
    """
)
_REFUSED = text(
    """
    INSERT INTO staff_read_day AS kept (reader, day, roles, households, alarm_above, at_most, refused)
    VALUES (:who, :on_day, :duties, 0, :alarm, :at_most, 1) ON CONFLICT (reader, day) DO UPDATE SET refused = kept.refused + 1
    """
)
_ALARMED = text("SELECT count(*) FROM staff_read_day WHERE day = CAST(:on_day AS date) AND alarmed_at IS NOT NULL")
_READS = text(
    """
    SELECT day, roles, what, count(*) AS times, max(at) AS last_at FROM staff_read WHERE households @> ARRAY[CAST(:no AS varchar)]
    GROUP BY day, roles, what
    HAVING CAST(:last AS timestamptz) IS NULL OR (max(at), what, roles) < (CAST(:last AS timestamptz), CAST(:last_what AS text), CAST(:last_roles AS text))
    ORDER BY max(at) DESC, what DESC, roles DESC LIMIT :size
    """
)
_READERS = text(
    """
    SELECT * FROM staff_read_day
    WHERE (CAST(:on_day AS date) IS NULL OR day = CAST(:on_day AS date))
    AND (CAST(:who AS text) = '' OR reader = CAST(:who AS text))
    AND (NOT CAST(:alarmed AS bool) OR alarmed_at IS NOT NULL)
    AND (
        CAST(:last_day AS date) IS NULL
        OR (day, reader, CAST(:service AS text)) < (CAST(:last_day AS date), CAST(:last_reader AS text), CAST(:last_service AS text))
    )
    ORDER BY day DESC, reader DESC LIMIT :size
    """
)
_LOOKS = text(
    """
    SELECT id, at, reader, roles, what, cardinality(households) AS households FROM staff_read
    WHERE (CAST(:on_day AS date) IS NULL OR day = CAST(:on_day AS date))
    AND (CAST(:who AS text) = '' OR reader = CAST(:who AS text))
    AND (CAST(:no AS text) = '' OR households @> ARRAY[CAST(:no AS varchar)])
    AND (
        CAST(:last AS timestamptz) IS NULL
        OR (at, id, CAST(:service AS text)) < (CAST(:last AS timestamptz), CAST(:last_id AS bigint), CAST(:last_service AS text))
    )
    ORDER BY at DESC, id DESC LIMIT :size
    """
)


def define(metadata: MetaData) -> None:
    """The tables, for a service's metadata; ``casekit.read_table`` makes them."""
    Table(
        "staff_read",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("reader", String, nullable=False),
        Column("roles", String, nullable=False),
        Column("what", String, nullable=False),
        Column("households", ARRAY(String), nullable=False),
        Column("day", Date, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Index("ix_staff_read_households", "households", postgresql_using="gin"),
        Index("ix_staff_read_reader", "reader", "day"),
        Index("ix_staff_read_at", "at", "id"),
    )
    Table(
        "staff_read_household",
        metadata,
        Column("reader", String, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("application_no", String, primary_key=True),
    )
    Table(
        "staff_read_day",
        metadata,
        Column("reader", String, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("roles", String, nullable=False),
        Column("households", Integer, nullable=False),
        Column("alarm_above", Integer, nullable=False),
        Column("at_most", Integer, nullable=False),
        Column("alarmed_at", DateTime(timezone=True), nullable=True),
        Column("refused", Integer, nullable=False),
        CheckConstraint("households <= at_most", name=_WITHIN),
        Index("ix_staff_read_day", "day", "reader"),
    )


@dataclass(frozen=True)
class Limits:
    """Households an official may look at in one day: above ``alarm`` the auditors are told, above ``limit`` nothing more is shown."""

    alarm: int
    limit: int


class Reads:
    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def note(self, caller: Caller | None, what: str, households: Iterable[str]) -> None:
        """Writes down that an official is about to be shown ``what`` (vocabulary reads) of these households, by application number; a household's own
        look and a process's are nobody's business. Raises Refusal(TOO_MANY_READS), and whatever keeps it from being written."""
        if caller is None or caller.kind != "staff":
            return
        now = datetime.now(UTC)
        day = local_date(now)
        # In one order, so that two pages of one official do not wait for each other.
        shown = sorted(set(households))
        values = {
            "who": caller.sub,
            "duties": " ".join(sorted(caller.roles)),
            "what": what,
            "shown": shown,
            "counted": [] if what in PUBLIC else shown,
            "on_day": day,
            "now": now,
            "alarm": self._limits.alarm,
            "at_most": self._limits.limit,
        }
        try:
            async with self._database.statements() as session:
                count, alarmed_at = (await session.execute(_NOTE, values)).one()
        except IntegrityError as error:
            if _WITHIN not in str(error.orig):
                raise
            async with self._database.statements() as session:
                await session.execute(_REFUSED, {name: values[name] for name in ("who", "on_day", "duties", "alarm", "at_most")})
            _log.error("bulk_read_refused", reader=caller.sub, day=day.isoformat())
            raise Refusal(TOO_MANY_READS) from None
        if alarmed_at == now:
            _log.error("bulk_read", reader=caller.sub, day=day.isoformat(), households=count)

    async def alarmed(self) -> int:
        """How many officials have looked at more households today than is usual."""
        async with self._database.statements() as session:
            return int((await session.execute(_ALARMED, {"on_day": local_date(datetime.now(UTC))})).scalar_one())


def of_list(what: str, page: common.PageRequest) -> str:
    """What a page of a list shows: ``what``, or a line of a file for the purpose it is asked for. Raises Refusal for a purpose nobody knows."""
    if not page.purpose:
        return what
    if not is_code("export_purposes", page.purpose):
        raise invalid([wrong("/page/purpose", "请选择导出的用途。", "Choose what the file is for.")])
    return f"export_{page.purpose}"


MaySee = Callable[[AsyncSession, Caller, str], Awaitable[None]]


class ReadsServicer(rpc.ReadsServiceServicer):
    """``service``: the name of the process; ``may_see`` raises Refusal(NOT_FOUND) for who may not know who looked at this household's affairs."""

    def __init__(self, database: Database, service: str, may_see: MaySee) -> None:
        self._database = database
        self._service = service
        self._may_see = may_see

    async def ListReads(self, request: pb.ListReadsRequest, context: Any) -> pb.ListReadsResponse:
        size = paging.limit(request.page.limit)
        last, last_what, last_roles = paging.decode(request.page.cursor, datetime, str, str) or (None, "", "")
        async with self._database.statements() as session:
            await self._may_see(session, current_caller(), request.application_no)
            wanted = {"no": request.application_no, "last": last, "last_what": last_what, "last_roles": last_roles, "size": size + 1}
            rows = (await session.execute(_READS, wanted)).all()
        shown, cursor = paging.cut(rows, size, lambda row: (row.last_at, row.what, row.roles))
        reads = [
            pb.Read(day=row.day.isoformat(), roles=row.roles.split(), what=row.what, times=row.times, last_at=stamp(row.last_at))
            for row in shown
        ]
        return pb.ListReadsResponse(reads=reads, page=common.PageInfo(next_cursor=cursor))

    async def ListReaders(self, request: pb.ListReadersRequest, context: Any) -> pb.ListReadersResponse:
        size = paging.limit(request.page.limit)
        last_day, last_reader, last_service = paging.decode(request.page.cursor, date, str, str) or (None, "", "")
        wanted = {
            "on_day": _day(request.day),
            "who": request.reader,
            "alarmed": request.alarmed,
            "service": self._service,
            "size": size + 1,
        }
        last = {"last_day": last_day, "last_reader": last_reader, "last_service": last_service}
        async with self._database.statements() as session:
            rows = (await session.execute(_READERS, {**wanted, **last})).all()
        shown, cursor = paging.cut(rows, size, lambda row: (row.day, row.reader, self._service))
        readers = [
            pb.Reader(
                day=row.day.isoformat(),
                reader=row.reader,
                roles=row.roles.split(),
                service=self._service,
                households=row.households,
                alarm_above=row.alarm_above,
                alarmed_at=stamp(row.alarmed_at),
                refused=row.refused,
            )
            for row in shown
        ]
        return pb.ListReadersResponse(readers=readers, page=common.PageInfo(next_cursor=cursor))

    async def ListLooks(self, request: pb.ListLooksRequest, context: Any) -> pb.ListLooksResponse:
        size = paging.limit(request.page.limit)
        last, last_id, last_service = paging.decode(request.page.cursor, datetime, int, str) or (None, 0, "")
        wanted = {"on_day": _day(request.day), "who": request.reader, "no": request.application_no, "service": self._service}
        after = {"last": last, "last_id": last_id, "last_service": last_service, "size": size + 1}
        async with self._database.statements() as session:
            if request.application_no:
                await self._may_see(session, current_caller(), request.application_no)
            rows = (await session.execute(_LOOKS, {**wanted, **after})).all()
        shown, cursor = paging.cut(rows, size, lambda row: (row.at, row.id, self._service))
        looks = [
            pb.Look(
                id=row.id,
                at=stamp(row.at),
                reader=row.reader,
                roles=row.roles.split(),
                what=row.what,
                households=row.households,
                service=self._service,
            )
            for row in shown
        ]
        return pb.ListLooksResponse(looks=looks, page=common.PageInfo(next_cursor=cursor))


def _day(given: str) -> date | None:
    try:
        return bounds.day(given) if given else None
    except ValueError:
        raise invalid([wrong("/day", "请写成 2026-11-26 这样的日期。", "Write a date like 2026-11-26.")]) from None
