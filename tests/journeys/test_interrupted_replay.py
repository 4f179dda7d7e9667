"""``anju replay kaifeng`` broken off by Ctrl-C and run again goes on with the cases that are there: nobody applies or pays twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually

HOUSEHOLDS, SEED = 6, 77


async def replay(box: RunningBox) -> asyncio.subprocess.Process:
    program = str(Path(sys.executable).parent / "anju")
    words = [
        "replay",
        "kaifeng",
        "--data-dir",
        str(box.layout.data_dir),
        "--seed",
        str(SEED),
        "--households",
        str(HOUSEHOLDS),
        "--months",
        "1",
        # Not all at once: when half of them are decided, the others are still on their way.
        "--at-once",
        "2",
    ]
    return await asyncio.create_subprocess_exec(
        program,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Tests started in the background are told to ignore Ctrl-C, and hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


async def cases(box: RunningBox, *stages: str) -> int:
    counters = (await box.town.official("auditor", "4102").get("/counters"))["items"]
    return sum(int(item["count"]) for item in counters if not stages or item["stage"] in stages)


async def test_a_replay_that_was_broken_off_goes_on_where_it_was(box: RunningBox) -> None:
    before, ended_before = await cases(box), await cases(box, "registered", "rejected")

    async def half_way() -> bool:
        return await cases(box, "registered", "rejected") - ended_before >= HOUSEHOLDS // 2

    first = await replay(box)
    await eventually(half_way, what="half of the households decided")
    first.send_signal(signal.SIGINT)
    said = (await first.communicate())[0].decode()
    assert first.returncode == 130
    assert "已中断" in said
    assert "Traceback" not in said

    second = await replay(box)
    said = (await second.communicate())[0].decode()
    assert second.returncode == 0, said
    assert "not accepted" not in said
    assert await cases(box) == before + HOUSEHOLDS


async def test_an_approval_which_waits_for_its_second_person_is_finished_by_that_person(families: Families) -> None:
    """A story broken off between the two persons of an approval against the assessment: the first of them cannot say it twice."""
    family = await families.one(fits=lambda household: bool(household["declared"][0]["employer_name"]))
    for member in family.dossier["members"]:
        member["annual_income_fen"] //= 10
    await family.submit()
    case = await family.reaches("street_review")
    said = {"decision": "approve", "reason": "已核对工资流水"}
    await family.reviewer("street").post(f"/applications/{family.no}/decision", said)
    assert (await family.case())["stage"] == "street_review", "one person alone approved against the assessment"

    await family.decide("street")
    assert (await family.reaches("district_review"))["version"] > case["version"]
