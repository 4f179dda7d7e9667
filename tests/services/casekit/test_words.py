"""The one way by which people speak to workflows, on a real database, with somebody in the engine's place who forgets, hesitates and dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio
from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as pb
from anju_contracts import waiting
from anju_contracts.base import RECORDING, Accepted, Model, Word
from casekit import words
from casekit.engine import CLOSED, NOT_STARTED, OnRecord, Standing
from casekit.words import EarlierFirstError, Heard, Kind, Said, Words, by_nobody
from casework import tables
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import UNAVAILABLE, Problem, Refusal
from chassis.identity import Caller
from chassis.outbox import Outbox
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import MakeDatabase
from tests.support.keys import citizen
from tests.support.patience import eventually

OVER = Problem("OFFER_NOT_OPEN", grpc.StatusCode.FAILED_PRECONDITION, "已经结束。", "It is over.")
IN_A_STEP = Problem(RECORDING, grpc.StatusCode.FAILED_PRECONDITION, "正在登记。", "In a step.")
BUSY = Problem("TASK_NOT_OPEN", grpc.StatusCode.FAILED_PRECONDITION, "现在不行。", "Not now.")
NO = Problem("STEP_REFUSED", grpc.StatusCode.FAILED_PRECONDITION, "不行。", "No.")


class KilledError(BaseException):
    """The process dies here: nothing that would tidy up runs."""


@dataclass
class Engine:
    """Keeps the verdict of what it has accepted under its id, as the real one does."""

    accepted: dict[str, Word] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    judge: Callable[[str, Word], None] = lambda _id, _said: None
    # After it has accepted: the answer is lost.
    answer: Callable[[str], None] = lambda _id: None

    async def start(self, name: str, workflow_id: str, given: Model, *, summary: str, memo: Mapping[str, str]) -> None:
        raise AssertionError

    async def tell(self, workflow_id: str, signal: str, said: Model) -> Standing:
        raise AssertionError

    async def standing(self, workflow_id: str) -> Standing:
        return Standing.OPEN

    async def put(self, workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        self.asked.append(word_id)
        await asyncio.sleep(0)
        if word_id not in self.accepted:
            self.judge(word_id, said)
            self.accepted[word_id] = said
        self.answer(word_id)
        return Accepted(stage="left" if update == waiting.LEAVE else "answered")


@dataclass
class Town:
    words: Words
    database: Database
    engine: Engine
    url: str
    keys: KeyRing
    on_record: OnRecord = OnRecord.OPEN
    timely: bool = True
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    prepared: int = 0

    async def leave(self, no: str, key: str, who: Caller | None = None, reason: str = "搬到外地", *, by: Words | None = None) -> Said:
        who = who or citizen(f"c-{no}")
        request = pb.AnswerOfferRequest(idempotency_key=key, offer_id=no, reason=reason)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            self.prepared += 1
            return Heard(waiting.workflow_id(no), waiting.Leaving(actor=who.sub, reason=reason, request_id=word_id))

        return await (by or self.words).say(who, request, waiting.LEAVE, prepare)

    async def carried_out(self, said: Said, actor: str = "", workflow_id: str = "", word_id: str = "", step_id: str = "") -> Said:
        step = common.Step(step_id=step_id or f"step-{said.id}", actor=actor or said.sub, word_id=word_id or said.id)
        async with self.database.transaction() as session:
            return await self.words.carried_out(session, step, workflow_id or said.workflow_id, waiting.LEAVE)

    async def row(self, no: str) -> Any:
        async with self.database.statements() as session:
            return (await session.execute(select(tables.Word).where(tables.Word.workflow_id == waiting.workflow_id(no)))).scalars().one()  # type: ignore[arg-type]

    async def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    async def due(self) -> None:
        await self.sql("UPDATE outbox SET next_try_at = now() WHERE kind = 'settle_word'")

    def another(self) -> Words:
        """As another replica, or the same one after it was started again."""
        return Words(self.database, tables.Word, tables.Outbox, self.engine, self.keys, kinds(self))


def kinds(town: Town) -> list[Kind]:
    async def timely(session: AsyncSession, said: Said) -> bool:
        return town.timely

    async def on_record(session: AsyncSession, said: Said) -> OnRecord:
        return town.on_record

    async def taken(session: AsyncSession, said: Said) -> None:
        town.outcomes.append(("taken", said.id))

    async def refused(session: AsyncSession, said: Said) -> None:
        town.outcomes.append(("refused", said.id))

    async def shown(session: AsyncSession, said: Said) -> bool:
        return True

    more = {"problems": {CLOSED.reason: OVER}, "not_now": frozenset({BUSY.reason}), "taken": taken, "refused": refused, "shown": shown}
    return [Kind(waiting.LEAVE, waiting.Leaving, timely, on_record, **more)]  # type: ignore[arg-type]  # a table of arguments


@pytest_asyncio.fixture(loop_scope="session")
async def town(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.setattr(words, "LAG_SECONDS", 0.3)
    url = await make_database("casework", tables.MIGRATIONS)
    database, engine, keys = Database(url), Engine(), KeyRing.generate()
    made = Town(None, database, engine, url, keys)  # type: ignore[arg-type]  # the next line
    made.words = made.another()
    yield made
    await database.close()


async def refused(call: Any) -> Problem:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value.problem


def raising(error: BaseException, times: int = 1_000) -> Callable[..., None]:
    left = [error] * times

    def judge(*_: object) -> None:
        if left:
            raise left.pop()

    return judge


async def test_the_same_key_is_the_same_word_and_other_content_under_it_is_none(town: Town) -> None:
    first = await town.leave("KF-1", "k")
    again = await town.leave("KF-1", "k")
    assert (first.id, first.stage, again.id, again.stage) == (again.id, "left", first.id, "left")
    assert (town.engine.asked, town.prepared) == ([first.id], 1)
    assert (await refused(town.leave("KF-1", "k", reason="别的"))).reason == "IDEMPOTENCY_KEY_REUSED"
    other = await town.leave("KF-1", "k", citizen("c-else"))
    assert other.id != first.id, "keys of two people do not meet"
    assert (await refused(town.leave("KF-1", ""))).reason == "INVALID_FIELDS"


async def test_who_said_what_is_on_record_before_it_is_put_and_what_people_wrote_is_sealed(town: Town) -> None:
    seen: list[tuple[Any, ...]] = []

    async def look() -> None:
        seen.extend(await town.sql("SELECT sub, kind, update_name, workflow_id, state, said::text, digest FROM word"))

    town.engine.judge = raising(Refusal(UNAVAILABLE), 1)
    assert await refused(town.leave("KF-1", "k", reason="母亲王秀英病重")) is UNAVAILABLE
    await look()
    ((sub, kind, update, workflow_id, state, said, digest),) = seen
    assert (sub, kind, update, workflow_id, state) == ("c-KF-1", "citizen", "leave", "waiting/KF-1", "said")
    assert "王秀英" not in said
    row = await town.row("KF-1")
    assert "王秀英".encode() not in row.texts_sealed
    word = waiting.Leaving(actor="c-KF-1", reason="母亲王秀英病重", request_id=row.id)
    assert digest == words.digest(word)
    await town.leave("KF-1", "k", reason="母亲王秀英病重")
    assert town.engine.accepted[row.id] == word, "put again as it was said"


async def test_a_refused_word_leaves_nothing_and_its_key_may_be_used_again(town: Town) -> None:
    town.engine.judge = raising(Refusal(NO), 1)
    assert (await refused(town.leave("KF-1", "k"))).reason == "STEP_REFUSED"
    word_id = (await town.row("KF-1")).id
    assert (town.outcomes, (await town.row("KF-1")).state) == ([("refused", word_id)], "refused")
    assert await town.sql("SELECT count(*) FROM outbox WHERE kind = 'settle_word' AND done_at IS NULL") == [(0,)]
    assert (await town.leave("KF-1", "k", reason="另有住处")).word.reason == "另有住处"
    assert town.outcomes[1:] == [("taken", word_id)]


@pytest.mark.parametrize(
    ("said", "on_record", "timely", "reason"),
    [
        (NOT_STARTED, OnRecord.STARTING, True, "UNAVAILABLE"),
        (NOT_STARTED, OnRecord.OPEN, True, "BLOCKED"),
        (NOT_STARTED, OnRecord.OVER, False, "OFFER_NOT_OPEN"),
        (CLOSED, OnRecord.OPEN, True, "BLOCKED"),
        (CLOSED, OnRecord.OVER, False, "OFFER_NOT_OPEN"),
        (UNAVAILABLE, OnRecord.OPEN, True, "UNAVAILABLE"),
        (BUSY, OnRecord.OPEN, True, "TASK_NOT_OPEN"),
        (IN_A_STEP, OnRecord.OPEN, True, "UNAVAILABLE"),
        (IN_A_STEP, OnRecord.OPEN, False, "UNAVAILABLE"),
        (BUSY, OnRecord.OPEN, False, "TASK_NOT_OPEN"),
    ],
)
async def test_not_started_closed_and_unknown_are_three_answers_and_none_is_done(
    town: Town, said: Problem, on_record: OnRecord, timely: bool, reason: str
) -> None:
    town.engine.judge, town.on_record, town.timely = raising(Refusal(said)), on_record, timely
    assert (await refused(town.leave("KF-1", "k"))).reason == reason
    kept = reason in ("UNAVAILABLE", "BLOCKED")
    assert (await town.row("KF-1")).state == ("said" if kept else "refused")
    assert ("taken" in dict(town.outcomes)) is False
    town.engine.judge, town.on_record, town.timely = raising(Refusal(NO), 0), OnRecord.OPEN, True
    assert (await town.leave("KF-1", "k")).state == "taken"


async def test_a_workflow_that_is_a_moment_behind_its_record_is_asked_again(town: Town) -> None:
    town.engine.judge = raising(Refusal(BUSY), 2)
    assert (await town.leave("KF-1", "k")).state == "taken"
    assert len(town.engine.asked) == 3


async def test_killed_between_the_record_and_the_put(town: Town) -> None:
    """The word is on record and nobody has put it: the outbox does, once, and the repeat gets the same answer."""
    town.engine.judge = raising(KilledError(), 1)
    with pytest.raises(KilledError):
        await town.leave("KF-1", "k")
    assert (await town.row("KF-1")).state == "said"
    await settled(town)
    again = await town.leave("KF-1", "k")
    assert (again.stage, len(town.engine.accepted), town.outcomes) == ("left", 1, [("taken", again.id)])


async def test_killed_between_the_put_and_the_answer(town: Town) -> None:
    """The workflow has it and we do not know: put again under the same id, it is the same word."""
    town.engine.answer = raising(KilledError(), 1)
    with pytest.raises(KilledError):
        await town.leave("KF-1", "k")
    assert (await town.row("KF-1")).state == "said"
    await settled(town)
    assert len(set(town.engine.asked)) == len(town.engine.accepted) == 1
    assert (await town.leave("KF-1", "k")).stage == "left"


async def settled(town: Town) -> None:
    """As another process: the outbox brings to an end what was left."""
    await town.due()
    outbox = Outbox(town.database, tables.Outbox, {words.SETTLE_WORD: town.another().settle})
    await outbox.start()
    await eventually(lambda: town.sql("SELECT state FROM word"), lambda rows: all(state != "said" for (state,) in rows))
    await eventually(lambda: town.sql("SELECT count(*) FROM outbox WHERE done_at IS NULL"), lambda left: left == [(0,)])
    await outbox.stop()


async def test_what_is_refused_when_nobody_waits_any_more_is_refused_for_good(town: Town) -> None:
    town.engine.judge = raising(Refusal(UNAVAILABLE), 1)
    assert await refused(town.leave("KF-1", "k")) is UNAVAILABLE
    town.engine.judge = raising(Refusal(NO), 1)
    await settled(town)
    assert [outcome for outcome, _ in town.outcomes] == ["refused"]
    with pytest.raises(Refusal):
        await town.carried_out(await town.leave("KF-2", "k"), word_id=(await town.row("KF-1")).id)


async def test_two_callers_race(town: Town) -> None:
    """Two taps, two replicas, and the outbox at the same moment: one word, one outcome."""
    town.engine.judge = raising(Refusal(BUSY), 1)
    calls = [town.leave("KF-1", "k", by=each) for each in (town.words, town.another(), town.words, town.another())]
    answers = await asyncio.gather(*calls)
    assert len({answer.id for answer in answers}) == len(town.engine.accepted) == town.prepared == 1
    assert {answer.stage for answer in answers} == {"left"}
    assert town.outcomes == [("taken", answers[0].id)]
    await town.words.settle({"word": answers[0].id})
    assert len(town.outcomes) == 1


async def test_one_callers_refusal_does_not_undo_anothers_word(town: Town) -> None:
    """The first hears "no" just before the second, who has begun meanwhile, hears "yes"."""
    hears, goes = asyncio.Event(), asyncio.Event()
    put = town.engine.put

    async def slow(workflow_id: str, update: str, said: Word, word_id: str) -> Accepted:
        if not hears.is_set():
            hears.set()
            await goes.wait()
            raise Refusal(NO)
        return await put(workflow_id, update, said, word_id)

    town.engine.put = slow  # type: ignore[method-assign]  # for this test
    first = asyncio.create_task(town.leave("KF-1", "k"))
    await hears.wait()
    second = await town.leave("KF-1", "k")
    goes.set()
    assert (await refused(first)).reason == "STEP_REFUSED"
    assert ((await town.row("KF-1")).state, town.outcomes) == ("taken", [("taken", second.id)])


async def test_a_word_on_record_is_put_before_one_that_meets_a_not_now(town: Town) -> None:
    town.engine.judge = raising(Refusal(UNAVAILABLE), 1)
    assert await refused(town.leave("KF-1", "earlier", citizen("c-1"))) is UNAVAILABLE
    earlier = (await town.row("KF-1")).id
    town.engine.judge = lambda word_id, _said: None if word_id == earlier or earlier in town.engine.accepted else raising(Refusal(BUSY))()
    later = await town.leave("KF-1", "later", citizen("c-2"))
    assert list(town.engine.accepted) == [earlier, later.id]


async def test_prepare_may_ask_for_another_word_to_be_settled_first(town: Town) -> None:
    town.engine.judge = raising(Refusal(UNAVAILABLE), 1)
    assert await refused(town.leave("KF-1", "first")) is UNAVAILABLE
    first = (await town.row("KF-1")).id
    request = pb.AnswerOfferRequest(idempotency_key="second", offer_id="x")

    async def prepare(session: AsyncSession, word_id: str) -> Heard:
        row = await session.get(tables.Word, first)
        assert row is not None
        if row.state == "said":
            raise EarlierFirstError(first)
        return Heard("waiting/KF-1", waiting.Leaving(actor="c-KF-1", request_id=word_id))

    second = await town.words.say(citizen("c-KF-1"), request, waiting.LEAVE, prepare)
    assert list(town.engine.accepted) == [first, second.id]


async def test_a_step_is_carried_out_by_the_word_of_that_person_to_that_workflow(town: Town) -> None:
    said = await town.leave("KF-1", "k")
    for wrong in ({"actor": "c-else"}, {"workflow_id": "waiting/KF-2"}, {"word_id": "w-unknown"}):
        assert (await refused(town.carried_out(said, **wrong))).reason == "NOT_SAID"
    assert (await town.carried_out(said)).word.reason == "搬到外地"
    assert (await town.row("KF-1")).step_id == f"step-{said.id}"
    by_nobody(common.Step(step_id="s", actor="system"), "waiting/KF-1")
    for claims in (common.Step(actor="c-1"), common.Step(actor="system", word_id=said.id)):
        with pytest.raises(Refusal):
            by_nobody(claims, "waiting/KF-1")


async def test_a_recorded_word_stays_whatever_the_workflow_says_afterwards(town: Town) -> None:
    """The engine lost the verdict after the step was recorded, and now says no: the record wins."""
    town.engine.answer = raising(Refusal(UNAVAILABLE), 1)
    assert await refused(town.leave("KF-1", "k")) is UNAVAILABLE
    row = await town.row("KF-1")
    await town.carried_out(town.words.said(row))
    town.engine.accepted.clear()
    town.engine.judge = raising(Refusal(NO))
    assert (await town.leave("KF-1", "k")).state == "taken"
    assert town.outcomes == []


async def test_a_workflow_that_begins_again_hears_what_its_lost_run_had_not_recorded(town: Town) -> None:
    recorded, lost = await town.leave("KF-1", "a", citizen("c-1")), await town.leave("KF-1", "b", citizen("c-2"))
    await town.carried_out(recorded)
    town.engine.accepted.clear()
    town.engine.asked.clear()
    async with town.database.transaction() as session:
        await town.words.begun_again(session, "waiting/KF-1")
    await settled(town)
    assert town.engine.asked == [lost.id]


async def test_old_words_are_kept(town: Town) -> None:
    """They are what every step of a person rests on: not even the service may take one out or make it otherwise."""
    await town.leave("KF-1", "k")
    for statement in ("DELETE FROM word", "UPDATE word SET sub = 'c-else'", "UPDATE word SET said = '{}'", "TRUNCATE word"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await town.sql(statement)
