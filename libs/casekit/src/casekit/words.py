"""What people say to workflows: a decision, a correction, a withdrawal, an objection, the answer to an offer, a signature. One way for every service.

A word is written down before anybody acts on it: who said it, what, to which workflow, in the transaction that keeps what belongs to it. Then it is put
to the workflow, as an update under the word's id, and the workflow gives the verdict. What nobody waits for any more (the call was broken off, the
engine was away) is settled by the outbox. A repeat under the same key is the same word; other content under it is refused.

The row is also the authority for what the workflow has recorded afterwards (``carried_out``): a message in the engine proves nothing, whoever has sent
it. A step of a person is recorded when this service itself has heard an authenticated person say just that.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from anju.common.v1 import common_pb2 as common
from anju_contracts.base import RECORDING, WRITTEN, Word
from chassis import logs, once
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import IDEMPOTENCY_KEY_REUSED, RETRYABLE, UNAVAILABLE, Problem, Refusal
from chassis.identity import Caller
from chassis.ids import stable_id
from chassis.once import request_key
from sqlalchemy import CheckConstraint, Column, DateTime, Index, String, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from casekit.engine import BLOCKED, CLOSED, NOT_STARTED, Engine, OnRecord, in_words_of, without_workflow

_log = logs.get(__name__)

# The kind of these entries in a service's outbox; its handler is ``Words.settle``.
SETTLE_WORD: Final = "settle_word"
# The call itself asks the workflow first; the outbox is for the call that died or was left without an answer.
SETTLE_AFTER: Final = timedelta(seconds=20)
# How long an answer waits for the workflow's own record of the step; without it the answer is merely older.
LANDING_SECONDS: Final = 2.0
# How long a workflow may lag behind the record it has written itself; and behind one of which it is told (a whole estate may be offered at once).
LAG_SECONDS: Final = 2.0
TOLD_LAG_SECONDS: Final = 6.0
_LOOK_SECONDS: Final = 0.04
_TOLD_LOOK_SECONDS: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
_ROUNDS: Final = 3

SAID: Final = "said"
TAKEN: Final = "taken"
REFUSED: Final = "refused"

NOT_SAID: Final = Problem(
    "NOT_SAID",
    grpc.StatusCode.PERMISSION_DENIED,
    "这一步没有经办人或当事人在本系统登录后作出的原始记录，不予登记；已报警，请平台运维人员核查流程引擎的访问权限。",
    "Nobody who had signed on has said this here, so the step is not recorded. An alarm was raised: operators must look into who can reach the engine.",
)


class WordColumns(SQLModel):
    """Columns of a service's ``word`` table (``class Word(Base, WordColumns, table=True)``). Rows are evidence: a trigger keeps who said what as it is,
    and they are not pruned."""

    # The word's name in the engine too: its update id.
    id: str = Field(primary_key=True)
    # Tells another request under the same key from a repeat.
    fingerprint: str
    workflow_id: str
    update_name: str
    sub: str
    # Blind index of the identity number the sign-on had verified; empty where it had verified none.
    person: str = Field(default="")
    # Whom an official stood in for, whose duties he said it with; empty for himself.
    acting_for: str = Field(default="")
    # A clerk at a counter who typed it in a citizen's name, and the visit in which he did; empty for who was at the keyboard himself.
    assisted_by: str = Field(default="")
    assistance: str = Field(default="")
    kind: str
    roles: list[str] = Field(sa_type=ARRAY(String))
    # The level in whose name an official spoke; empty for everybody else.
    level: str = Field(default="")
    # What was said: in the clear what codes and ids say, sealed what people wrote, and a digest of the whole.
    said: dict[str, Any] = Field(sa_type=JSONB)
    texts_sealed: bytes = Field(default=b"")
    digest: str
    # said, taken or refused
    state: str = Field(default=SAID)
    # How often somebody has begun to put it: the last one's refusal counts.
    asked: int = Field(default=1)
    # The stage the workflow answered; the step that carries the word out, once it is on record.
    stage: str = Field(default="")
    step_id: str = Field(default="")
    said_at: datetime = Field(sa_type=DateTime(timezone=True))
    answered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True), nullable=True)


def word_rules() -> tuple[Index, CheckConstraint]:
    """What the table holds to, and finds unsettled words by; the ``__table_args__`` of a service's ``word``."""
    state: Column[Any] = Column("state")
    unsettled = Index("ix_word_unsettled", "workflow_id", postgresql_where=state == SAID)
    return unsettled, CheckConstraint("state IN ('said', 'taken', 'refused')", name="word_state")


