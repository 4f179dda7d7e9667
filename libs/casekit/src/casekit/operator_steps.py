"""What the platform's operators do by hand: who, to what and why, on record before it is done. Append-only; the reason is sealed, since it is free text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from anju.repair.v1 import repair_pb2 as pb
from chassis import once
from chassis.crypto import KeyRing
from chassis.errors import IDEMPOTENCY_KEY_REUSED, Refusal, invalid
from chassis.identity import Caller
from chassis.ids import stable_id
from chassis.wire import missing, stamp
from sqlalchemy import DateTime, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

# What is shown of them at once.
MOST: Final = 100


class OperatorStepColumns(SQLModel):
    """Columns of a service's ``operator_step`` table. ``kind``: resume or start_again; ``reason_sealed`` is sealed (place ``operator_step|reason_sealed|<id>``)."""

    # From the key of the request: a repeat finds it.
    id: str = Field(primary_key=True)
    kind: str
    workflow_id: str
    actor: str
    reason_sealed: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


def create(op: Any) -> None:
    """The table, in a migration of a service. ``op`` is alembic's."""
    op.create_table(
        "operator_step",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
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
    """``table``: the service's own."""

    def __init__(self, table: type[Any], keys: KeyRing) -> None:
        self._table = table.__table__
        self._keys = keys

    async def known(self, session: AsyncSession, caller: Caller, request: Any) -> bool:
        """Whether the act of this key is on record. Raises Refusal for a missing key."""
        return (await session.execute(select(self._table.c.id).where(self._table.c.id == _id(caller, request)))).one_or_none() is not None

    async def note(self, session: AsyncSession, caller: Caller, request: Any, kind: str) -> None:
        """Writes the act down in the caller's transaction; a repeat changes nothing. ``request`` has ``idempotency_key``, ``workflow_id`` and ``reason``.

        Raises Refusal: INVALID_FIELDS without a reason, IDEMPOTENCY_KEY_REUSED."""
        reason, step_id = reasoned(request), _id(caller, request)
        row = {
            "id": step_id,
            "kind": kind,
            "workflow_id": request.workflow_id,
            "actor": caller.sub,
            "reason_sealed": self._keys.encrypt(reason.encode(), _place(step_id)),
            "at": datetime.now(UTC),
        }
        added = insert(self._table).values(**row).on_conflict_do_nothing(index_elements=["id"]).returning(self._table.c.id)
        if (await session.execute(added)).one_or_none() is not None:
            return
        known = (await session.execute(select(self._table).where(self._table.c.id == step_id))).one()
        if (known.kind, known.workflow_id, self._reason(known)) != (kind, request.workflow_id, reason):
            raise Refusal(IDEMPOTENCY_KEY_REUSED)

    async def latest(self, session: AsyncSession) -> Sequence[pb.OperatorStep]:
        rows = (await session.execute(select(self._table).order_by(self._table.c.at.desc()).limit(MOST))).all()
        return [
            pb.OperatorStep(
                id=row.id, kind=row.kind, workflow_id=row.workflow_id, actor=row.actor, reason=self._reason(row), at=stamp(row.at)
            )
            for row in rows
        ]

    def _reason(self, row: Any) -> str:
        return self._keys.decrypt(row.reason_sealed, _place(row.id)).decode()


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
