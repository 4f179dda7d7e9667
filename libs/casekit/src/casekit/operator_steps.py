"""What the platform's operators do by hand at a service: who, to what and why, on record before it is done. Append-only; the reason is sealed, since it is
free text. What was not handed on can be sent again here; workflows are resumed and started again by ``casekit.blocked``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
import sqlalchemy as sa
from anju.common.v1 import common_pb2 as common
from anju.operators.v1 import operators_pb2 as pb
from anju.operators.v1 import operators_pb2_grpc as rpc
from anju_calendar import start_of_day
from chassis import once
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import IDEMPOTENCY_KEY_REUSED, NOT_FOUND, Problem, Refusal, invalid
from chassis.identity import Caller, current_caller
from chassis.ids import stable_id
from chassis.outbox import PARK_AFTER, Outbox
from chassis.wire import missing, stamp
from sqlalchemy import DateTime, String, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from casekit.listing import By, Listing
from casekit.reads import Reads, asked_day, of_list

SERVICE: Final = pb.DESCRIPTOR.services_by_name["OperatorsService"].full_name
# What is shown at once of what has not gone out; the counts of ``chassis.operations`` say how much there is.
MOST: Final = 100

ALREADY_DELIVERED: Final = Problem(
    "ALREADY_DELIVERED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这一条已经送出，不需要再送。",
    "This has gone out already; there is nothing to send again.",
)


class OperatorStepColumns(SQLModel):
    """Columns of a service's ``operator_step`` table. ``kind`` is of the vocabulary operator_steps, ``subject`` the id of a workflow or
    ``outbox/<kind>/<entry>``; ``reason_sealed`` is sealed (place ``operator_step|reason_sealed|<id>``)."""

    # From the key of the request: a repeat finds it.
    id: str = Field(primary_key=True)
    kind: str
    subject: str
    actor: str
    reason_sealed: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


def create(op: Any) -> None:
    """The table, in a migration of a service. ``op`` is alembic's."""
    op.create_table(
        "operator_step",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_operator_step_at", "operator_step", ["at"])
    op.execute(
        """
        CREATE FUNCTION keep_operator_step() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'what operators did stays as it is' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER operator_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_step"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_operator_step()"
    )


def drop(op: Any) -> None:
    op.drop_table("operator_step")
    op.execute("DROP FUNCTION keep_operator_step()")


class OperatorSteps:
    """``table``: the service's own, ``service`` its name."""

    def __init__(self, table: type[Any], keys: KeyRing, service: str) -> None:
        self._table = table.__table__
        self._keys = keys
        self._service = service
        row = self._table.c
        self._listing = Listing(
            {
                "at": By(row.at, datetime),
                "actor": By(row.actor.collate("C"), str),
                # Tells steps of every service apart.
                "key": By(func.concat(row.id, " ", literal(service, String)).collate("C"), str),
            },
            own="-at",
            unique="key",
        )

    async def known(self, session: AsyncSession, caller: Caller, request: Any) -> bool:
        """Whether the act of this key is on record. Raises Refusal for a missing key."""
        return (await session.execute(select(self._table.c.id).where(self._table.c.id == _id(caller, request)))).one_or_none() is not None

    async def note(self, session: AsyncSession, caller: Caller, request: Any, kind: str, subject: str) -> None:
        """Writes the act down in the caller's transaction; a repeat changes nothing. ``request`` has ``idempotency_key`` and ``reason``.

        Raises Refusal: INVALID_FIELDS without a reason, IDEMPOTENCY_KEY_REUSED."""
        reason, step_id = reasoned(request), _id(caller, request)
        row = {
            "id": step_id,
            "kind": kind,
            "subject": subject,
            "actor": caller.sub,
            "reason_sealed": self._keys.encrypt(reason.encode(), _place(step_id)),
            "at": datetime.now(UTC),
        }
        added = insert(self._table).values(**row).on_conflict_do_nothing(index_elements=["id"]).returning(self._table.c.id)
        if (await session.execute(added)).one_or_none() is not None:
            return
        known = (await session.execute(select(self._table).where(self._table.c.id == step_id))).one()
        if (known.kind, known.subject, self._reason(step_id, known.reason_sealed)) != (kind, subject, reason):
            raise Refusal(IDEMPOTENCY_KEY_REUSED)

    async def page(self, session: AsyncSession, request: pb.ListStepsRequest) -> tuple[list[pb.Step], common.PageInfo]:
        """Raises Refusal(INVALID_FIELDS) for a day or an order that is none."""
        row, day = self._table.c, asked_day(request.day)
        query = select(row.id, row.kind, row.subject, row.actor, row.reason_sealed, row.at)
        if request.subject:
            query = query.where(row.subject.contains(request.subject, autoescape=True))
        if request.actor:
            query = query.where(row.actor == request.actor)
        if request.kind:
            query = query.where(row.kind == request.kind)
        if day is not None:
            query = query.where(row.at >= start_of_day(day), row.at < start_of_day(day + timedelta(days=1)))
        rows, info = await self._listing.page(session, query, request.page)
        steps = [
            pb.Step(
                id=step_id,
                kind=kind,
                subject=subject,
                actor=actor,
                reason=self._reason(step_id, sealed),
                at=stamp(at),
                service=self._service,
            )
            for step_id, kind, subject, actor, sealed, at in rows
        ]
        return steps, info

    def _reason(self, step_id: str, sealed: bytes) -> str:
        return self._keys.decrypt(sealed, _place(step_id)).decode()


class OperatorsServicer(rpc.OperatorsServiceServicer):
    """``reads``: where it is on record that the list was taken away in a file; a service that shows no households has none, and the others keep it."""

    def __init__(self, database: Database, steps: OperatorSteps, outbox: Outbox, reads: Reads | None = None) -> None:
        self._database = database
        self._steps = steps
        self._outbox = outbox
        self._reads = reads

    async def ListSteps(self, request: pb.ListStepsRequest, context: Any) -> pb.ListStepsResponse:
        async with self._database.statements() as session:
            steps, info = await self._steps.page(session, request)
        if request.page.purpose and not request.page.only_count and self._reads is not None:
            await self._reads.note(current_caller(), of_list("operator_steps", request.page), [])
        return pb.ListStepsResponse(steps=steps, page=info)

    async def ListUndelivered(self, request: pb.ListUndeliveredRequest, context: Any) -> pb.ListUndeliveredResponse:
        found = await self._outbox.undelivered(MOST)
        return pb.ListUndeliveredResponse(
            undelivered=[
                pb.Undelivered(
                    entry=each.id,
                    kind=each.kind,
                    attempts=each.attempts,
                    created_at=stamp(each.created_at),
                    next_try_at=stamp(each.next_try_at),
                    given_up=each.attempts >= PARK_AFTER,
                    error=each.last_error,
                )
                for each in found
            ]
        )

    async def SendAgain(self, request: pb.SendAgainRequest, context: Any) -> pb.SendAgainResponse:
        caller = current_caller()
        reasoned(request)
        async with self._database.transaction() as session:
            known = await self._steps.known(session, caller, request)
            entry = await self._outbox.tried_in_vain(session, request.entry)
            if entry is None:
                raise Refusal(NOT_FOUND)
            if entry.done_at is not None and not known:
                raise Refusal(ALREADY_DELIVERED)
            await self._steps.note(session, caller, request, "send_again", f"outbox/{entry.kind}/{entry.id}")
            if not known:
                await self._outbox.hasten(session, entry.id)
        return pb.SendAgainResponse()


def reasoned(request: Any) -> str:
    """Why it is done. Raises Refusal(INVALID_FIELDS) when nobody says."""
    reason = str(request.reason).strip()
    if not reason:
        raise invalid([missing("/reason")])
    return reason


def _id(caller: Caller, request: Any) -> str:
    return stable_id("os", once.request_key(caller, request))


def _place(step_id: str) -> str:
    return f"operator_step|reason_sealed|{step_id}"
