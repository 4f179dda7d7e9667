"""The service on a real socket and database, with two people who may edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anju_calendar as calendar
from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from chassis.grpc_client import Client
from chassis.identity import Caller
from oversight.app import application
from oversight.settings import Settings
from oversight.tables import MIGRATIONS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.conftest import MakeDatabase
from tests.services.oversight.desk import Walker
from tests.support.keys import signer

READER = Caller(sub="everybody", kind="citizen")


def editor(account: str, *, role: str = "city_reviewer", person: str = "") -> Caller:
    return Caller(sub=account, kind="staff", roles=(role,), divisions=("4102",), person=person or f"person of {account}")


WRITER, SECOND = editor("writer"), editor("second")


def on(days: int = 0) -> str:
    """So many days from today."""
    return (calendar.local_date(datetime.now(UTC)) + timedelta(days=days)).isoformat()


def content(title: str = "公租房租金标准", effective_on: str = "", text: str = "每月租金按建筑面积计算。", **more: Any) -> pb.Content:
    said: dict[str, Any] = {
        "category": "rent",
        "title": common.Text(zh=title, en="Rent standard"),
        "summary": common.Text(zh="租金怎么算。", en="How rent is computed."),
        "issuer": "示例市住房保障中心",
        "articles": [pb.Article(number="第一条", text=text, criteria=["income"])],
        "effective_on": effective_on or on(-10),
        "sample": True,
    }
    return pb.Content(**{**said, **more})


@dataclass
class Shelf:
    edge: Client
    database_url: str

    async def view(self, id: str, channel: str = "web") -> None:
        """As the edge says it, in its own name."""
        await self.edge.call(rpc.OversightServiceStub(self.edge.channel).CountView, pb.CountViewRequest(policy_id=id, channel=channel))

    async def ask(self, method: str, request: Any, caller: Caller = READER) -> Any:
        return await self.edge.call(getattr(rpc.OversightServiceStub(self.edge.channel), method), request, caller=caller)

    async def save(self, id: str, said: pb.Content, base: str = "", caller: Caller = WRITER) -> pb.Draft:
        request = pb.SavePolicyDraftRequest(policy_id=id, content=said, base_digest=base)
        answer: pb.SavePolicyDraftResponse = await self.ask("SavePolicyDraft", request, caller)
        return answer.draft

    async def publish(self, id: str, said: pb.Content | None = None) -> pb.Policy:
        draft = await self.save(id, said or content())
        answer: pb.PublishPolicyResponse = await self.ask(
            "PublishPolicy", pb.PublishPolicyRequest(policy_id=id, digest=draft.digest), SECOND
        )
        return answer.policy

    async def found(self, words: str = "", **more: Any) -> list[str]:
        answer = await self.ask("ListPolicies", pb.ListPoliciesRequest(words=words, **more))
        return [each.id for each in answer.policies]

    async def read(self, id: str, on_date: str = "") -> pb.Policy:
        answer: pb.GetPolicyResponse = await self.ask("GetPolicy", pb.GetPolicyRequest(id=id, on_date=on_date))
        return answer.policy

    async def sql(self, statement: str) -> Any:
        engine = create_async_engine(self.database_url)
        try:
            async with engine.begin() as connection:
                found = await connection.execute(text(statement))
                return found.all() if found.returns_rows else None
        finally:
            await engine.dispose()


@asynccontextmanager
async def shelf(make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Shelf]:
    url = await make_database("oversight", MIGRATIONS)
    async with application(Settings(database_url=url, keys_dir=keys_dir, port=0, drain_seconds=0), engine=Walker(keys_dir)) as server:
        edge = Client(server.address, signer(keys_dir, "web-gateway"), "oversight")
        yield Shelf(edge, url)
        await edge.close()