@dataclass(frozen=True)
class Heard:
    """What ``prepare`` makes of a request: to which workflow what is said, and in the name of which level."""

    workflow_id: str
    word: Word
    level: str = ""


@dataclass(frozen=True)
class Said:
    """A word on record."""

    id: str
    workflow_id: str
    update: str
    word: Any
    sub: str
    person: str
    kind: str
    roles: tuple[str, ...]
    level: str
    state: str
    stage: str
    step_id: str
    asked: int
    said_at: datetime


class EarlierFirstError(Exception):
    """Raised by ``prepare``: another word has to be settled before this one can be looked at."""

    def __init__(self, word_id: str) -> None:
        super().__init__(word_id)
        self.word_id = word_id


Look = Callable[[AsyncSession, Said], Awaitable[bool]]
Hook = Callable[[AsyncSession, Said], Awaitable[None]]


async def _nothing(session: AsyncSession, said: Said) -> None:
    """Nothing was kept with the word."""


@dataclass(frozen=True)
class Kind:
    """One thing people may say, and what its service knows of it.

    ``timely``: the record is still where such a word can be taken; a workflow that says otherwise is a moment behind. ``on_record``: how the matter
    stands, asked when its workflow does not answer. ``shown``: the record shows what the word led to (as a rule: its step is there).
    ``taken`` and ``refused`` run in the transaction that writes the outcome down. ``told``: what the workflow waits for comes to it by our own outbox,
    so that it may be long behind the record: until it has heard, the word stays as it is.
    """

    update: str
    model: type[Word]
    timely: Look
    on_record: Callable[[AsyncSession, Said], Awaitable[OnRecord]]
    shown: Look | None = None
    taken: Hook = _nothing
    refused: Hook = _nothing
    told: bool = False
    # The service's own words for the reasons a workflow gives; CLOSED among them: what it means for this matter.
    problems: Mapping[str, Problem] = field(default_factory=dict)
    # Reasons that say "not now": believed when the record agrees.
    not_now: frozenset[str] = frozenset()


