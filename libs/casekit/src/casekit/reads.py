"""Looks of staff at households' affairs: on record before anything is shown, told to the household, counted for the auditors.

A look is one page or one record shown to one official. It is written before the answer leaves: what cannot be written down is not shown. Each household
counts once a day for an official; above one number that is an alarm, once for each official and day, and above another the official sees no more that day
(PIPL, articles 51, 54 and 55). A search for a person whom nobody found is a look at nobody, with numbers of its own: who probes for
people is to be seen, not what he finds. What anybody may read without signing on is a look, and does not count. Counted is by service: each knows what it shows.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import takewhile
from typing import Any, Final

import grpc
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as notifications_pb
from anju.notifications.v1 import notifications_pb2_grpc as notifications_rpc
from anju.reads.v1 import reads_pb2 as pb
from anju.reads.v1 import reads_pb2_grpc as rpc
from anju_calendar import local_date, start_of_day
from anju_terms import is_code
from chassis import bounds, logs, paging
from chassis.db import Database
from chassis.errors import IDEMPOTENCY_KEY_REUSED, Problem, Refusal, invalid
from chassis.grpc_client import Client
from chassis.identity import Caller, current_caller
from chassis.ids import stable_id
from chassis.outbox import Handler
from chassis.wire import stamp, wrong
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from casekit.exports import EXPORT_NOT_APPROVED, Exports
from casekit.listing import By, Listing
from casekit.settings import CaseServiceSettings

_log = logs.get(__name__)

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ReadsService"].full_name

TOO_MANY_READS: Final = Problem(
    "TOO_MANY_READS",
    grpc.StatusCode.PERMISSION_DENIED,
    "您今天查看的家庭数已达上限，明天可以继续；确因工作需要请联系审计人员。",
    "You have looked at as many households as an official may in one day. Go on tomorrow, or speak to the auditors if your work needs more.",
)

TOO_MANY_SEARCHES: Final = Problem(
    "TOO_MANY_SEARCHES",
    grpc.StatusCode.PERMISSION_DENIED,
    "您今天按人查找没有找到的次数已达上限，今天不能再按人查找，可以按申请编号查找；确因工作需要请联系审计人员。",
    "You have searched for too many people today whom nobody found. Search by the number of the case, go on tomorrow, or speak to the auditors.",
)

_WITHIN: Final = "ck_staff_read_day_at_most"
_MISSES_WITHIN: Final = "ck_staff_read_day_misses"
_REFUSALS: Final = {_WITHIN: TOO_MANY_READS, _MISSES_WITHIN: TOO_MANY_SEARCHES}

# Shown to everybody who asks, masked: an official who pages through it learns no more than a passer-by.
PUBLIC: Final = frozenset({"waiting"})

# The kind of these entries in a service's outbox; its handler is ``telling_auditors``.
ALARM: Final = "bulk_read"

# The look, the households it is the first look at that day, and the day's count, in one statement: all of it or nothing, and the day's row refuses a count
# above its limit. Of two looks at once the second waits for the first one's count, so the number is exact. A search for a person is refused when there is
# no room for all it might show, or too many have found nobody: whether it would have found somebody is not to be read from a refusal.
_NOTE = text(
    """
    WITH seen AS (
        INSERT INTO staff_read_household (reader, day, application_no)
        SELECT CAST(:who AS text), CAST(:on_day AS date), unnest(CAST(:counted AS text[])) ON CONFLICT DO NOTHING RETURNING 1
    ), counted AS (
        INSERT INTO staff_read_day AS kept (
            reader, day, roles, households, alarm_above, at_most, misses, misses_alarm_above, misses_at_most, alarmed_at, refused
        )
        SELECT CAST(:who AS text), CAST(:on_day AS date), CAST(:duties AS text),
               CASE WHEN CAST(:room AS int) > CAST(:at_most AS int) THEN CAST(:at_most AS int) + 1 ELSE count(*) END,
               CAST(:alarm AS int), CAST(:at_most AS int), CAST(:missed AS int), CAST(:misses_alarm AS int), CAST(:misses_at_most AS int),
               CASE WHEN count(*) > CAST(:alarm AS int) OR CAST(:missed AS int) > CAST(:misses_alarm AS int) THEN CAST(:now AS timestamptz) END, 0
        FROM seen
        ON CONFLICT (reader, day) DO UPDATE SET
            roles = excluded.roles, alarm_above = excluded.alarm_above, at_most = excluded.at_most,
            misses_alarm_above = excluded.misses_alarm_above, misses_at_most = excluded.misses_at_most,
            households = CASE
                WHEN CAST(:room AS int) > 0 AND kept.households + CAST(:room AS int) > excluded.at_most THEN excluded.at_most + 1
                ELSE kept.households + excluded.households
            END,
            misses = CASE
                WHEN CAST(:room AS int) > 0 AND kept.misses >= excluded.misses_at_most THEN excluded.misses_at_most + 1
                ELSE kept.misses + excluded.misses
            END,
            alarmed_at = coalesce(
                kept.alarmed_at,
                CASE WHEN kept.households + excluded.households > excluded.alarm_above OR kept.misses + excluded.misses > excluded.misses_alarm_above
                     THEN CAST(:now AS timestamptz) END
            )
        RETURNING households, misses, alarmed_at
    ), told AS (
        INSERT INTO outbox (kind, payload, attempts, created_at, next_try_at, last_error)
        SELECT CAST(:kind AS text), CAST(:telling AS jsonb), 0, CAST(:now AS timestamptz), CAST(:now AS timestamptz), ''
        FROM counted WHERE alarmed_at = CAST(:now AS timestamptz) AND CAST(:division AS text) <> ''
    )
    INSERT INTO staff_read (reader, roles, what, households, day, at)
    SELECT CAST(:who AS text), CAST(:duties AS text), CAST(:what AS text), CAST(:shown AS text[]), CAST(:on_day AS date), CAST(:now AS timestamptz)
    FROM counted
    RETURNING (SELECT households FROM counted), (SELECT misses FROM counted), (SELECT alarmed_at FROM counted)
    """
)
_REFUSED = text(
    """
    INSERT INTO staff_read_day AS kept (reader, day, roles, households, alarm_above, at_most, misses, misses_alarm_above, misses_at_most, refused)
    VALUES (:who, :on_day, :duties, 0, :alarm, :at_most, 0, :misses_alarm, :misses_at_most, 1) ON CONFLICT (reader, day) DO UPDATE SET refused = kept.refused + 1
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
_LOOK: Final = table(
    "staff_read",
    column("id", BigInteger),
    column("reader", String),
    column("roles", String),
    column("what", String),
    column("households", postgresql.ARRAY(String)),
    column("day", Date),
    column("at", DateTime(timezone=True)),
)
_DAY: Final = table(
    "staff_read_day",
    column("reader", String),
    column("day", Date),
    column("roles", String),
    column("households", Integer),
    column("alarm_above", Integer),
    column("alarmed_at", DateTime(timezone=True)),
    column("refused", Integer),
    column("misses", Integer),
    column("misses_alarm_above", Integer),
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
        # Searches for a person whom nobody found.
        Column("misses", Integer, nullable=False, server_default="0"),
        Column("misses_alarm_above", Integer, nullable=False, server_default="0"),
        Column("misses_at_most", Integer, nullable=False, server_default="0"),
        CheckConstraint("households <= at_most", name=_WITHIN),
        CheckConstraint("misses <= misses_at_most", name=_MISSES_WITHIN),
        Index("ix_staff_read_day", "day", "reader"),
    )


