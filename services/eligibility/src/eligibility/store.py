"""Every query of eligibility."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from eligibility.domain.rule_set import RuleSet
from eligibility.tables import Assessment, PublishedRuleSet

_assessment = cast(Table, Assessment.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
_rule_set = cast(Table, PublishedRuleSet.__table__)  # type: ignore[attr-defined]


async def publish(session: AsyncSession, rules: RuleSet) -> None:
    """Keeps a rule set for ever; publishing the same again changes nothing."""
    row = {
        "fingerprint": rules.fingerprint,
        "version": rules.version,
        "body": rules.model_dump(mode="json"),
        "published_at": datetime.now(UTC),
    }
    await session.execute(insert(_rule_set).values(row).on_conflict_do_nothing())


async def rule_set(session: AsyncSession, *, fingerprint: str = "", version: str = "") -> RuleSet | None:
    """A published rule set by its fingerprint, or the newest of a version."""
    wanted = _rule_set.c.fingerprint == fingerprint if fingerprint else _rule_set.c.version == version
    query = select(_rule_set.c.body).where(wanted).order_by(_rule_set.c.published_at.desc()).limit(1)
    body = (await session.execute(query)).scalar_one_or_none()
    return RuleSet.model_validate(body) if body is not None else None


async def assessment(session: AsyncSession, application_no: str, round_: int | None = None) -> Assessment | None:
    """The assessment of a round, or the newest of the case."""
    query = select(Assessment).where(_assessment.c.application_no == application_no)
    if round_ is not None:
        query = query.where(_assessment.c.round == round_)
    return (await session.execute(query.order_by(_assessment.c.round.desc()).limit(1))).scalar_one_or_none()


async def keep(session: AsyncSession, row: Mapping[str, Any]) -> Assessment | None:
    """Stores an assessment and gives it; None when the round has one already: the first stays."""
    statement = insert(Assessment).values(dict(row)).on_conflict_do_nothing().returning(Assessment)
    return (await session.execute(statement)).scalar_one_or_none()
