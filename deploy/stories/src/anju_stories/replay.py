"""``anju replay kaifeng``: the volume the city has published, driven through the running box.

814 applications of invented households over the real divisions. Nothing is scripted to succeed: registers, rules and the reviewers' policies decide
each; those approved go on to homes as far as stock allows, and pay rent. The same seed on a fresh box gives the same result; run again after an
interruption, it goes on with the cases that are there.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from anju_simclock import SimulatedClock
from chassis.deployment import Deployment
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from anju_stories.cli import PUBLISHED_APPLICATIONS
from anju_stories.household import ENDED, Household, dossier
from anju_stories.people import ApiProblem, City, city, controlled_clock, eventually

# The city's own record, 2021 to 2023: applications, approved through the app, households paying rent through it.
PUBLISHED = {"applications": PUBLISHED_APPLICATIONS, "approved": 408, "paying": 318}
# Ordinary households begin after the personas; each seed takes a stretch of its own.
_STRETCH = 1_000
_MANY_SECONDS = 600
_LINE_SECONDS = 15.0
_NOT_ACCEPTED = "not accepted: "


def chance(household: dict[str, Any], what: str) -> int:
    """0 to 99, the same for the same household: people differ, but a replay does not."""
    return hashlib.sha256(f"{household['number']}/{what}".encode()).digest()[0] * 100 // 256


@dataclass
class Outcome:
    number: int
    no: str = ""
    stage: str = ""
    unit: str = ""
    paid: list[str] = field(default_factory=list)
    declined: int = 0

    def line(self) -> str:
        return f"{self.number}|{self.stage}|{self.unit}|{','.join(self.paid)}|{self.declined}"


class Reviewers:
    """The policies of the three levels: the assessment is advice, the reviewers act on it in one way each."""

    async def street(self, family: Household) -> None:
        """Refuses what the registers contradict; sends back once what does not agree; then checks at the door and approves."""
        case = await family.case()
        assessment = await family.applicant.get(f"/applications/{family.no}/assessment")
        unmet = [c["title"] for c in assessment["criteria"] if c["verdict"] == "not_met"]
        unclear = [c["title"] for c in assessment["criteria"] if c["verdict"] == "needs_review"]
        if unmet:
            await family.decide("street", "refuse", f"不符合：{'、'.join(unmet)}")
        elif unclear and case["round"] == 1:
            await family.decide("street", "return", f"请核对后补正：{'、'.join(unclear)}")
        else:
            await family.decide("street", "approve", "")

    async def all_levels(self, family: Household) -> str:
        """Until the case is on public notice or has ended."""
        while True:
            case = await family.reaches(
                "street_review",
                "district_review",
                "city_review",
                "correction",
                "public_notice",
                "objection_review",
                *ENDED,
                seconds=_MANY_SECONDS,
            )
            match case["stage"]:
                case "street_review":
                    if chance(family.household, "withdraw") < 2:
                        await family.applicant.post(f"/applications/{family.no}/withdrawal", {"reason": "已自行解决住房"})
                        return str((await family.reaches("withdrawn"))["stage"])
                    await self.street(family)
                case "correction":
                    await correct(family)
                case "district_review":
                    await family.decide("district")
                case "city_review":
                    await family.decide("city")
                case stage:
                    return str(stage)
            # The decision is on record when the call returns; the next level's task follows within the same step.
            await changed(family, case["version"])


def same_key(what: str) -> str:
    """An idempotency key which a replay that was interrupted uses again, and so finds what it did."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"anju/replay/{what}"))


def home(unit: dict[str, Any]) -> str:
    """By its address: record ids are drawn anew in every box."""
    return f"{unit['estate_name']} {unit['number']}"


async def changed(family: Household, version: int) -> None:
    for _ in range(200):
        if (await family.case())["version"] > version:
            return
        await asyncio.sleep(0.05)


async def correct(family: Household) -> None:
    """The household looks again and writes down what is true."""
    case = await family.case()
    truth = family.household["members"]
    honest = {**family.household, "declared": []}
    for said, person in zip(family.household["declared"], truth, strict=True):
        status = person["marriage"]["status"]
        honest["declared"].append(
            {
                **said,
                "homes": person["homes"],
                "vehicles": person["vehicles"],
                "annual_income_fen": person["annual_income_fen"],
                "marital_status": status,
            }
        )
    family.dossier = dossier(honest)
    await family.applicant.put(f"/applications/{family.no}/dossier", {"dossier": family.dossier}, **{"If-Match": f'"{case["version"]}"'})


