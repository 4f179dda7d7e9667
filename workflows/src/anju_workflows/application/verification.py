"""数据核验: every register is asked at once, and what they said is assessed."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from anju_contracts.application import LookupOutcome
from temporalio import workflow
from temporalio.exceptions import ActivityError

from anju_workflows import calling
from anju_workflows.application import calls
from anju_workflows.application.confirmation import ConsentTakenBackError
from anju_workflows.application.steps import Steps
from anju_workflows.telling import household, several

# Refusals which have a person check by hand, as a register's silence does.
NOT_ASKED = ("NO_CONSENT",)
# A register that has not answered after this long is worth telling the household about; it still has its whole legal time.
PATIENCE_BEFORE_TELLING = timedelta(hours=1)


class Verifying(Steps):
    """Waits for the registers until the legal deadline; after it people check by hand."""

    async def verify(self) -> None:
        self.lookups, deadline = dict.fromkeys(self.given.registers), self.deadline
        assert deadline is not None
        asked = [asyncio.create_task(self.look_up(register, deadline)) for register in self.given.registers]

        def answered() -> bool:
            return all(task.done() for task in asked)

        try:
            if not await self.awaited(answered, workflow.now() + PATIENCE_BEFORE_TELLING, "部门尚未答复"):
                silent = [register for register, answer in self.lookups.items() if answer is None]
                await self.remind(household("verification_waiting", register=several("registers", silent)))
                await self.awaited(answered, None)
        except Exception as left:
            # The case leaves while registers are still asked. (A worker that lets go of the run cancels everything itself, and waits for nothing.)
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            if isinstance(left, ConsentTakenBackError):
                return
            raise
        question = calls.Assess(no=self.given.no, round=self.round, as_of=workflow.now())
        self.assessment = await self.ask(lambda: calls.assess(question))

    async def look_up(self, register: str, deadline: datetime) -> None:
        """One register. Silence until the legal deadline is an outcome of its own: people check by hand, nobody is refused for it."""
        clocks = self.given.clocks
        while True:
            now = workflow.now()
            try:
                answer = await calls.lookup(
                    calls.Lookup(no=self.given.no, round=self.round, register_code=register, as_of=now),
                    first_retry=timedelta(seconds=clocks.lookup_first_retry_seconds),
                    longest_retry=timedelta(seconds=clocks.lookup_max_retry_seconds),
                    patience=max(deadline - now, timedelta(seconds=1)),
                    own_queue=self.given.separate_queues,
                )
            except ActivityError as error:
                refusal = calling.refused(error)
                if refusal is not None and refusal.type not in NOT_ASKED:
                    # Our own gateway will not ask: that is not a department's silence.
                    await self.park(f"{calls.LOOKUP_REGISTER} {register}：{refusal.type}")
                    continue
                answer = calls.LookupAnswer(outcome=LookupOutcome.UNAVAILABLE, summary="期限内未答复，转人工核查")
            self.lookups[register] = answer
            self.show()
            return