class Words:
    """``table`` and ``outbox_table`` are the service's own; ``ring`` seals what people wrote."""

    def __init__(
        self,
        database: Database,
        table: type[Any],
        outbox_table: type[Any],
        engine: Engine,
        ring: KeyRing,
        kinds: Iterable[Kind],
    ) -> None:
        self._database = database
        self._table = table
        self._outbox_table = outbox_table
        self._engine = engine
        self._ring = ring
        self._kinds = {kind.update: kind for kind in kinds}

    # --- saying it ----------------------------------------------------------------------------------------------------------------------

    async def say(self, caller: Caller, request: Any, update_name: str, prepare: Callable[[AsyncSession, str], Awaitable[Heard]]) -> Said:
        """Writes a person's word down, puts it to its workflow, and gives it back once it is taken.

        ``prepare(session, word_id)`` checks that this person may say this now, keeps what belongs to the word, and says what is put. It is not asked
        again for a repeat. Raises Refusal: what ``prepare`` or the workflow said, IDEMPOTENCY_KEY_REUSED, BLOCKED, or UNAVAILABLE when the outcome is
        not known: the word stays, and goes on without the person.
        """
        word_id = word_name(request_key(caller, request))
        said, again = await self._written_down(caller, request, update_name, word_id, prepare)
        if said.state != TAKEN:
            if again:
                await self._settle_others(said)
            said = await self._ask(said)
        await self._landed(said)
        return said

    async def _written_down(
        self, caller: Caller, request: Any, update_name: str, word_id: str, prepare: Callable[[AsyncSession, str], Awaitable[Heard]]
    ) -> tuple[Said, bool]:
        for _ in range(_ROUNDS):
            try:
                async with self._database.transaction() as session:
                    return await self._write_down(session, caller, request, update_name, word_id, prepare)
            except EarlierFirstError as earlier:
                await self.settle({"word": earlier.word_id})
        raise Refusal(UNAVAILABLE)

    async def _write_down(
        self,
        session: AsyncSession,
        caller: Caller,
        request: Any,
        update_name: str,
        word_id: str,
        prepare: Callable[[AsyncSession, str], Awaitable[Heard]],
    ) -> tuple[Said, bool]:
        await once.hold(session, word_id)
        row = await session.get(self._table, word_id)
        fingerprint = once.fingerprint(request)
        if row is not None and row.state != REFUSED:
            if row.fingerprint != fingerprint:
                raise Refusal(IDEMPOTENCY_KEY_REUSED)
            if row.state == SAID:
                row.asked += 1
            return self.said(row), True
        heard = await prepare(session, word_id)
        values = self.columns(word_id, caller, update_name, heard)
        if row is None:
            row = self._table(**values, fingerprint=fingerprint)
            session.add(row)
        else:
            # It was refused, and a refused word leaves nothing: its key may be used again, with other content too.
            for name, value in {**values, "fingerprint": fingerprint, "stage": "", "step_id": "", "answered_at": None}.items():
                setattr(row, name, value)
            row.state, row.asked = SAID, row.asked + 1
        session.add(self._outbox_table(kind=SETTLE_WORD, payload={"word": word_id}, next_try_at=_now() + SETTLE_AFTER))
        await session.flush()
        return self.said(row), False

    def columns(self, word_id: str, caller: Caller, update_name: str, heard: Heard) -> dict[str, Any]:
        """What is written down of a word. Raises KeyError for an update that is no kind of ours."""
        said = self._kinds[update_name].model.model_validate(heard.word).model_dump(mode="json")
        written = text_fields(type(heard.word))
        texts = {name: said[name] for name in written if said[name]}
        return {
            "id": word_id,
            "workflow_id": heard.workflow_id,
            "update_name": update_name,
            "sub": caller.sub,
            "person": caller.person,
            "acting_for": caller.acting_for,
            "assisted_by": caller.assisted_by,
            "assistance": caller.assistance,
            "kind": caller.kind,
            "roles": sorted(caller.roles),
            "level": heard.level,
            "said": {name: value for name, value in said.items() if name not in written},
            "texts_sealed": self._ring.encrypt(json.dumps(texts, ensure_ascii=False).encode(), _place(word_id)) if texts else b"",
            "digest": digest(heard.word),
            "said_at": _now(),
        }

    def said(self, row: Any) -> Said:
        texts = json.loads(self._ring.decrypt(row.texts_sealed, _place(row.id))) if row.texts_sealed else {}
        return Said(
            id=row.id,
            workflow_id=row.workflow_id,
            update=row.update_name,
            word=self._kinds[row.update_name].model.model_validate({**row.said, **texts}),
            sub=row.sub,
            person=row.person,
            kind=row.kind,
            roles=tuple(row.roles),
            level=row.level,
            state=row.state,
            stage=row.stage,
            step_id=row.step_id,
            asked=row.asked,
            said_at=row.said_at,
        )

    # --- putting it ---------------------------------------------------------------------------------------------------------------------

    async def _ask(self, said: Said, *, alone: bool = False) -> Said:
        """Puts a word and writes the outcome down. ``alone``: other words are left as they are. Raises Refusal."""
        try:
            stage = await self._verdict(said, alone=alone)
        except Refusal as refusal:
            if refusal.problem.status in RETRYABLE:
                raise
            if await self._was_refused(said):
                raise
            # It is on record here: whatever the workflow says now, it has been carried out.
            _log.error("recorded_word_refused", workflow_id=said.workflow_id, update=said.update, reason=refusal.problem.reason)
            return replace(said, state=TAKEN)
        await self._was_taken(said, stage)
        return replace(said, state=TAKEN, stage=stage)

    async def _verdict(self, said: Said, *, alone: bool) -> str:
        """The workflow gives the verdict, not the record: it alone knows what else has been said to it. But one that is a moment behind the record
        (the engine replays after a crash, what it waits for is still on its way) is asked again, and its "not now" believed when it persists or when
        the record says the same. One that is in the middle of a step of its own says so, and that is no answer."""
        kind = self._kinds[said.update]
        clock = asyncio.get_running_loop()
        lag, pause = (TOLD_LAG_SECONDS, _TOLD_LOOK_SECONDS) if kind.told else (LAG_SECONDS, _LOOK_SECONDS)
        until, looked = clock.time() + lag, alone
        while True:
            try:
                return (await self._engine.put(said.workflow_id, said.update, said.word, said.id)).stage
            except Refusal as refusal:
                gone, busy = refusal.problem in (CLOSED, NOT_STARTED), refusal.problem.reason == RECORDING
                if not gone and not busy and refusal.problem.reason not in kind.not_now:
                    raise in_words_of(refusal, kind.problems) from None
                async with self._database.statements() as session:
                    timely, on_record = await kind.timely(session, said), await kind.on_record(session, said)
                late = clock.time() + pause > until
                if gone and (on_record is OnRecord.OVER or late):
                    raise in_words_of(without_workflow(refusal, on_record), kind.problems) from None
                if busy and late:
                    raise Refusal(UNAVAILABLE) from None
                if not gone and not busy and (not timely or late):
                    raise (Refusal(UNAVAILABLE) if timely and kind.told else in_words_of(refusal, kind.problems)) from None
            if not looked:
                await self._settle_others(said)
                looked = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _settle_others(self, said: Said) -> None:
        """Words to the same workflow that were said before, or stand on record already, and of which nobody has heard the end: the record wins."""
        table = self._table
        query = (
            select(table)
            .where(table.workflow_id == said.workflow_id, table.state == SAID, table.id != said.id)
            .where(or_(table.step_id != "", table.said_at < said.said_at))
            .order_by((table.step_id == ""), table.said_at)
        )
        async with self._database.statements() as session:
            others = [self.said(row) for row in (await session.execute(query)).scalars()]
        for other in others:
            try:
                await self._ask(other, alone=True)
            except Refusal as refusal:
                if refusal.problem.status in RETRYABLE and refusal.problem is not BLOCKED:
                    raise

    async def _was_taken(self, said: Said, stage: str) -> None:
        table, kind = self._table, self._kinds[said.update]
        outcome = update(table).where(table.id == said.id, table.state == SAID).values(state=TAKEN, stage=stage, answered_at=_now())
        async with self._database.transaction() as session:
            if (await session.execute(outcome.returning(table.id))).first() is not None:
                await kind.taken(session, said)
                await self._done_with(session, said.id)

    async def _was_refused(self, said: Said) -> bool:
        """False for a word that stands on record. One that somebody else has begun to put meanwhile is his to answer for."""
        table, kind = self._table, self._kinds[said.update]
        mine = update(table).where(table.id == said.id, table.state == SAID, table.step_id == "", table.asked == said.asked)
        async with self._database.transaction() as session:
            # What belongs to the word goes first: it may hold the case, which a step of the workflow holds before it looks at words.
            state, step_id, asked = (
                await session.execute(select(table.state, table.step_id, table.asked).where(table.id == said.id))
            ).one()
            if step_id:
                await session.execute(update(table).where(table.id == said.id).values(state=TAKEN, answered_at=_now()))
                return False
            if state == SAID and asked == said.asked:
                await kind.refused(session, said)
                if (await session.execute(mine.values(state=REFUSED, answered_at=_now()).returning(table.id))).first() is None:
                    raise Refusal(UNAVAILABLE)
                await self._done_with(session, said.id)
        return True

    async def _done_with(self, session: AsyncSession, word_id: str) -> None:
        """Nothing is left to settle. An entry which is being delivered at this moment ends by itself."""
        outbox = self._outbox_table
        mine = (
            select(outbox.id)
            .where(outbox.kind == SETTLE_WORD, outbox.done_at.is_(None), outbox.payload["word"].astext == word_id)
            .with_for_update(skip_locked=True)
        )
        await session.execute(update(outbox).where(outbox.id.in_(mine)).values(done_at=func.now()))

    async def _landed(self, said: Said) -> None:
        """Waits a moment for the workflow's own record of the step, so that the answer shows it."""
        clock = asyncio.get_running_loop()
        until = clock.time() + LANDING_SECONDS
        shown = self._kinds[said.update].shown or self._has_step
        while clock.time() < until:
            async with self._database.statements() as session:
                if await shown(session, said):
                    return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _has_step(self, session: AsyncSession, said: Said) -> bool:
        found = (await session.execute(select(self._table.step_id).where(self._table.id == said.id))).scalar_one()
        return bool(found)

    # --- settling it --------------------------------------------------------------------------------------------------------------------

    async def settle(self, payload: dict[str, Any]) -> None:
        """Outbox handler: brings a word nobody waits for any more to its end. Raises Refusal(UNAVAILABLE, BLOCKED) to be asked again later."""
        async with self._database.transaction() as session:
            row = await session.get(self._table, str(payload["word"]), with_for_update=True)
            if row is None or row.state == REFUSED:
                return
            if row.state == SAID:
                row.asked += 1
            said = self.said(row)
        if said.state == SAID:
            try:
                said = await self._ask(said)
            except Refusal as refusal:
                if refusal.problem.status in RETRYABLE:
                    raise
                return
        await self._landed(said)

    async def begun_again(self, session: AsyncSession, workflow_id: str) -> None:
        """A workflow is started again from the record (``casekit.blocked``): what is on record need not be told it; what the run that is gone had
        taken, and not recorded any more, is put to it once more."""
        table = self._table
        mine = update(table).where(table.workflow_id == workflow_id)
        await session.execute(mine.where(table.state == SAID, table.step_id != "").values(state=TAKEN))
        lost = mine.where(table.state == TAKEN, table.step_id == "").values(state=SAID, answered_at=None).returning(table.id)
        for word_id in (await session.execute(lost)).scalars().all():
            session.add(self._outbox_table(kind=SETTLE_WORD, payload={"word": word_id}, next_try_at=_now()))

    # --- what it is good for ------------------------------------------------------------------------------------------------------------

    async def carried_out(self, session: AsyncSession, step: common.Step, workflow_id: str, *updates: str) -> Said:
        """The word on record which a workflow's step carries out, marked with the step. Whoever records the step compares what it says.

        Raises Refusal(NOT_SAID) when this service has not heard this person say one of these things to this workflow."""
        table = self._table
        mine = update(table).where(
            table.id == step.word_id,
            table.workflow_id == workflow_id,
            table.update_name.in_(updates),
            table.sub == step.actor,
            table.state != REFUSED,
        )
        row = (await session.execute(mine.values(step_id=step.step_id).returning(table))).scalar_one_or_none()
        if row is None:
            raise not_said(workflow_id, *updates)
        return self.said(row)


def by_nobody(step: common.Step, workflow_id: str) -> None:
    """A step which a clock or the system makes carries no person, and cannot claim one. Raises Refusal(NOT_SAID)."""
    if step.word_id or step.actor not in ("", "system"):
        raise not_said(workflow_id)


def not_said(workflow_id: str, *updates: str) -> Refusal:
    """An alarm, and the refusal: somebody who can reach the engine pretends to be somebody else, or a record of ours is lost."""
    _log.error("word_nobody_said", workflow_id=workflow_id, updates=list(updates))
    return Refusal(NOT_SAID)


def word_name(key: str) -> str:
    """The id of the word said under a request's key."""
    return stable_id("", key)


def text_fields(model: type[Word]) -> frozenset[str]:
    """The fields of a word in which people write freely."""
    return frozenset(name for name, info in model.model_fields.items() if WRITTEN in info.metadata)


def digest(word: Word) -> str:
    """The same for the same word, and for no other: the word's id is in it."""
    content = json.dumps(word.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _place(word_id: str) -> str:
    return f"word|texts_sealed|{word_id}"


def _now() -> datetime:
    return datetime.now(UTC)
