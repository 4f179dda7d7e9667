"""Work done from time to time goes on after a round that failed, and ends with its block."""

from __future__ import annotations

import asyncio

from chassis.rounds import every

from tests.support.patience import eventually


async def test_a_round_that_fails_does_not_end_the_rounds() -> None:
    made: list[int] = []

    async def work() -> None:
        made.append(len(made))
        if len(made) == 1:
            raise ConnectionError("away")

    async with every(0.01, work, "test"):
        await eventually(lambda: len(made) >= 3)
    done = len(made)
    await asyncio.sleep(0.05)
    assert len(made) == done


async def test_a_round_may_ask_for_the_next_one_sooner() -> None:
    made: list[int] = []

    async def work() -> float:
        made.append(0)
        return 0.01

    async with every(0.02, work, "test"):
        await eventually(lambda: len(made) >= 3)
