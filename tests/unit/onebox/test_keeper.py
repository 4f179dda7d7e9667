"""An engine that dies is started again; one that cannot be helped ends the box with a sentence."""

from __future__ import annotations

import asyncio

import pytest
from anju_onebox.box import Box
from anju_onebox.engine.keeper import keep
from anju_onebox.engine.process import EngineError
from anju_onebox.layout import Layout


class Mortal:
    """An engine that dies ``deaths`` times and lives on after that; ``stillborn`` does not start again."""

    def __init__(self, deaths: int, *, stillborn: bool = False) -> None:
        self.deaths = deaths
        self.stillborn = stillborn
        self.starts = 0
        self.lives = asyncio.Event()

    async def start(self) -> None:
        if self.stillborn:
            raise EngineError("its log ends with: no")
        self.starts += 1

    async def ended(self) -> int:
        if self.deaths:
            self.deaths -= 1
            return -9
        self.lives.set()
        await asyncio.Event().wait()
        return 0


async def test_a_dead_engine_is_started_again_and_the_person_is_told() -> None:
    engine = Mortal(2)
    said: list[str] = []
    keeper = asyncio.create_task(keep("数据库", engine, said.append))
    await engine.lives.wait()
    keeper.cancel()
    assert engine.starts == 2
    assert len(said) == 4
    assert all("数据库" in line for line in said)


@pytest.mark.parametrize("engine", [Mortal(99), Mortal(1, stillborn=True)], ids=["dies again and again", "does not start"])
async def test_one_that_cannot_be_helped_ends_the_box(engine: Mortal) -> None:
    box = Box(Layout())
    box.keepers.append(asyncio.create_task(keep("数据库", engine, lambda _: None)))
    with pytest.raises(EngineError):
        await box.lasts(asyncio.Event())
    assert engine.starts < 10


async def test_a_box_lasts_until_it_is_asked_to_stop() -> None:
    box = Box(Layout())
    stop = asyncio.Event()
    lasting = asyncio.create_task(box.lasts(stop))
    await asyncio.sleep(0)
    assert not lasting.done()
    stop.set()
    await lasting