@dataclass(frozen=True)
class Limits:
    """Households an official may look at in one day: above ``alarm`` the auditors are told, above ``limit`` nothing more is shown. ``misses_alarm`` and
    ``misses_limit`` are the same of searches for people whom nobody found."""

    alarm: int
    limit: int
    misses_alarm: int
    misses_limit: int

    @classmethod
    def of(cls, settings: CaseServiceSettings) -> Limits:
        return cls(settings.bulk_read_alarm, settings.bulk_read_limit, settings.missed_search_alarm, settings.missed_search_limit)


class Reads:
    def __init__(self, database: Database, limits: Limits, exports: Exports | None = None) -> None:
        self.database = database
        self.exports = exports
        self._limits = limits

    async def note_page(self, caller: Caller | None, what: str, request: Any, households: Iterable[str]) -> None:
        """A page of a list, read or taken away in a file. One to which a second person has consented does not count towards the day's number. Raises as
        ``note`` does, and Refusal(EXPORT_NOT_APPROVED) for what nobody has consented to."""
        approved = bool(request.page.approval)
        if approved:
            if caller is None or self.exports is None:
                raise Refusal(EXPORT_NOT_APPROVED)
            await self.exports.require(caller, what, request)
        await self.note(caller, of_list(what, request.page), households, counts=not approved)

    async def note(
        self,
        caller: Caller | None,
        what: str,
        households: Iterable[str],
        act: AsyncSession | None = None,
        *,
        searched: int = 0,
        counts: bool = True,
    ) -> None:
        """Writes down that an official is about to be shown ``what`` (vocabulary reads) of these households, by application number; a household's own
        look and a process's are nobody's business. ``act``: the transaction of what he does, for one who is shown what he has done: both are on record
        or neither, and what took effect is not answered with a refusal. ``searched``: of a search for a person, how many households it might have
        found; one that finds none is a look at nobody. Raises Refusal(TOO_MANY_READS, TOO_MANY_SEARCHES), and whatever keeps it from being written: then
        nothing comes of the transaction."""
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
            "counted": shown if counts and what not in PUBLIC else [],
            "on_day": day,
            "now": now,
            "alarm": self._limits.alarm,
            "at_most": self._limits.limit,
            "room": searched,
            "missed": int(searched > 0 and not shown),
            "misses_alarm": self._limits.misses_alarm,
            "misses_at_most": self._limits.misses_limit,
            "kind": ALARM,
            "division": (overseen := _over(caller.divisions)),
            "telling": json.dumps({"reader": caller.sub, "day": day.isoformat(), "division": overseen}),
        }
        try:
            async with nullcontext(act) if act is not None else self.database.statements() as session:
                count, misses, alarmed_at = (await session.execute(_NOTE, values)).one()
        except IntegrityError as error:
            above = next((problem for rule, problem in _REFUSALS.items() if rule in str(error.orig)), None)
            if above is None:
                raise
            async with self.database.statements() as session:
                await session.execute(_REFUSED, values)
            _log.error("bulk_read_refused", reader=caller.sub, day=day.isoformat(), reason=above.reason)
            raise Refusal(above) from None
        if alarmed_at == now:
            _log.error("bulk_read", reader=caller.sub, day=day.isoformat(), households=count, misses=misses)

    async def alarmed(self) -> int:
        """How many officials have looked at more households today than is usual."""
        async with self.database.statements() as session:
            return int((await session.execute(_ALARMED, {"on_day": local_date(datetime.now(UTC))})).scalar_one())


