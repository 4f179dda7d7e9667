"""Whether a service has told later reports just what it has recorded."""

from __future__ import annotations

from anju_verify.check import Status
from anju_verify.run import Options, verify
from chassis.deployment import Deployment


async def facts_agree(service: str, url: str) -> int:
    """How many facts and changes there are; fails when one is without the other."""
    report = await verify(Deployment(databases={service: url}), Options(only=("F1",), settle_seconds=0.0))
    result = report["F1"]
    assert result.status is Status.PASSED, (result.violations, result.notes)
    return result.looked_at
