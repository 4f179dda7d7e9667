"""The letter queue of a street: what waits, printed in a batch, and what the post office's papers say became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Final

import anju_calendar as calendar
from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.notifications.v1 import notifications_pb2 as pb
from anju_terms import is_code
from casekit.listing import By, Listing
from chassis import bounds
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.grpc_client import Client
from chassis.identity import Caller, current_caller
from chassis.wire import stamp, wrong
from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from notifications import paper
from notifications.errors import LETTER_IS_ELSEWHERE, LETTER_NOT_YOURS
from notifications.store import Sealed
from notifications.tables import Delivery, InboxMessage, Letter

MAX_AT_ONCE: Final = 50
MAX_TRACKING_CHARS: Final = 40
# Every step, and the states it may be made from.
_FROM: Final = {"posted": ("printed",), "delivered": ("posted",), "returned": ("posted",)}
_LETTERS: Final = Listing({"at": By(col(Letter.at), datetime), "id": By(col(Letter.id), str)}, own="at", unique="id")


class Letters:
    def __init__(self, database: Database, sealed: Sealed, client: Client) -> None:
        self._database = database
        self._sealed = sealed
        self._client = client
        self._casework = casework_rpc.CaseworkServiceStub(client.channel)

    async def list(self, request: pb.ListLettersRequest) -> pb.ListLettersResponse:
        if request.state and not is_code("letter_states", request.state):
            raise invalid([wrong("/state", "没有这种信函状态。", "There is no such state of a letter.")])
        query = _with_message().where(_within(current_caller()))
        if request.state:
            query = query.where(col(Letter.state) == request.state)
        async with self._database.snapshot() as session:
            rows, info = await _LETTERS.page(session, query, request.page)
        return pb.ListLettersResponse(letters=[_letter(row[0], row[1]) for row in rows], page=info)

    async def print(self, ids: Sequence[str]) -> bytes:
        """The letters as one file, in the order asked for. Whoever may not see a household prints nothing to it, nor the rest of the batch."""
        if not ids or len(ids) > MAX_AT_ONCE or len(set(ids)) < len(ids):
            raise invalid([wrong("/ids", f"请选择 1 到 {MAX_AT_ONCE} 封信函。", f"Choose between one and {MAX_AT_ONCE} letters.")])
        async with self._database.statements() as session:
            found = {letter.id: message for letter, message in await _chosen(session, ids)}
        if set(found) != set(ids):
            raise Refusal(NOT_FOUND)
        # One after another: each is a look at a case, on record at its owner before the sheet is made.
        sheets = [await self._sheet(found[id]) for id in ids]
        file = await asyncio.to_thread(paper.file_of, sheets, datetime.now(UTC))
        async with self._database.transaction() as session:
            printing = update(Letter).where(col(Letter.id).in_(ids), col(Letter.state).in_(("waiting", "printed")))
            done = await session.execute(
                printing.values(state="printed", printed_at=datetime.now(UTC), by=current_caller().sub).returning(col(Letter.id))
            )
            if len(done.all()) < len(ids):
                raise Refusal(LETTER_IS_ELSEWHERE)
        return file

    async def mark(self, request: pb.MarkLetterRequest) -> pb.Letter:
        """Records a step of a letter, and with its end what became of the delivery: that day is the proof of service (送达)."""
        try:
            on = bounds.day(request.on)
        except ValueError:
            raise invalid([wrong("/on", "请写成 2026-11-26 这样的日期。", "Write a day as 2026-11-26.")]) from None
        if request.state not in _FROM:
            raise invalid([wrong("/state", "没有这种信函状态。", "There is no such state of a letter.")])
        if len(request.tracking_no) > MAX_TRACKING_CHARS or (request.tracking_no and request.state != "posted"):
            raise invalid(
                [wrong("/tracking_no", "挂号单号请在寄出时填写。", "The number of the registered letter is given when it is posted.")]
            )
        async with self._database.transaction() as session:
            rows = await _chosen(session, [request.id], lock=True)
            if not rows:
                raise Refusal(NOT_FOUND)
            letter, message = rows[0]
            day = letter.posted_on if request.state == "posted" else letter.ended_on
            if letter.state == request.state and day == on:
                return _letter(letter, message)
            if letter.state not in _FROM[request.state]:
                raise Refusal(LETTER_IS_ELSEWHERE)
            earliest = letter.posted_on or calendar.local_date(letter.printed_at or letter.at)
            if not earliest <= on <= calendar.local_date(datetime.now(UTC)):
                raise invalid(
                    [wrong("/on", "日期不能早于上一步，也不能晚于今天。", "The day is not before the step before it, and not after today.")]
                )
            letter.state, letter.by = request.state, current_caller().sub
            if request.state == "posted":
                letter.posted_on, letter.tracking_no = on, request.tracking_no
            else:
                letter.ended_on = on
                await _end(session, letter.id, on, delivered=request.state == "delivered")
            session.add(letter)
            return _letter(letter, message)

    async def _sheet(self, message: InboxMessage) -> paper.Sheet:
        answer: casework.GetApplicationResponse = await self._client.call(
            self._casework.GetApplication, casework.GetApplicationRequest(no=message.application_no), forward=True
        )
        case = answer.application
        if case.recusal or not case.dossier.members:
            raise Refusal(LETTER_NOT_YOURS)
        text = self._sealed.open_content(message).zh
        told = calendar.local_date(message.at)
        return paper.Sheet(
            no=message.application_no,
            name=case.dossier.members[0].name,
            address=case.dossier.address,
            day=f"{told.year}年{told.month}月{told.day}日",
            title=text.title,
            body=text.body,
        )


async def _end(session: AsyncSession, id: str, on: date, *, delivered: bool) -> None:
    """The day counts from its beginning in China."""
    at = datetime.combine(on, time(), calendar.SHANGHAI).astimezone(UTC)
    ending = update(Delivery).where(col(Delivery.id) == id).values(state="delivered" if delivered else "refused", state_at=at)
    await session.execute(ending)


def _with_message() -> Select[Letter, InboxMessage]:
    return (
        select(Letter, InboxMessage)
        .join(Delivery, col(Delivery.id) == col(Letter.id))
        .join(InboxMessage, col(InboxMessage.id) == col(Delivery.message_id))
    )


async def _chosen(session: AsyncSession, ids: Sequence[str], *, lock: bool = False) -> Sequence[tuple[Letter, InboxMessage]]:
    query = _with_message().where(col(Letter.id).in_(ids), _within(current_caller()))
    if lock:
        query = query.with_for_update(of=Letter)
    return [(letter, message) for letter, message in (await session.execute(query)).all()]


def _within(caller: Caller) -> ColumnElement[bool]:
    """Letters of the streets the clerk acts for."""
    covered = [func.starts_with(col(InboxMessage.division), code) for code in caller.divisions if code]
    return or_(*covered) if covered else col(InboxMessage.id).is_(None)


def _letter(letter: Letter, message: InboxMessage) -> pb.Letter:
    return pb.Letter(
        id=letter.id,
        application_no=message.application_no,
        state=letter.state,
        at=stamp(letter.at),
        printed_at=stamp(letter.printed_at),
        posted_on=letter.posted_on.isoformat() if letter.posted_on else "",
        ended_on=letter.ended_on.isoformat() if letter.ended_on else "",
        tracking_no=letter.tracking_no,
    )