def of_one(page: common.PageRequest) -> None:
    """Asked where a list is that of one household: how many of its rows are in which state says as much as the rows. Raises Refusal for a mere count, which
    is nobody's look."""
    if page.only_count:
        raise invalid([wrong("/page/only_count", "一户的记录请直接查看，不能只计数。", "What one household has is listed, not counted.")])


def telling_auditors(client: Client) -> Handler:
    """The outbox's handler of ``ALARM`` entries: the auditors of everything the official sees are told of him, once a day whatever he has looked at.
    Who has no division is shown nobody, and no auditor is his."""
    notifications = notifications_rpc.NotificationsServiceStub(client.channel)

    async def tell(payload: dict[str, Any]) -> None:
        day = date.fromisoformat(payload["day"])
        values = {"reader": common.Value(text=payload["reader"]), "on": common.Value(day=stamp(start_of_day(day)))}
        telling = common.Telling(template="bulk_read", role="auditor", division=payload["division"], values=values)
        key = stable_id("bulk-read-", f"{payload['day']}/{payload['reader']}")
        try:
            await client.call(notifications.Notify, notifications_pb.NotifyRequest(key=key, telling=telling))
        except Refusal as refusal:
            # Another service was first, before his divisions changed.
            if refusal.problem.reason != IDEMPOTENCY_KEY_REUSED.reason:
                raise

    return tell


