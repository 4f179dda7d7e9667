"""Every query of oversight."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from anju.common.v1 import common_pb2 as common
from casekit.listing import By, Listing
from sqlalchemy import Date, Integer, Select, Text, and_, cast, exists, func, literal, or_, select, text, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, defer
from sqlmodel import col

from oversight.domain import words
from oversight.tables import Policy, PolicyVersion, PolicyView

_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('policy:' || :id, 0))")
# A word in the title weighs more than any day.
_IN_TITLE: Final = 10_000_000
MAX_DAYS: Final = 400
# What a search goes by is thousands of words a row, and nothing anybody is shown.
_SHOWN: Final = tuple(defer(each, raiseload=True) for each in (PolicyVersion.pairs, PolicyVersion.plain))  # type: ignore[arg-type]  # columns


async def hold(session: AsyncSession, id: str) -> None:
    """Nobody else changes this policy until the transaction ends."""
    await session.execute(_HOLD, {"id": id})


def _in_force(day: date) -> Any:
    """That a version is the one in force on a day. The newest is looked up by the key for each version a search has found: an anti-join would read the
    whole table for every search."""
    each = aliased(PolicyVersion)
    newest = (
        select(func.max(col(each.number)))
        .where(col(each.policy_id) == col(PolicyVersion.policy_id), col(each.state) == "published", col(each.effective_on) <= day)
        .scalar_subquery()
    )
    return and_(
        col(PolicyVersion.state) == "published",
        col(PolicyVersion.effective_on) <= day,
        or_(col(Policy.withdrawn_on).is_(None), col(Policy.withdrawn_on) > day),
        col(PolicyVersion.number) == newest,
    )


def finding(asked: Sequence[str], category: str, day: date) -> Select[*tuple[Any, ...]]:
    """Versions in force on a day that hold every word: the pairs say where to look, by the index; the text has the last word."""
    query: Select[*tuple[Any, ...]] = (
        select(PolicyVersion).options(*_SHOWN).join(Policy, col(Policy.id) == col(PolicyVersion.policy_id)).where(_in_force(day))
    )
    if category:
        query = query.where(col(PolicyVersion.category) == category)
    if asked:
        pairs = sorted(set().union(*(words.pairs(word) for word in asked)))
        query = query.where(col(PolicyVersion.pairs).op("@>")(cast(literal(pairs, ARRAY(Text)), ARRAY(Text))))
        query = query.where(*(func.strpos(col(PolicyVersion.plain), word) > 0 for word in asked))
    return query


async def find(
    session: AsyncSession, asked: Sequence[str], category: str, day: date, page: common.PageRequest
) -> tuple[list[PolicyVersion], common.PageInfo]:
    """Those with a word in the title first, then the newest."""
    days = type_coerce(col(PolicyVersion.effective_on) - cast(literal("1900-01-01"), Date), Integer)
    titled = or_(*(func.strpos(col(PolicyVersion.title), word) > 0 for word in asked)) if asked else literal(False)
    rank = days + cast(titled, Integer) * _IN_TITLE
    listing = Listing({"rank": By(rank, int), "id": By(col(PolicyVersion.policy_id), str)}, own="-rank", unique="id")
    rows, info = await listing.page(session, finding(asked, category, day), page)
    return [row[0] for row in rows], info


async def in_force_with_criteria(session: AsyncSession, day: date) -> Sequence[PolicyVersion]:
    """Of which at least one article is implemented by a rule value."""
    has = func.jsonb_path_exists(col(PolicyVersion.content), text("'$.articles[*].criteria[*]'"))
    query = select(PolicyVersion).options(*_SHOWN).join(Policy, col(Policy.id) == col(PolicyVersion.policy_id)).where(_in_force(day), has)
    return (await session.execute(query.order_by(col(PolicyVersion.effective_on), col(PolicyVersion.policy_id)).limit(100))).scalars().all()


async def policy(session: AsyncSession, id: str) -> Policy | None:
    return await session.get(Policy, id)


async def published(session: AsyncSession, id: str) -> Sequence[PolicyVersion]:
    """Oldest first."""
    query = select(PolicyVersion).options(*_SHOWN).where(col(PolicyVersion.policy_id) == id, col(PolicyVersion.state) == "published")
    return (await session.execute(query.order_by(col(PolicyVersion.number)))).scalars().all()


async def draft(session: AsyncSession, id: str) -> PolicyVersion | None:
    query = select(PolicyVersion).where(col(PolicyVersion.policy_id) == id, col(PolicyVersion.state) == "draft")
    return (await session.execute(query)).scalar_one_or_none()


async def works(
    session: AsyncSession, asked: str, state: str, page: common.PageRequest
) -> tuple[list[tuple[Policy, PolicyVersion]], common.PageInfo]:
    """Every policy with its newest version, draft or not; what was touched last first."""
    later = aliased(PolicyVersion)
    newer = exists().where(col(later.policy_id) == col(PolicyVersion.policy_id), col(later.number) > col(PolicyVersion.number))
    query = select(Policy, PolicyVersion).options(*_SHOWN).join(PolicyVersion, col(PolicyVersion.policy_id) == col(Policy.id)).where(~newer)
    if asked:
        query = query.where(or_(func.strpos(col(PolicyVersion.title), asked) > 0, func.strpos(col(Policy.id), asked) > 0))
    if state:
        withdrawn = col(Policy.withdrawn_on).is_not(None)
        query = query.where(withdrawn if state == "withdrawn" else and_(~withdrawn, col(PolicyVersion.state) == state))
    changed = func.greatest(col(PolicyVersion.saved_at), col(PolicyVersion.published_at), col(Policy.withdrawn_at))
    columns = {"changed": By(changed, datetime), "effective": By(col(PolicyVersion.effective_on), date), "id": By(col(Policy.id), str)}
    rows, info = await Listing(columns, own="-changed", unique="id").page(session, query, page)
    return [(row[0], row[1]) for row in rows], info


async def count_view(session: AsyncSession, id: str, day: date, channel: str) -> None:
    adding = insert(PolicyView).values(policy_id=id, day=day, channel=channel, views=1)
    await session.execute(
        adding.on_conflict_do_update(index_elements=["policy_id", "day", "channel"], set_={"views": col(PolicyView.views) + 1})
    )


async def views(session: AsyncSession, since: date | None, until: date | None, id: str) -> tuple[int, Sequence[Any]]:
    """All of them, and by day and channel, newest first."""
    within = []
    if since is not None:
        within.append(col(PolicyView.day) >= since)
    if until is not None:
        within.append(col(PolicyView.day) <= until)
    if id:
        within.append(col(PolicyView.policy_id) == id)
    total = (await session.execute(select(func.coalesce(func.sum(col(PolicyView.views)), 0)).where(*within))).scalar_one()
    by_day = (
        select(col(PolicyView.day), col(PolicyView.channel), func.sum(col(PolicyView.views)))
        .where(*within)
        .group_by(col(PolicyView.day), col(PolicyView.channel))
        .order_by(col(PolicyView.day).desc(), col(PolicyView.channel))
        .limit(MAX_DAYS)
    )
    return int(total), (await session.execute(by_day)).all()
