"""Making, keeping and remaking assessments."""

from __future__ import annotations

from datetime import UTC, datetime

from anju_profile import Profile
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.ids import stable_id

from eligibility import store
from eligibility.domain import rules
from eligibility.domain.inputs import Inputs
from eligibility.domain.rule_set import Limit, RuleSet
from eligibility.domain.verdicts import Judgement
from eligibility.tables import Assessment


def rule_set_of(profile: Profile) -> RuleSet:
    """The criteria of a city profile."""
    return RuleSet(
        version=profile.version,
        categories={
            category: {
                name: Limit(value=last.value, effective_from=last.effective_from, legal_ref=last.source, confirmed=not last.sample)
                for name, series in limits.items()
                for last in series.entries[-1:]
            }
            for category, limits in profile.criteria.items()
        },
    )


class Assessments:
    def __init__(self, database: Database, keys: KeyRing, current: RuleSet) -> None:
        unknown = sorted({name for limits in current.categories.values() for name in limits} - set(rules.LIMITED))
        if unknown:
            # A condition the city published and nobody checks is worse than a service that does not start.
            raise ValueError(f"the profile names criteria which are not implemented: {', '.join(unknown)}")
        self._database = database
        self._keys = keys
        self.current = current

    async def publish(self) -> None:
        """Archives the current rule set. Call once at the start."""
        async with self._database.transaction() as session:
            await store.publish(session, self.current)

    async def find(self, application_no: str, round_: int | None = None) -> Assessment | None:
        async with self._database.transaction() as session:
            return await store.assessment(session, application_no, round_)

    async def make(self, application_no: str, round_: int, inputs: Inputs, profile_version: str, as_of: datetime) -> Assessment:
        """Judges and keeps. A round which has been judged meanwhile keeps its first judgement, which is returned.

        A case is judged by the profile version it was submitted under, as long as this service has ever seen it. Raises UnknownCategoryError.
        """
        async with self._database.transaction() as session:
            chosen = self.current
            if profile_version and profile_version != self.current.version:
                chosen = await store.rule_set(session, version=profile_version) or self.current
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
            await store.keep(session, row)
            kept = await store.assessment(session, application_no, round_)
        if kept is None:
            raise AssertionError("an assessment which was kept is there")
        return kept

    def judgement(self, row: Assessment) -> Judgement:
        """What was judged. Raises chassis.crypto.DecryptionError for a row that was tampered with."""
        return Judgement.model_validate_json(self._keys.decrypt(row.judgement, f"assessment|judgement|{row.id}"))

    async def replay(self, row: Assessment) -> Judgement:
        """Judges the stored inputs again by the rule set of that day; equal to ``judgement`` or something is wrong."""
        async with self._database.transaction() as session:
            chosen = await store.rule_set(session, fingerprint=row.fingerprint)
        if chosen is None or chosen.fingerprint != row.fingerprint:
            raise ValueError(f"the rule set of assessment {row.id} is gone or was changed")
        inputs = Inputs.model_validate_json(self._keys.decrypt(row.inputs, f"assessment|inputs|{row.id}"))
        return rules.assess(inputs, chosen)