def of_list(what: str, page: common.PageRequest) -> str:
    """What a page of a list shows: ``what``, or a line of a file for the purpose it is asked for. Raises Refusal for a purpose nobody knows."""
    if not page.purpose:
        return what
    if not is_code("export_purposes", page.purpose):
        raise invalid([wrong("/page/purpose", "请选择导出的用途。", "Choose what the file is for.")])
    return f"export_{page.purpose}"


def _text(*parts: Any) -> ColumnElement[str]:
    """A text that tells rows of every service apart, in the order of its characters whatever the language of the database."""
    return func.concat(*parts).collate("C")


class _Looks:
    """The list of looks of one service. What one official took away of one list for one purpose on one day is one look, the latest of its pages."""

    def __init__(self, service: str) -> None:
        row = _LOOK.c
        self._listing = Listing(
            {
                "at": By(row.at, datetime),
                "reader": By(row.reader.collate("C"), str),
                "key": By(_text(func.lpad(cast(row.id, String), 19, "0"), " ", literal(service)), str),
            },
            own="-at",
            unique="key",
        )

    async def page(self, session: AsyncSession, request: pb.ListLooksRequest) -> tuple[list[Any], common.PageInfo]:
        """Rows (id, at, reader, roles, what, households)."""
        row, later, whole = _LOOK.c, _LOOK.alias("later").c, _LOOK.alias("whole").c
        day = asked_day(request.day)

        def asked(of: Any) -> list[ColumnElement[bool]]:
            return [
                *([of.day == day] if day else []),
                *([of.reader == request.reader] if request.reader else []),
                *([of.households.contains([request.application_no])] if request.application_no else []),
            ]

        def one_file(of: Any) -> ColumnElement[bool]:
            return and_(of.reader == row.reader, of.day == row.day, of.what == row.what, of.roles == row.roles)

        in_file = row.what.startswith("export_", autoescape=True)
        households = case(
            (in_file, select(func.sum(func.cardinality(whole.households))).where(one_file(whole)).scalar_subquery()),
            else_=func.cardinality(row.households),
        )
        earlier_page = and_(in_file, exists().where(one_file(later), later.id > row.id, *asked(later)))
        query = select(row.id, row.at, row.reader, row.roles, row.what, households).where(*asked(row), ~earlier_page)
        return await self._listing.page(session, query, request.page)


class _Readers:
    """The list of readers of one service, by day."""

    def __init__(self, service: str) -> None:
        row = _DAY.c
        self._listing = Listing(
            {
                "day": By(row.day, date),
                "reader": By(row.reader.collate("C"), str),
                "households": By(row.households, int),
                "key": By(_text(func.to_char(row.day, "YYYY-MM-DD"), " ", row.reader, " ", literal(service)), str),
            },
            own="-day",
            unique="key",
        )

    async def page(self, session: AsyncSession, request: pb.ListReadersRequest) -> tuple[list[Any], common.PageInfo]:
        """Rows (day, reader, roles, households, alarm_above, alarmed_at, refused, misses, misses_alarm_above)."""
        row, day, since = _DAY.c, asked_day(request.day), asked_day(request.since, "/since")
        counts = (row.households, row.alarm_above, row.alarmed_at, row.refused, row.misses, row.misses_alarm_above)
        query = select(row.day, row.reader, row.roles, *counts)
        if day:
            query = query.where(row.day == day)
        if request.reader:
            query = query.where(row.reader == request.reader)
        if request.alarmed:
            query = query.where(row.alarmed_at.is_not(None))
        if since:
            query = query.where(row.day >= since)
        return await self._listing.page(session, query, request.page)


