"""The households a notice to many is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from anju_contracts.application import ENDS
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from casework.store.shared import in_divisions
from casework.tables import Application, Dossier


def _open(case: Any) -> ColumnElement[bool]:
    return col(case.stage).not_in(ENDS)


def _registered(case: Any) -> ColumnElement[bool]:
    return col(case.stage) == "registered"


# By code of the vocabulary ``broadcast_audiences``.
_AUDIENCES: Final[Mapping[str, Any]] = MappingProxyType(
    {"open_cases": _open, "registered": _registered, "all": lambda case: or_(_open(case), _registered(case))}
)


def _cases(audience: str, division: str) -> Select[Application]:
    """A household with several cases is told once, of the newest: one that comes meanwhile has a higher number, and is met later."""
    among, newer = _AUDIENCES[audience], aliased(Application)
    of_owner = and_(col(newer.owner) == col(Application.owner), col(newer.seq) > col(Application.seq))
    later = exists(select(col(newer.no)).where(of_owner, among(newer), in_divisions(col(newer.street), [division])))
    return select(Application).where(among(Application), in_divisions(col(Application.street), [division]), ~later)


async def audience_size(session: AsyncSession, audience: str, division: str) -> int:
    cases = _cases(audience, division).subquery()
    return int((await session.execute(select(func.count()).select_from(cases))).scalar_one())


async def audience(session: AsyncSession, audience: str, division: str, after: int, limit: int) -> Sequence[tuple[Application, Dossier]]:
    """Cases with the dossier that stands, in the order of their numbers, after the one with ``seq`` ``after``."""
    now = and_(col(Dossier.application_no) == col(Application.no), col(Dossier.round) == col(Application.round))
    query = _cases(audience, division).add_columns(Dossier).join(Dossier, now)
    page = query.where(col(Application.seq) > after).order_by(col(Application.seq)).limit(limit)
    return [(case, dossier) for case, dossier in (await session.execute(page)).all()]
