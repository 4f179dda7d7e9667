"""Views of lists: each official's own, under his account alone."""

from __future__ import annotations

import json
import re
from typing import Final

from anju.organisation.v1 import organisation_pb2 as pb
from chassis import once
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import Refusal
from chassis.identity import Caller
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from organisation.errors import TOO_MANY_VIEWS, VIEW_NAME_TAKEN, invalid_field
from organisation.parts import now
from organisation.tables import View

MOST: Final = 50
MAX_NAME_CHARS: Final = 20
MAX_QUERY_CHARS: Final = 500
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LIST: Final = re.compile(r"(/[a-z][a-z-]{0,40}){1,3}")


class Views:
    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    async def all(self, caller: Caller) -> pb.ListViewsResponse:
        async with self._database.statements() as session:
            return pb.ListViewsResponse(views=await self._of(session, caller.sub))

    async def keep(self, caller: Caller, view: pb.View) -> pb.View:
        view = pb.View(id=view.id, list=view.list, name=view.name.strip(), query=view.query, default=view.default)
        _check(view)
        async with self._database.transaction() as session:
            # His own one after the other: neither the limit nor a name is passed by two at once.
            await once.hold(session, f"views:{caller.sub}")
            others = [each for each in await self._of(session, caller.sub) if each.id != view.id]
            if any((each.list, each.name) == (view.list, view.name) for each in others):
                raise Refusal(VIEW_NAME_TAKEN)
            if len(others) >= MOST:
                raise Refusal(TOO_MANY_VIEWS)
            if view.default:
                mine = (col(View.account) == caller.sub, col(View.list) == view.list, col(View.id) != view.id)
                await session.execute(update(View).where(*mine).values(is_default=False))
            row = await session.get(View, (caller.sub, view.id)) or View(
                account=caller.sub, id=view.id, list=view.list, is_default=False, sealed=b"", changed_at=now()
            )
            row.list, row.is_default, row.changed_at = view.list, view.default, now()
            row.sealed = self._ring.encrypt(json.dumps([view.name, view.query]).encode(), _place(row))
            session.add(row)
        return view

    async def remove(self, caller: Caller, id: str) -> None:
        async with self._database.transaction() as session:
            await session.execute(delete(View).where(col(View.account) == caller.sub, col(View.id) == id))

    async def _of(self, session: AsyncSession, account: str) -> list[pb.View]:
        rows = (await session.execute(select(View).where(col(View.account) == account))).scalars()
        return sorted(map(self._view, rows), key=lambda each: (each.list, each.name))

    def _view(self, row: View) -> pb.View:
        name, query = json.loads(self._ring.decrypt(row.sealed, _place(row)))
        return pb.View(id=row.id, list=row.list, name=name, query=query, default=row.is_default)


def _place(row: View) -> str:
    return f"list_view|sealed|{row.account}|{row.id}"


def _check(view: pb.View) -> None:
    """Raises Refusal(INVALID_FIELDS)."""
    if not _ID.fullmatch(view.id):
        raise invalid_field("/view/id", "INVALID", "视图编号无效。", "No id of a view.")
    if not _LIST.fullmatch(view.list):
        raise invalid_field("/list", "INVALID", "没有这个列表。", "There is no such list.")
    if not 0 < len(view.name) <= MAX_NAME_CHARS:
        raise invalid_field("/name", "LENGTH", f"名称请写 1 到 {MAX_NAME_CHARS} 个字。", f"A name of 1 to {MAX_NAME_CHARS} characters.")
    if len(view.query) > MAX_QUERY_CHARS:
        raise invalid_field("/query", "TOO_LONG", "筛选条件太长，不能保存。", "These filters are too long to be kept.")