MaySee = Callable[[AsyncSession, Caller, str], Awaitable[None]]


class ReadsServicer(rpc.ReadsServiceServicer):
    """``service``: the name of the process; ``may_see`` raises Refusal(NOT_FOUND) for who may not know who looked at this household's affairs."""

    def __init__(self, reads: Reads, service: str, may_see: MaySee) -> None:
        self._reads = reads
        self._service = service
        self._may_see = may_see
        self._looks = _Looks(service)
        self._readers = _Readers(service)

    async def ListReads(self, request: pb.ListReadsRequest, context: Any) -> pb.ListReadsResponse:
        size = paging.limit(request.page.limit)
        last, last_what, last_roles = paging.decode(request.page.cursor, datetime, str, str) or (None, "", "")
        async with self._reads.database.statements() as session:
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
        async with self._reads.database.statements() as session:
            rows, info = await self._readers.page(session, request)
        await self._note_file("readers", request.page)
        readers = [
            pb.Reader(
                day=day.isoformat(),
                reader=reader,
                roles=roles.split(),
                service=self._service,
                households=households,
                alarm_above=alarm_above,
                alarmed_at=stamp(alarmed_at),
                refused=refused,
                misses=misses,
                misses_alarm_above=misses_alarm_above,
            )
            for day, reader, roles, households, alarm_above, alarmed_at, refused, misses, misses_alarm_above in rows
        ]
        return pb.ListReadersResponse(readers=readers, page=info)

    async def ListLooks(self, request: pb.ListLooksRequest, context: Any) -> pb.ListLooksResponse:
        async with self._reads.database.statements() as session:
            if request.application_no:
                await self._may_see(session, current_caller(), request.application_no)
            rows, info = await self._looks.page(session, request)
        await self._note_file("looks", request.page)
        looks = [
            pb.Look(
                id=row_id, at=stamp(at), reader=reader, roles=roles.split(), what=what, households=int(households), service=self._service
            )
            for row_id, at, reader, roles, what, households in rows
        ]
        return pb.ListLooksResponse(looks=looks, page=info)

    async def RequestExport(self, request: pb.RequestExportRequest, context: Any) -> pb.RequestExportResponse:
        return pb.RequestExportResponse(export=await self._exports.ask(current_caller(), request))

    async def ListExports(self, request: pb.ListExportsRequest, context: Any) -> pb.ListExportsResponse:
        return pb.ListExportsResponse(exports=await self._exports.of(current_caller()))

    async def GetExport(self, request: pb.GetExportRequest, context: Any) -> pb.GetExportResponse:
        return pb.GetExportResponse(export=await self._exports.one(current_caller(), request.id))

    async def AnswerExport(self, request: pb.AnswerExportRequest, context: Any) -> pb.AnswerExportResponse:
        return pb.AnswerExportResponse(export=await self._exports.answer(current_caller(), request))

    @property
    def _exports(self) -> Exports:
        if self._reads.exports is None:
            raise Refusal(EXPORT_NOT_APPROVED)
        return self._reads.exports

    async def _note_file(self, what: str, page: common.PageRequest) -> None:
        """A list of officials shows nothing of a household; that it was taken away in a file, and for what, is on record all the same."""
        if page.purpose and not page.only_count:
            await self._reads.note(current_caller(), of_list(what, page), [])


def _over(divisions: Sequence[str]) -> str:
    """The beginning all of these codes have: who covers it covers them all. "" for no divisions."""
    pairs = zip(min(divisions, default=""), max(divisions, default=""), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def asked_day(given: str, field: str = "/day") -> date | None:
    """The day a list is narrowed to. Raises Refusal(INVALID_FIELDS)."""
    try:
        return bounds.day(given) if given else None
    except ValueError:
        raise invalid([wrong(field, "请写成 2026-11-26 这样的日期。", "Write a date like 2026-11-26.")]) from None