class Replay:
    def __init__(self, town: City, clock: SimulatedClock, progress: Progress, months: int, at_once: int) -> None:
        self.town = town
        self.clock = clock
        self.progress = progress
        self.months = months
        self.slots = asyncio.Semaphore(at_once)
        self.reviewers = Reviewers()
        self.families: dict[int, tuple[Household, Outcome]] = {}

    async def households(self, seed: int, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        start = seed * _STRETCH
        while len(found) < count:
            page = await self.town.world("GET", f"/population/households?start={start}&count={min(200, count - len(found))}")
            found += page["items"]
            start = page["next_start"]
        return found[:count]

    async def applications(self, households: list[dict[str, Any]]) -> None:
        bar, decided = (
            self.progress.add_task("受理 submitted", total=len(households)),
            self.progress.add_task("审核 decided", total=len(households)),
        )
        running: list[asyncio.Task[None]] = []
        try:
            for household in households:
                # One after another: the order of acceptance is the order of the waiting list.
                await self.slots.acquire()
                family = Household(self.town, household, self.clock)
                outcome = Outcome(household["number"])
                self.families[household["number"]] = family, outcome
                try:
                    # The same key for the same household: a replay that was interrupted finds its case again.
                    await family.submit(key=same_key(f"household/{household['number']}"))
                except ApiProblem as problem:
                    outcome.stage = f"{_NOT_ACCEPTED}{problem.slug}"
                    self.slots.release()
                    self.progress.advance(decided)
                else:
                    outcome.no = family.no
                    running.append(asyncio.create_task(self.review(family, outcome, decided)))
                self.progress.advance(bar)
            await asyncio.gather(*running)
        finally:
            # Broken off while households are still handed in: nobody goes on talking to a city whose connections are closing.
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def review(self, family: Household, outcome: Outcome, bar: Any) -> None:
        try:
            outcome.stage = await self.reviewers.all_levels(family)
            if outcome.stage in ("public_notice", "objection_review"):
                if chance(family.household, "objection") < 2:
                    await self.objection(family)
                outcome.stage = (await self.notice(family))["stage"]
        finally:
            self.slots.release()
            self.progress.advance(bar)

    async def notice(self, family: Household) -> dict[str, Any]:
        case = await family.case()
        return case if case["stage"] == "rejected" else await family.pass_public_notice()

    async def objection(self, family: Household) -> None:
        """A neighbour objects; the district looks into it and answers."""
        neighbour = self.town.person(persona="namesake")
        text = {"text": "该户可能另有住房，请核实。"}
        objection = await neighbour.post(f"/applications/{family.no}/objections", text, key=same_key(f"objection/{family.no}"))

        async def raised() -> str:
            return str(next((o["state"] for o in (await family.case())["objections"] if o["id"] == objection["id"]), ""))

        if await eventually(raised, bool, what=f"the objection to {family.no}") != "open":
            return
        case = await family.reaches("objection_review")
        upheld = chance(family.household, "upheld") < 30
        answer = "经核实，异议成立。" if upheld else "经核实，未发现其他住房，异议不成立。"
        path = f"/applications/{family.no}/objections/{objection['id']}/decision"
        await family.reviewer("district").post(path, {"upheld": upheld, "answer": answer})
        await changed(family, case["version"])
        await family.reaches("public_notice", "rejected")

    async def homes(self) -> None:
        """The house managers offer what is vacant, again and again, until nobody fits or nothing is left."""
        waiting = {outcome.no: pair for pair in self.families.values() if (outcome := pair[1]).stage == "registered"}
        bar = self.progress.add_task("配租 offered", total=None)
        districts = sorted({family.district for family, _ in waiting.values()})
        # A case is registered a moment before the list knows it; the first round must find everybody.
        found = await asyncio.gather(*(self.listed(*pair) for pair in waiting.values()))
        offers = [offer for offer in found if offer]
        while True:
            await asyncio.gather(*(self.answer(*waiting[offer["application_no"]], offer) for offer in offers))
            self.progress.advance(bar, len(offers))
            offers = []
            for district in districts:
                made = await self.town.official("house_manager", district).post(f"/districts/{district}/offers", {})
                offers += [offer for offer in made["offers"] if offer["application_no"] in waiting]
            if not offers:
                return

    async def listed(self, family: Household, outcome: Outcome) -> dict[str, Any] | None:
        """Until the waiting list knows the household. After an interruption: what it has been given already, and the offer it has not answered."""
        async with self.slots:
            tenancy = await eventually(family.tenancy, lambda seen: seen["waiting"], seconds=_MANY_SECONDS, what=f"{family.no} listed")
            states = {offer["state"]: offer for offer in tenancy["offers"]}
            outcome.declined = sum(offer["state"] == "declined" for offer in tenancy["offers"])
            if "accepted" in states:
                await family.drafted()
                outcome.unit = home(states["accepted"]["unit"])
            return states.get("open")

    async def answer(self, family: Household, outcome: Outcome, offer: dict[str, Any]) -> None:
        async with self.slots:
            await family.offered(seconds=_MANY_SECONDS)
            accept = chance(family.household, f"accept{outcome.declined}") >= 8
            if not accept:
                outcome.declined += 1
                await family.answer(offer["id"], accept=False, reason="离工作地点太远")
                # Back on the list, and the home back in the stock, before anybody is offered anything again.
                await family.waits(seconds=_MANY_SECONDS)
                return
            await family.accept_offer()
            outcome.unit = home(offer["unit"])

    async def tenancies(self) -> None:
        tenants = [pair for pair in self.families.values() if pair[1].unit]
        bar = self.progress.add_task("签约缴租 tenants", total=len(tenants))
        await asyncio.gather(*(self.tenancy(family, outcome, bar) for family, outcome in tenants))

    async def tenancy(self, family: Household, outcome: Outcome, bar: Any) -> None:
        async with self.slots:
            if (await family.tenancy())["lease"]["state"] == "signing":
                await family.sign()
            await self.pay(family, "deposit")
            await family.lease_is("active", seconds=_MANY_SECONDS)
            for month in range(self.months):
                period = await family.live_month(month)
                if chance(family.household, f"late{month}") < 3:
                    continue
                await self.pay(family, period)
                outcome.paid.append(str(month))
        self.progress.advance(bar)

    async def pay(self, family: Household, period: str) -> None:
        if (await family.bill(period))["state"] != "paid":
            await family.pay(period)

    @property
    def digest(self) -> str:
        lines = [outcome.line() for _, (_, outcome) in sorted(self.families.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


async def report(console: Console, replay: Replay, seconds: float) -> None:
    outcomes = [outcome for _, outcome in replay.families.values()]
    stages = Counter(outcome.stage for outcome in outcomes)
    registered, paying = stages["registered"], sum(1 for outcome in outcomes if outcome.paid)
    table = Table(title="开封：公布的数字与本次重放 Kaifeng: published and replayed")
    for column in ("", "公布 published", "重放 replayed"):
        table.add_column(column, justify="right" if column else "left")
    table.add_row("申请 applications", str(PUBLISHED["applications"]), str(len(outcomes)))
    table.add_row("审核通过 approved", str(PUBLISHED["approved"]), str(registered))
    table.add_row("线上缴租户 paying rent", str(PUBLISHED["paying"]), str(paying))
    console.print(table)
    counters = (await replay.town.official("auditor", "4102").get("/counters"))["items"]
    by_street = Table(title="各区与街道 by district and street")
    for column in ("区县", "街道", "受理", "通过", "未通过", "撤回", "在办"):
        by_street.add_column(column, justify="left" if column in ("区县", "街道") else "right")
    grouped: dict[tuple[str, str], Counter[str]] = {}
    for item in counters:
        grouped.setdefault((item["district_name"], item["street_name"]), Counter())[item["stage"]] += int(item["count"])
    for (district, street), count in sorted(grouped.items()):
        ended = count["registered"] + count["rejected"] + count["withdrawn"] + count["lapsed"]
        by_street.add_row(
            district,
            street,
            *(str(n) for n in (count.total(), count["registered"], count["rejected"], count["withdrawn"], count.total() - ended)),
        )
    console.print(by_street)
    refused = stages[f"{_NOT_ACCEPTED}household-has-application"]
    if refused:
        console.print(
            f"[yellow]{refused} 户的申请未被受理[/]：这些家庭在本环境已有别的申请，不计入。换 --seed 或新的数据目录可得完整的一轮。"
            f"{refused} households had another application here: take another --seed or a fresh --data-dir for a whole round."
        )
    console.print(f"结果 outcomes: {dict(sorted(stages.items()))}")
    console.print("准入标准为示例参数，开封未公布具体数值。Thresholds are a sample: Kaifeng has not published its own.")
    console.print(
        f"指纹 digest [bold]{replay.digest}[/bold]（同一种子在新环境中应相同 same seed, fresh box, same digest）  用时 {seconds:.0f} s"
    )


@contextmanager
def _told(progress: Progress) -> Iterator[None]:
    """Where no bar can be drawn (a log, a pipe), a line now and then."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            counts = "，".join(
                f"{task.description} {task.completed:.0f}{f'/{task.total:.0f}' if task.total else ''}" for task in progress.tasks
            )
            progress.console.print(counts)

    telling = None if progress.console.is_terminal else asyncio.create_task(tell())
    try:
        yield
    finally:
        if telling is not None:
            telling.cancel()


async def run(deployment: Deployment, seed: int, count: int, months: int, at_once: int) -> int:
    """0 when every household was followed to its end."""
    console = Console(highlight=False)
    clock = await controlled_clock(deployment)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.monotonic()
    async with city(deployment) as town:
        with Progress(*columns, console=console) as progress, _told(progress):
            replay = Replay(town, clock, progress, months, at_once)
            await replay.applications(await replay.households(seed, count))
            await replay.homes()
            await replay.tenancies()
        await report(console, replay, time.monotonic() - started)
        return int(any(outcome.stage not in ENDED for _, outcome in replay.families.values()))
