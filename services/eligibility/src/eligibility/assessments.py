"""Making, keeping and remaking assessments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from anju_profile import Profile, UnknownVersionError
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.ids import stable_id
from sqlalchemy.ext.asyncio import AsyncSession

from eligibility import store
from eligibility.domain import comparison, rules
from eligibility.domain.comparison import Row
from eligibility.domain.inputs import Inputs
from eligibility.domain.rule_set import RuleSet
from eligibility.domain.verdicts import Judgement
from eligibility.tables import Assessment


def rule_set_of(profile: Profile) -> RuleSet:
    """The criteria of a city profile."""
    return RuleSet(version=profile.version, categories=profile.criteria)


class Assessments:
    """``published`` gives the rule set of a version the city has published, or raises UnknownVersionError."""

    def __init__(self, database: Database, keys: KeyRing, current: RuleSet, published: Callable[[str], RuleSet]) -> None:
        rules.check(current)
        self._database = database
        self._keys = keys
        self._published = published
        self.current = current

    async def publish(self) -> None:
        """Archives the current rule set. Call once at the start."""
        async with self._database.transaction() as session:
            await store.publish(session, self.current)

    async def find(self, application_no: str, round_: int | None = None) -> Assessment | None:
        async with self._database.statements() as session:
            return await store.assessment(session, application_no, round_)

    async def make(self, application_no: str, round_: int, inputs: Inputs, profile_version: str, as_of: datetime) -> Assessment:
        """Judges and keeps. A round which has been judged meanwhile keeps its first judgement, which is returned.

        A case is judged by the profile version it was submitted under. Raises UnknownVersionError for one nobody has, UnknownCategoryError and
        UnknownCriterionError.
        """
        async with self._database.transaction() as session:
            chosen = await self._rules(session, profile_version)
            judgement = rules.assess(inputs, chosen)
            id_ = stable_id("as_", application_no, str(round_))
            row = {
                "id": id_,
                "application_no": application_no,
                "round": round_,
                "rule_set": chosen.version,
                "fingerprint": chosen.fingerprint,
                "verdict": judgement.verdict.value,
                "inputs": self._keys.encrypt(inputs.model_dump_json().encode(), f"assessment|inputs|{id_}"),
                "judgement": self._keys.encrypt(judgement.model_dump_json().encode(), f"assessment|judgement|{id_}"),
                "as_of": as_of,
                "created_at": datetime.now(UTC),
            }
            kept = await store.keep(session, row) or await store.assessment(session, application_no, round_)
        if kept is None:
            raise AssertionError("an assessment which was kept is there")
        return kept

    async def _rules(self, session: AsyncSession, version: str) -> RuleSet:
        """The rules of a version: as the city has published them, or as they were archived when it no longer keeps them."""
        if version == self.current.version:
            return self.current
        try:
            chosen = self._published(version)
        except UnknownVersionError:
            archived = await store.rule_set(session, version=version)
            if archived is None:
                raise
            chosen = archived
        rules.check(chosen)
        await store.publish(session, chosen)
        return chosen

    def judgement(self, row: Assessment) -> Judgement:
        """What was judged. Raises chassis.crypto.DecryptionError for a row that was tampered with."""
        return Judgement.model_validate_json(self._keys.decrypt(row.judgement, f"assessment|judgement|{row.id}"))

    async def replay(self, row: Assessment) -> Judgement:
        """Judges the stored inputs again by the rule set of that day; equal to ``judgement`` or something is wrong."""
        async with self._database.transaction() as session:
            chosen = await store.rule_set(session, fingerprint=row.fingerprint)
        if chosen is None or chosen.fingerprint != row.fingerprint:
            raise ValueError(f"the rule set of assessment {row.id} is gone or was changed")
        return rules.assess(self._inputs(row), chosen)

    def compare(self, row: Assessment) -> tuple[Row, ...]:
        """What was declared beside what the registers had said when it was judged. Raises as ``judgement``."""
        return comparison.compare(self._inputs(row))

    def _inputs(self, row: Assessment) -> Inputs:
        return Inputs.model_validate_json(self._keys.decrypt(row.inputs, f"assessment|inputs|{row.id}"))
