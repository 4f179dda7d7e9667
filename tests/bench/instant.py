"""Services that answer at once: what is left of an application is then the engine's own work."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from anju_contracts.application import LookupOutcome, Verdict
from anju_workflows.application import calls
from anju_workflows.telling import NOTIFY, Notify, Telling
from temporalio import activity

# What the household or the staff is told at the moments the bench waits for.
YOUR_TURN = "review_started"
ON_NOTICE = "approved_to_notice"


class InstantServices:
    """Every contestant calls these same methods; they count the calls and pass on the moments a driver waits for."""

    def __init__(self) -> None:
        self.calls: dict[str, Counter[str]] = defaultdict(Counter)
        self._moments: dict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)

    @activity.defn(name=calls.ADVANCE_APPLICATION)
    async def advance(self, arg: calls.Advance) -> int:
        self.calls[arg.no][f"advance:{arg.event}"] += 1
        for said in arg.step.tell:
            self._told(arg.no, said)
        return 1

    @activity.defn(name=calls.LOOKUP_REGISTER)
    async def lookup(self, arg: calls.Lookup) -> calls.LookupAnswer:
        self.calls[arg.no][f"lookup:{arg.register_code}"] += 1
        return calls.LookupAnswer(outcome=LookupOutcome.FOUND, summary="已核验")

    @activity.defn(name=calls.ASSESS)
    async def assess(self, arg: calls.Assess) -> calls.AssessAnswer:
        self.calls[arg.no]["assess"] += 1
        return calls.AssessAnswer(verdict=Verdict.MET, rule_set="bench")

    @activity.defn(name=NOTIFY)
    async def notify(self, arg: Notify) -> str:
        self._told(arg.no, arg.telling)
        return arg.key

    def _told(self, no: str, said: Telling) -> None:
        self.calls[no][f"told:{said.template}"] += 1
        if said.template in (YOUR_TURN, ON_NOTICE):
            self._moments[no].put_nowait(said.template)

    async def moment(self, no: str, expected: str) -> None:
        """Waits for the case's next moment. Raises AssertionError when it is another one: the contestant took another path."""
        async with asyncio.timeout(60):
            came = await self._moments[no].get()
        if came != expected:
            raise AssertionError(f"{no}: {came} where {expected} was expected")

    def work_of(self, no: str) -> Counter[str]:
        return self.calls[no]

    def forget(self) -> None:
        self.calls.clear()
        self._moments.clear()
