"""What all our workflows share: the stage, the numbered steps, and the page an operator reads about the case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from anju_workflows import calls, deadlines, search_attributes
from anju_workflows.transitions import Table

WAITING_ON_TITLES = {
    "citizen": "申请家庭",
    "street": "街道经办",
    "district": "区级复审",
    "city": "市级终审",
    "registers": "数据部门",
    "public": "公示期（社会公众）",
    "house_manager": "房管所",
    "system": "系统",
    "nobody": "无",
}


def refuse(kind: str, text: str) -> ApplicationError:
    """A validator's refusal: ``kind`` is the reason people's clients switch on, ``text`` is what they read."""
    return ApplicationError(text, type=kind, non_retryable=True)


class Case:
    table: ClassVar[Table]

    def __init__(self, application_no: str) -> None:
        self.application_no = application_no
        self.stage = self.table.start
        self.waiting_on = "system"
        self.deadline: datetime | None = None
        self.overdue = False
        self.steps = 0
        self.place: tuple[str, str] | None = None

    # -- steps ---------------------------------------------------------------------------------------------------------------------------

    def step(self, event: str, actor: str = "system", request: str = "") -> calls.Step:
        """The next numbered step; one that carries out what a person said has the id of the person's request instead of a number.

        Should a worker die between a step's effect and the engine's note of it, and a timer come first, then the repeat of what the person said
        is still the same step. The event is part of the name, so that another step of that number is recorded as what it is."""
        if not request:
            self.steps += 1
        name = request or str(self.steps)
        return calls.Step(step_id=f"{workflow.info().workflow_id}/{name}/{event}", as_of=workflow.now(), actor=actor)

    async def tell(self, template: str, **params: str) -> None:
        """Tells the household, once."""
        key = self.step(f"tell-{template}")
        await calls.notify(calls.Notify(key=key.step_id, no=self.application_no, template=template, params=params, as_of=key.as_of))

    def move(self, event: str, *, waiting_on: str, deadline: datetime | None = None, overdue: bool = False) -> str:
        """Makes a legal move and shows it to operators. Raises IllegalMoveError (a bug) for any other."""
        self.stage = self.table.next(self.stage, event)
        self.waiting_on, self.deadline, self.overdue = waiting_on, deadline, overdue
        workflow.upsert_search_attributes(
            search_attributes.updates(stage=self.stage, waiting_on=waiting_on, deadline=deadline, overdue=overdue, place=self.place)
        )
        self.place = None
        self.show()
        return self.stage

    def show(self) -> None:
        workflow.set_current_details("\n\n".join(self.details()))

    def details(self) -> list[str]:
        """Markdown paragraphs for the Temporal UI: where it is, who must act, until when."""
        lines = [f"**阶段**：{self.table.stages[self.stage]}（{self.stage}）", f"**等待**：{WAITING_ON_TITLES[self.waiting_on]}"]
        if self.deadline is not None:
            lines.append(f"**期限**：{deadlines.china_day(self.deadline)}{'（已超期）' if self.overdue else ''}")
        return lines

    async def until(self, condition: Callable[[], bool], at: datetime | None, summary: str = "") -> bool:
        """Waits for the condition, at most until ``at``; False when the time came first."""
        if at is None:
            await workflow.wait_condition(condition)
            return True
        left = at - workflow.now()
        if left.total_seconds() <= 0:
            return condition()
        try:
            await workflow.wait_condition(condition, timeout=left, timeout_summary=summary or None)
        except TimeoutError:
            return condition()
        return True

    async def finish(self) -> None:
        """Before a run ends, whoever is being answered gets the answer."""
        await workflow.wait_condition(workflow.all_handlers_finished)
