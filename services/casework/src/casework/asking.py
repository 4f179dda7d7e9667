"""A person's word to the workflow, exactly once: what must be kept is stored first, the workflow judges, and a refusal leaves no trace.

The answer store (``once``) carries three states under a key: absent; begun (``stage`` empty: asked, outcome unknown); done (``stage`` is the
stage the workflow answered). A repeat of a begun request asks again under the same update id, so the workflow applies it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application as contract
from anju_contracts.base import Word
from chassis import logs, once
from chassis.errors import NOT_FOUND, RETRYABLE, Refusal
from chassis.identity import Caller
from chassis.ids import stable_id
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from casework import store, views
from casework.errors import NOT_ON_NOTICE, NOT_RETURNED, TASK_NOT_OPEN, invalid_field
from casework.parts import Parts
from casework.reach import view_of
from casework.tables import Application, Once, Timeline

_log = logs.get(__name__)
LANDING_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.04
MAX_KEY_CHARS: Final = 200
_NOT_OPEN_NOW: Final = frozenset(problem.reason for problem in (TASK_NOT_OPEN, NOT_RETURNED, NOT_ON_NOTICE))


@dataclass(frozen=True)
class Words:
    """What is put to the workflow of case ``no``, which was at ``version`` and ``stage`` when it was said."""

    no: str
    version: int
    stage: str
    update: str
    said: Word
    # False when the workflow takes the word without making a step at once.
    lands: bool = True
    # Level of the task that was open, kept for a repeat.
    level: str = ""


@dataclass(frozen=True)
class Asked:
    key: str
    request_id: str


def asked(caller: Caller, method: str, idempotency_key: str) -> Asked:
    """Names of a request: the key of its answer here and its update id in the engine. Raises Refusal for a missing or oversized key."""
    if not 0 < len(idempotency_key) <= MAX_KEY_CHARS:
        raise invalid_field(
            "/idempotency_key",
            "REQUIRED",
            "请求缺少有效的提交编号，请刷新页面后重试。",
            f"An idempotency key of 1 to {MAX_KEY_CHARS} characters is needed.",
        )
    key = f"{caller.sub}:{method}:{idempotency_key}"
    return Asked(key, stable_id("", key))


class Asking:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def put(
        self,
        request: Message,
        name: Asked,
        prepare: Callable[[AsyncSession, pb.Application | None], Awaitable[Words]],
        *,
        accepted: Callable[[AsyncSession], Awaitable[None]] | None = None,
        undo: Callable[[AsyncSession], Awaitable[None]] | None = None,
    ) -> None:
        """Runs one request to its end.

        ``prepare(session, begun)`` checks and stores what must be kept and says the words; with ``begun`` the request was begun before, so the
        state of the case must not be checked any more. ``accepted`` and ``undo`` run with the outcome.
        """
        begun = pb.Application()
        async with self._parts.database.transaction() as session:
            again = await once.find(session, name.key, request, begun) is not None
            done = bool(begun.stage)
            if not done:
                words = await prepare(session, begun if again else None)
            if not again:
                begun.CopyFrom(_begun(words))
                once.remember(session, Once, name.key, request, begun)
        if done:
            await self._landed(begun)
            return
        if again:
            await self.confirm(words.no)
        try:
            stage = await self._ask(words, name.request_id)
        except Refusal as refusal:
            if refusal.problem.status not in RETRYABLE:
                async with self._parts.database.transaction() as session:
                    await store.forget(session, name.key)
                    if undo is not None:
                        await undo(session)
            raise refusal from None
        await self.done(name, begun, stage, accepted)
        await self._landed(begun)

    async def _ask(self, words: Words, request_id: str) -> str:
        """Puts the words to the workflow. After an interruption it may be a moment behind the record it has written itself, so that its "not open
        now" is believed only when it persists or when the case has moved on."""
        deadline = asyncio.get_running_loop().time() + LANDING_SECONDS
        confirmed = False
        while True:
            try:
                return await self._parts.process.ask(words.no, words.update, words.said, request_id)
            except Refusal as refusal:
                late = asyncio.get_running_loop().time() > deadline
                if late or refusal.problem.reason not in _NOT_OPEN_NOW or await self._moved_on(words):
                    raise
            if not confirmed:
                await self.confirm(words.no)
                confirmed = True
            await asyncio.sleep(_LOOK_SECONDS)

    async def confirm(self, no: str) -> None:
        """Tells the workflow an official's word that stands on record here, when nobody has heard that the workflow knows it: the record wins."""
        async with self._parts.database.transaction() as session:
            told = await store.unconfirmed(session, no)
        if told is not None:
            await self.confirm_word(told)

    async def confirm_word(self, told: dict[str, Any]) -> None:
        """Outbox handler. Raises Refusal(UNAVAILABLE) to be asked again later."""
        no, seq, request_id = str(told["no"]), int(told["seq"]), str(told["request_id"])
        async with self._parts.database.transaction() as session:
            case, row = await store.case(session, no), await store.step_at(session, no, seq)
        # A later step on record: the workflow has gone on from this one.
        if case is None or row is None or case.version != seq:
            return
        note = self._parts.vault.open_text(row.note_sealed, "timeline", "note_sealed", f"{no}/{seq}")
        update, said = word_of(row, note, request_id)
        try:
            await self._parts.process.ask(no, update, said, request_id)
        except Refusal as refusal:
            if refusal.problem.status in RETRYABLE:
                raise
            _log.error("recorded_word_refused", application_no=no, update=update, reason=refusal.problem.reason)

    async def _moved_on(self, words: Words) -> bool:
        async with self._parts.database.transaction() as session:
            case = await store.case(session, words.no)
            return case is None or case.version != words.version

    async def _landed(self, done: pb.Application) -> None:
        if done.round:
            await self.landed(done.no, done.stage, done.version)

    async def done(
        self, name: Asked, begun: pb.Application, stage: str, accepted: Callable[[AsyncSession], Awaitable[None]] | None = None
    ) -> None:
        begun.stage = stage
        async with self._parts.database.transaction() as session:
            await store.replace_answer(session, name.key, begun.SerializeToString(deterministic=True))
            await store.confirmed(session, name.request_id)
            if accepted is not None:
                await accepted(session)

    async def landed(self, no: str, stage: str, version: int) -> None:
        """Waits a moment for the workflow's own record of the step, so that the answer shows it. Without it the answer is merely older."""
        deadline = asyncio.get_running_loop().time() + LANDING_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            async with self._parts.database.transaction() as session:
                if await store.has_reached(session, no, stage, version):
                    return
            await asyncio.sleep(_LOOK_SECONDS)

    async def show(self, caller: Caller, no: str, method: str) -> pb.Application:
        """The case as the caller may see it now; a look by staff is on record before it is given, or not given."""
        async with self._parts.database.statements() as session:
            found = await store.declared(session, no)
            view = view_of(caller, found.case if found else None)
            if found is None:
                raise Refusal(NOT_FOUND)
            if caller.kind == "staff":
                store.log_access(session, caller, no, method, with_dossier=view.dossier)
                await session.flush()
            return await views.whole_case(session, self._parts.vault, found, view)


def _begun(words: Words) -> pb.Application:
    """What is stored of a request before its outcome is known; ``round`` says whether a step of the case follows."""
    return pb.Application(no=words.no, version=words.version, waiting_on=words.level, round=int(words.lands))


def words_about(case: Application, update: str, said: Word, *, lands: bool = True, level: str = "") -> Words:
    return Words(case.no, case.version, case.stage, update, said, lands, level)


_DECISIONS: Final = {"approved": contract.Decision.APPROVE, "returned": contract.Decision.RETURN, "refused": contract.Decision.REFUSE}


def word_of(row: Timeline, note: str, request_id: str) -> tuple[str, Word]:
    """An official's update as it was said, from the step on record."""
    if row.objection_id:
        upheld = row.event == "objection_upheld"
        answer = contract.ObjectionDecision(
            objection_id=row.objection_id, upheld=upheld, answer=note, actor=row.actor, request_id=request_id
        )
        return contract.DECIDE_OBJECTION, answer
    level, verb = row.event.rsplit("_", 1)
    return contract.DECIDE, contract.ReviewDecision(
        level=level, decision=_DECISIONS[verb], reason=note, actor=row.actor, request_id=request_id
    )
