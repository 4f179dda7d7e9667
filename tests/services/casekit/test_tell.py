"""What a step tells reaches notifications, once for notifications and as often as it takes for us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as pb
from anju.notifications.v1 import notifications_pb2_grpc as rpc
from anju_calendar import start_of_day
from casekit import tell
from casekit.reads import telling_auditors
from casekit.tell import Tellings
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import IDEMPOTENCY_KEY_REUSED, UNAVAILABLE, Refusal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Verifier, load_key_set
from chassis.outbox import Outbox, OutboxColumns
from sqlalchemy.orm import registry
from sqlmodel import SQLModel, text

from tests.conftest import MakeDatabase
from tests.support.keys import signer
from tests.support.patience import eventually

SERVICE = pb.DESCRIPTOR.services_by_name["NotificationsService"].full_name


class Base(SQLModel, registry=registry()):
    """Own metadata."""


class Told(Base, OutboxColumns, table=True):
    __tablename__ = "outbox"


class Notifications(rpc.NotificationsServiceServicer):
    """Away for the first ``away`` calls."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        # What comes under a key it has is other than before.
        self.known = False
        self.heard: list[pb.NotifyRequest] = []

    async def Notify(self, request: pb.NotifyRequest, context: Any) -> pb.NotifyResponse:
        if self.away:
            self.away -= 1
            raise Refusal(UNAVAILABLE)
        if self.known:
            raise Refusal(IDEMPOTENCY_KEY_REUSED)
        self.heard.append(request)
        return pb.NotifyResponse(message_id="M1")


@asynccontextmanager
async def telling(url: str, keys_dir: Path, notifications: Notifications) -> AsyncIterator[tuple[Database, Outbox, Tellings]]:
    server = GrpcServer(SERVICE, Verifier(load_key_set(keys_dir / "callers.jwks")), host="127.0.0.1", port=0, drain_seconds=0.1)
    rpc.add_NotificationsServiceServicer_to_server(notifications, server.server)
    database = Database(url)
    async with serving(server):
        client = Client(server.address, signer(keys_dir, "payments"))
        tellings = Tellings(KeyRing.generate(), client)
        outbox = Outbox(database, Told, {tell.TELL: tellings.deliver})
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await outbox.start()
        try:
            yield database, outbox, tellings
        finally:
            await outbox.stop()
            await client.close()
            await database.close()


def overdue(*more: common.Telling) -> common.Step:
    step = common.Step(step_id="bill/L-1/202612/2/became_overdue", actor="system", tell=[common.Telling(template="bill_overdue"), *more])
    step.tell[0].values["amount"].fen = 35_000
    step.tell[0].values["month"].month = "202612"
    step.as_of.FromJsonString("2026-12-11T00:00:00Z")
    return step


async def test_what_a_step_tells_arrives_as_facts_though_notifications_is_away_first(make_database: MakeDatabase, keys_dir: Path) -> None:
    notifications, step = Notifications(away=2), overdue(common.Telling(template="bill_overdue", role="house_manager", division="410202"))
    async with telling(await make_database("tell"), keys_dir, notifications) as (database, outbox, tellings):
        async with database.transaction() as session:
            tellings.hand_on(outbox, session, step, "KF-2026-000001")
        await eventually(lambda: len(notifications.heard) >= 2)
    wanted = [
        pb.NotifyRequest(key=f"{step.step_id}/tell-{key}", application_no="KF-2026-000001", telling=told, as_of=step.as_of)
        for key, told in zip(("bill_overdue", "bill_overdue-house_manager-410202"), step.tell, strict=True)
    ]
    assert sorted(notifications.heard, key=lambda request: len(request.key)) == wanted


async def test_a_step_that_is_not_recorded_tells_nothing(make_database: MakeDatabase, keys_dir: Path) -> None:
    async with telling(await make_database("tell"), keys_dir, Notifications()) as (database, outbox, tellings):
        with suppress(LookupError):
            async with database.transaction() as session:
                tellings.hand_on(outbox, session, overdue(), "KF-2026-000001")
                raise LookupError
        async with database.transaction() as session:
            with pytest.raises(ValueError, match="twice"):
                tellings.hand_on(outbox, session, overdue(common.Telling(template="bill_overdue")), "KF-2026-000001")
        async with database.transaction() as session:
            assert (await session.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0


async def test_what_waits_is_sealed(make_database: MakeDatabase, keys_dir: Path) -> None:
    step = common.Step(step_id="application/KF-1/word/street_refused", tell=[common.Telling(template="refused")])
    step.tell[0].values["reason"].text = "欧阳晓明名下另有住房"
    async with telling(await make_database("tell"), keys_dir, Notifications(away=1_000)) as (database, outbox, tellings):
        async with database.transaction() as session:
            tellings.hand_on(outbox, session, step, "KF-1")
        async with database.transaction() as session:
            kept = (await session.execute(text("SELECT payload::text FROM outbox"))).scalar_one()
    assert "application/KF-1/word/street_refused/tell-refused" in kept
    assert "欧阳" not in kept.encode().decode("unicode_escape")


def test_a_service_fills_in_what_it_alone_knows_for_the_household_only() -> None:
    step = common.Step(tell=[common.Telling(template="registered"), common.Telling(template="listed", role="house_manager")])
    tell.fill_in(step, rank=tell.count(3))
    assert step.tell[0].values["rank"].count == 3
    assert not step.tell[1].values


async def test_auditors_are_told_of_an_official_once_a_day_whatever_service_he_looked_at(
    make_database: MakeDatabase, keys_dir: Path
) -> None:
    notifications = Notifications()
    async with telling(await make_database("told"), keys_dir, notifications) as (_, _, tellings):
        tell_auditors = telling_auditors(tellings._client)
        said = {"reader": "st-1", "day": "2026-11-26", "division": "4102"}
        for _ in range(2):
            await tell_auditors(said)
        one, again = notifications.heard
        # The same key and the same words: notifications keeps one of them.
        assert one == again
        assert (one.telling.template, one.telling.role, one.telling.division, one.application_no) == ("bulk_read", "auditor", "4102", "")
        assert one.telling.values["on"].day.ToDatetime(UTC) == start_of_day(date(2026, 11, 26))
        assert "st-1" not in one.key
        await tell_auditors({**said, "day": "2026-11-27"})
        assert notifications.heard[-1].key != one.key
        notifications.known = True
        await tell_auditors({**said, "division": "410202"})
