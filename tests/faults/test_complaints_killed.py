"""kill -9 of oversight, the worker and notifications while people complain: nothing that was acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from anju_stories.household import Household

from tests.faults.killing import insist, kill_each
from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually

pytestmark = pytest.mark.fault

VICTIMS = ("oversight", "worker", "notifications")
COURSE = ["accepted", "answered", "rated"]


@dataclass
class Writer:
    """Somebody who complains again and again, by his account and without a name in turn, each time to the rating."""

    box: RunningBox
    family: Household
    number: int
    enough: bool = False
    busy: bool = False
    heard: list[str] = field(default_factory=list)
    by_code: dict[str, str] = field(default_factory=dict)

    async def lane(self) -> None:
        while not self.enough:
            self.busy = True
            try:
                await self.complain(len(self.heard) + len(self.by_code))
            finally:
                self.busy = False

    async def complain(self, turn: int) -> None:
        letter = {"kind": "complaint", "division": self.family.street, "text": f"{self.number} 号楼的灯第 {turn} 次坏了，请派人来修。"}
        key = str(uuid.uuid4())
        if turn % 2:
            filed = await self.box.town.call("POST", "/anonymous-complaints", letter, headers={"Idempotency-Key": key})
            # The same words again, as a phone asks that had no answer: the same letter and the same code.
            again = await self.box.town.call("POST", "/anonymous-complaints", letter, headers={"Idempotency-Key": key})
            assert again == filed
            self.by_code[filed["no"]] = filed["code"]
        else:
            filed = await self.family.applicant.post("/complaints", letter, key=key)
            assert await self.family.applicant.post("/complaints", letter, key=key) == filed
            self.heard.append(filed["no"])
        await self.to_the_rating(filed["no"])

    async def to_the_rating(self, no: str) -> None:
        desk = self.box.town.official("district_reviewer", self.family.district)
        for action, awaited in (("accept", ("accepting", "triage")), ("answer", ("handling",))):
            await self.reaches(desk, no, *awaited)
            said = {"action": action, "text": "已派人修好。" if action == "answer" else ""}
            await insist(lambda said=said: desk.post(f"/complaints/{no}/handling", said))  # type: ignore[misc]
        await self.reaches(desk, no, "answered")
        rating = {"action": "rate", "score": 5}
        if no in self.by_code:
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            known = {"no": no, "code": self.by_code[no], **rating}
            await insist(lambda: self.box.town.call("POST", "/anonymous-complaints/response", known, headers=headers))
        else:
            await insist(lambda: self.family.applicant.post(f"/complaints/{no}/response", rating))
        await self.reaches(desk, no, "closed")

    async def reaches(self, desk: Any, no: str, *stages: str) -> None:
        later = {"accepting": ("handling", "answered", "closed"), "handling": ("answered", "closed"), "answered": ("closed",)}

        async def there() -> bool:
            stage = (await desk.get(f"/complaints/{no}"))["stage"]
            return stage in (*stages, *later.get(stages[0], ()))

        await eventually(there, what=f"complaint {no} at {stages[0]}")


async def test_what_people_complain_of_survives_whoever_is_killed(split_box: RunningBox, families: Families, seed: int) -> None:
    writers = [Writer(split_box, family, number) for number, family in enumerate(await families.several(3))]
    async with asyncio.TaskGroup() as under_way:
        for writer in writers:
            under_way.create_task(writer.lane())
        try:
            kills = await kill_each(split_box, VICTIMS, lambda _: any(writer.busy for writer in writers), random.Random(seed))
        finally:
            for writer in writers:
                writer.enough = True
    assert kills == dict.fromkeys(VICTIMS, 2)
    for writer in writers:
        mine = [each["no"] async for each in writer.family.applicant.pages("/my-complaints")]
        assert sorted(mine) == sorted(writer.heard)
        assert writer.heard
        for no in (*writer.heard, *writer.by_code):
            desk = split_box.town.official("district_reviewer", writer.family.district)
            found = await desk.get(f"/complaints/{no}")
            assert (found["stage"], found["score"], found["answer"]) == ("closed", 5, "已派人修好。")
            assert [entry["event"] for entry in found["timeline"]][1:] == COURSE, found["timeline"]
        await eventually(lambda writer=writer: told_once(writer), what="what the writer is told")  # type: ignore[misc]
        assert [each["item"] async for each in writer.family.applicant.pages("/services")] == ["complaint_answered"] * len(writer.heard)


async def told_once(writer: Writer) -> bool:
    """Each letter received, accepted and answered has been told of; no message is there twice."""
    told = [(each["template"], each["application_no"]) async for each in writer.family.applicant.pages("/inbox")]
    assert len(set(told)) == len(told), sorted(told)
    wanted = {(f"complaint_{event}", no) for event in ("received", "accepted", "answered") for no in writer.heard}
    return wanted <= set(told)
