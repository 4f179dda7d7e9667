"""Notices to many households (群发通知): written by one official, released by another, told page by page at the city's pace.

How far it has come stands in its row, and moves in the transaction that tells the households of a page: whoever is killed in between tells them once
all the same, and a pause loses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.notifications.v1 import notifications_pb2 as pb
from anju_profile.messages import Messages
from anju_terms import is_code
from casekit.listing import By, Listing
from chassis import ids, once
from chassis.db import Database
from chassis.errors import NOT_FOUND, FieldViolation, Refusal, invalid
from chassis.grpc_client import Client
from chassis.identity import Caller, current_caller
from chassis.wire import missing, stamp, wrong
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from notifications.delivery import Deliveries
from notifications.domain.templates import Rendered, Template, catalogue
from notifications.domain.values import Fact
from notifications.errors import BROADCAST_ELSEWHERE, SECOND_SENDER
from notifications.store import Sealed
from notifications.tables import Broadcast, Delivery, InboxMessage, Once

MAX_TITLE_CHARS: Final = 60
MAX_BODY_CHARS: Final = 1000
# Households told in one transaction.
PAGE: Final = 100
ROUND_SECONDS: Final = 1.0
# Every step: the states it may be made from, and the one it leads to.
_STEPS: Final = MappingProxyType(
    {
        "release": (("written",), "sending"),
        "pause": (("sending",), "paused"),
        "resume": (("paused",), "sending"),
        "stop": (("written", "sending", "paused"), "stopped"),
    }
)
_BROADCASTS: Final = Listing(
    {"written": By(col(Broadcast.written_at), datetime), "id": By(col(Broadcast.id), str)}, own="-written", unique="id"
)


@dataclass(frozen=True)
class _Words:
    title_zh: str
    body_zh: str
    title_en: str
    body_en: str

    def rendered(self, template: Template) -> Rendered:
        facts = {"headline": Fact("words", (self.title_zh, self.title_en)), "message": Fact("words", (self.body_zh, self.body_en))}
        return template.render(facts)


class Broadcasts:
    def __init__(self, database: Database, sealed: Sealed, client: Client, deliveries: Deliveries, city: Messages) -> None:
        self._database = database
        self._sealed = sealed
        self._client = client
        self._casework = casework_rpc.CaseworkServiceStub(client.channel)
        self._deliveries = deliveries
        self._per_minute = city.broadcast_per_minute

    # --- people ----------------------------------------------------------------------------------------------------------------------------

    async def list(self, request: pb.ListBroadcastsRequest) -> pb.ListBroadcastsResponse:
        if request.state and not is_code("broadcast_states", request.state):
            raise invalid([wrong("/state", "没有这个状态。", "There is no such state.")])
        query = select(Broadcast).where(_within(current_caller()))
        if request.state:
            query = query.where(col(Broadcast.state) == request.state)
        async with self._database.snapshot() as session:
            rows, info = await _BROADCASTS.page(session, query, request.page)
            found = [row[0] for row in rows]
            fates = await _fates(session, [each.id for each in found])
        return pb.ListBroadcastsResponse(broadcasts=[self._message(each, fates.get(each.id, {})) for each in found], page=info)

    async def get(self, id: str) -> pb.GetBroadcastResponse:
        """Raises Refusal."""
        async with self._database.snapshot() as session:
            row = await _find(session, id)
            fates = await _fates(session, [row.id])
        if row.state == "written":
            # Who releases it has to know how many it will be.
            row.households = await self._size(row.audience, row.division)
        shown = pb.GetBroadcastResponse(broadcast=self._message(row, fates.get(row.id, {})))
        if row.must_arrive:
            rendered = self._words(row).rendered(_template(row))
            shown.sms_zh, shown.sms_en = rendered.zh.sms, rendered.en.sms
        return shown

    async def write(self, request: pb.WriteBroadcastRequest) -> pb.WriteBroadcastResponse:
        """Raises Refusal."""
        caller = current_caller()
        _check(caller, request)
        key = once.request_key(caller, request)
        async with self._database.transaction() as session:
            answered = await once.find(session, key, request, pb.WriteBroadcastResponse())
            if answered is not None:
                return answered
            id = ids.new_id("b-")
            words = _Words(request.title_zh.strip(), request.body_zh.strip(), request.title_en.strip(), request.body_en.strip())
            row = Broadcast(
                id=id,
                audience=request.audience,
                division=request.division,
                must_arrive=request.must_arrive,
                content=self._sealed.words(id, asdict(words)),
                written_by=caller.sub,
                written_by_person=caller.person,
            )
            session.add(row)
            answer = pb.WriteBroadcastResponse(id=id)
            once.remember(session, Once, key, request, answer)
        return answer

    async def step(self, request: pb.StepBroadcastRequest) -> pb.StepBroadcastResponse:
        """Raises Refusal."""
        caller = current_caller()
        if request.step not in _STEPS:
            raise invalid([wrong("/step", "没有这个步骤。", "There is no such step.")])
        before, after = _STEPS[request.step]
        async with self._database.snapshot() as session:
            known = await _find(session, request.id)
        # Asked before the transaction: a slow casework must not hold a connection.
        size = await self._size(known.audience, known.division) if request.step == "release" else 0
        async with self._database.transaction() as session:
            row = await _find(session, request.id, lock=True)
            if row.state != after:
                if row.state not in before:
                    raise Refusal(BROADCAST_ELSEWHERE)
                now = datetime.now(UTC)
                if request.step == "release":
                    if _own(row, caller):
                        raise Refusal(SECOND_SENDER)
                    row.released_by, row.released_by_person, row.released_at, row.households = caller.sub, caller.person, now, size
                if after == "stopped":
                    row.ended_at = now
                row.state, row.next_at = after, now
                session.add(row)
                await session.flush()
            return pb.StepBroadcastResponse(broadcast=self._message(row, (await _fates(session, [row.id])).get(row.id, {})))

    # --- telling ---------------------------------------------------------------------------------------------------------------------------

    async def round(self) -> float | None:
        """Tells the next page of each notice that is due. The seconds to the next round where the pace asks for less than usual."""
        async with self._database.statements() as session:
            due = select(Broadcast).where(col(Broadcast.state) == "sending", col(Broadcast.next_at) <= datetime.now(UTC))
            rows = (await session.execute(due.order_by(col(Broadcast.next_at)))).scalars().all()
        for row in rows:
            await self._page(row)
        return min(ROUND_SECONDS, PAGE * 60 / self._per_minute) if rows else None

    async def _page(self, row: Broadcast) -> None:
        request = casework.ListAudienceRequest(audience=row.audience, division=row.division, cursor=row.cursor, limit=PAGE)
        answer: casework.ListAudienceResponse = await self._client.call(self._casework.ListAudience, request)
        template, now = _template(row), datetime.now(UTC)
        rendered = self._words(row).rendered(template)
        over = not answer.next_cursor
        async with self._database.transaction() as session:
            # Whoever moves the cursor tells this page; another replica, or the same round after a kill, finds it moved. A pause is found here too.
            moving = update(Broadcast).where(
                col(Broadcast.id) == row.id, col(Broadcast.state) == "sending", col(Broadcast.cursor) == row.cursor
            )
            values: dict[str, Any] = {"next_at": now + timedelta(minutes=len(answer.households) / self._per_minute)}
            values |= {"state": "done", "ended_at": now} if over else {"cursor": answer.next_cursor}
            if (await session.execute(moving.values(values).returning(col(Broadcast.id)))).first() is None:
                return
            told = await self._tell(session, row, template, rendered, answer.households, now)
            await session.execute(update(Broadcast).where(col(Broadcast.id) == row.id).values(told=col(Broadcast.told) + told))

    async def _tell(
        self, session: AsyncSession, row: Broadcast, template: Template, rendered: Rendered, households: Sequence[Any], now: datetime
    ) -> int:
        """Returns how many were told; whoever has been told already is not told again."""
        owners = [each.contact.owner for each in households]
        had = select(col(InboxMessage.owner)).where(col(InboxMessage.broadcast_id) == row.id, col(InboxMessage.owner).in_(owners))
        known = set((await session.execute(had)).scalars())
        messages = []
        for each in households:
            if each.contact.owner in known:
                continue
            known.add(each.contact.owner)
            id = ids.new_id("m-")
            message = InboxMessage(
                id=id,
                owner=each.contact.owner,
                division=each.contact.street,
                application_no=each.application_no,
                template=template.id,
                template_version=template.version,
                content=self._sealed.content(id, rendered),
                at=now,
                broadcast_id=row.id,
            )
            session.add(message)
            messages.append((message, each.contact))
        await self._deliveries.begin(session, template, messages)
        return len(messages)

    # --- words -----------------------------------------------------------------------------------------------------------------------------

    async def _size(self, audience: str, division: str) -> int:
        request = casework.ListAudienceRequest(audience=audience, division=division)
        answer: casework.ListAudienceResponse = await self._client.call(self._casework.ListAudience, request)
        return int(answer.total)

    def _words(self, row: Broadcast) -> _Words:
        return _Words(**self._sealed.open_words(row.id, row.content))

    def _message(self, row: Broadcast, fates: dict[str, int]) -> pb.Broadcast:
        words = self._words(row)
        left = max(row.households - row.told, 0)
        expected = row.next_at + timedelta(minutes=left / self._per_minute) if row.state == "sending" else None
        return pb.Broadcast(
            id=row.id,
            audience=row.audience,
            division=row.division,
            must_arrive=row.must_arrive,
            title_zh=words.title_zh,
            body_zh=words.body_zh,
            title_en=words.title_en,
            body_en=words.body_en,
            state=row.state,
            households=row.households,
            told=row.told,
            under_way=fates.get("queued", 0) + fates.get("sent", 0),
            arrived=fates.get("delivered", 0),
            failed=fates.get("refused", 0) + fates.get("given_up", 0),
            written_at=stamp(row.written_at),
            released_at=stamp(row.released_at),
            ended_at=stamp(row.ended_at),
            expected_at=stamp(expected),
            own=_own(row, current_caller()),
        )


def _template(row: Broadcast) -> Template:
    return catalogue()["broadcast" if row.must_arrive else "broadcast_inbox"]


def _own(row: Broadcast, caller: Caller) -> bool:
    return row.written_by == caller.sub or (bool(caller.person) and row.written_by_person == caller.person)


def _within(caller: Caller) -> ColumnElement[bool]:
    """Notices to a part of the city the official acts for."""
    covered = [func.starts_with(col(Broadcast.division), code) for code in caller.divisions if code]
    return or_(False, *covered)


async def _find(session: AsyncSession, id: str, *, lock: bool = False) -> Broadcast:
    """Raises Refusal(NOT_FOUND) alike for one there is not and for one of elsewhere."""
    query = select(Broadcast).where(col(Broadcast.id) == id, _within(current_caller()))
    row = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND)
    return row


async def _fates(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many messages of each notice stand how: by the newest channel of each."""
    if not ids:
        return {}
    newest = (
        select(col(InboxMessage.broadcast_id).label("of"), col(Delivery.state).label("state"))
        .join(Delivery, col(Delivery.message_id) == col(InboxMessage.id))
        .where(col(InboxMessage.broadcast_id).in_(ids), col(InboxMessage.broadcast_id) != "")
        .ext(distinct_on(col(InboxMessage.id)))
        .order_by(col(InboxMessage.id), col(Delivery.due_at).desc(), col(Delivery.id).desc())
        .subquery()
    )
    found: dict[str, dict[str, int]] = {}
    for of, state, many in (await session.execute(select(newest.c.of, newest.c.state, func.count()).group_by("of", "state"))).all():
        found.setdefault(of, {})[state] = many
    return found


def _check(caller: Caller, request: pb.WriteBroadcastRequest) -> None:
    """Raises Refusal with every fault of what was written."""
    faults: list[FieldViolation] = []
    if not is_code("broadcast_audiences", request.audience):
        faults.append(wrong("/audience", "请选择发给哪些家庭。", "Choose which households it is for."))
    if not request.division or not caller.covers(request.division):
        faults.append(wrong("/division", "请选择您负责的区域。", "Choose a part of the city you act for."))
    for name in ("title_zh", "body_zh", "title_en", "body_en"):
        value, most = getattr(request, name), MAX_TITLE_CHARS if name.startswith("title") else MAX_BODY_CHARS
        if not value.strip():
            faults.append(missing(f"/{name}"))
        elif len(value) > most:
            faults.append(FieldViolation(f"/{name}", "TOO_LONG", f"最多填写{most}个字。", f"At most {most} characters."))
    if faults:
        raise invalid(faults)
