"""``anju repair``: the records that are open while nobody works on them, and starting their workflows again. Every service is asked about its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import anju_calendar as calendar
from anju.repair.v1 import repair_pb2 as pb
from anju.repair.v1 import repair_pb2_grpc as rpc
from anju_terms import title
from chassis import commands
from chassis.deployment import Deployment
from chassis.errors import NOT_FOUND, Refusal
from chassis.grpc_client import Client
from chassis.wire import utc
from rich.console import Console
from rich.table import Table

from anju_onebox.operating import services_of

# Whose records have workflows. A lease goes on before its bills, which tell it their end.
SERVICES: Final = ("casework", "housing", "payments", "oversight")
_SECONDS: Final = 60.0
_ENGINE: Final = {"closed": "已结束 closed", "broken": "被终止 ended by somebody", "unknown": "不存在 unknown"}


class Found(NamedTuple):
    service: str
    blocked: pb.Blocked


async def run(deployment: Deployment, wanted: Sequence[str], *, go: bool) -> int:
    """Shows what is blocked, and with ``go`` starts it again. 0: nothing is blocked any more, 1: something is, or could not be started.

    ``wanted``: only these workflow ids; without it, all. Raises CannotRunError."""
    async with services_of(deployment, SERVICES) as services:
        found = [each for each in await _blocked(services) if not wanted or each.blocked.workflow_id in wanted]
        console = Console()
        if found:
            console.print(_table(found))
        if not go:
            return _said(console, found, wanted)
        unknown = [id_ for id_ in wanted if id_ not in {each.blocked.workflow_id for each in found}]
        failed = 0
        for workflow_id in [*(each.blocked.workflow_id for each in found), *unknown]:
            failed += not await _start_again(console, services, workflow_id)
        if not found and not unknown:
            console.print("没有受阻的件 — nothing is blocked")
        return 1 if failed else 0


def _said(console: Console, found: Sequence[Found], wanted: Collection[str]) -> int:
    if found:
        console.print("未做改动；核对后加 --yes 执行 — nothing was changed: look at it, then again with --yes")
        return 1
    console.print("这些件没有受阻 — none of these is blocked" if wanted else "没有受阻的件 — nothing is blocked")
    return 0


async def _start_again(console: Console, services: dict[str, Client], workflow_id: str) -> bool:
    for client in services.values():
        try:
            answer: pb.StartAgainResponse = await client.call(
                rpc.RepairServiceStub(client.channel).StartAgain, pb.StartAgainRequest(workflow_id=workflow_id), timeout=_SECONDS
            )
        except Refusal as refusal:
            if refusal.problem.reason == NOT_FOUND.reason:
                continue
            console.print(f"✗ {workflow_id}: {refusal.zh or refusal.problem.zh} — {refusal.en or refusal.problem.en}")
            return False
        console.print(f"✓ {workflow_id}: {answer.stage} ({answer.generation})")
        return True
    console.print(f"✗ {workflow_id}: 没有这个件 — there is no such record")
    return False


async def _blocked(services: dict[str, Client]) -> list[Found]:
    found = []
    for name, client in services.items():
        try:
            answer: pb.ListBlockedResponse = await client.call(
                rpc.RepairServiceStub(client.channel).ListBlocked, pb.ListBlockedRequest(), timeout=_SECONDS
            )
        except Refusal as refusal:
            raise commands.CannotRunError(f"{name}: {refusal.zh or refusal.problem.zh} — {refusal.en or refusal.problem.en}") from refusal
        found += [Found(name, each) for each in answer.blocked]
    return found


def _table(found: Sequence[Found]) -> Table:
    table = Table("流程 workflow", "引擎 engine", "从哪一步继续 goes on in", "等待 waits for", "期限 until", title="受阻的件 blocked")
    for _, each in found:
        until = calendar.local_date(utc(each.deadline_at)).isoformat() if each.HasField("deadline_at") else "—"
        stage = f"{each.stage_title}（{each.stage}）"
        table.add_row(each.workflow_id, _ENGINE.get(each.engine, each.engine), stage, title("waiting_on", each.waiting_on), until)
    return table
