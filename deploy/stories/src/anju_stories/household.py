"""One household's way through the system, step by step, as its members and its officials take it."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import anju_calendar as calendar
from anju_simclock import SimulatedClock

from anju_stories.people import ApiProblem, City, Person, eventually

REGISTERS = ["social_insurance", "real_estate", "vehicles", "marriage"]
CONSENT_VERSION = "consent-2026.1"
_CATEGORY = {"urban_low_income": "local_household", "new_worker": "new_worker", "migrant_worker": "migrant_worker"}
_MARITAL = {"never_married": "single"}
ENDED = frozenset({"registered", "rejected", "withdrawn", "lapsed"})
# What a household says a car is worth when nobody has appraised it.
_CAR_FEN = 6_000_000


def _area(text: str) -> int:
    """'89.5㎡' -> 8950 hundredths of a square metre."""
    number = re.match(r"[\d.]+", text)
    return int(Decimal(number.group()) * 100) if number else 0


def dossier(household: dict[str, Any]) -> dict[str, Any]:
    """What the household writes into the form: its declaration, not the truth."""
    declared, truth = household["declared"], household["members"]
    place = household["place"]
    homes, vehicles, seen = [], [], set()
    for member in declared:
        for home in member["homes"]:
            key = (home["district"], home["address"])
            if key not in seen:
                seen.add(key)
                share = min(100, max(1, int(Decimal(home["share_percent"]))))
                homes.append(
                    {
                        "district": home["district"],
                        "address": home["address"],
                        "area_centi_sqm": _area(home["area_sqm"]),
                        "share_percent": share,
                    }
                )
        vehicles += [{"plate": vehicle["plate"], "value_fen": _CAR_FEN} for vehicle in member["vehicles"]]
    status = declared[0]["marital_status"]
    return {
        "category": _CATEGORY[household["category"]],
        "members": [
            {
                "name": member["name"],
                "id_number": member["id_number"],
                "relation": member["relation"],
                "birth_date": person["birth_date"],
                "annual_income_fen": member["annual_income_fen"],
                "employer": member["employer_name"],
            }
            for member, person in zip(declared, truth, strict=True)
        ],
        "homes": homes,
        "vehicles": vehicles,
        "marital_status": _MARITAL.get(status, status),
        "district": place["district"],
        "street": place["street"],
        "community": place["community"],
        "address": f"{place['street_name']}幸福路 1 号",
        "phone": declared[0]["phone"],
    }


class Household:
    """An applicant with its case. ``clock`` moves the case's workflows through time; without one, time passes as it does."""

    def __init__(self, city: City, household: dict[str, Any], clock: SimulatedClock | None = None) -> None:
        self.city = city
        self.household = household
        self.dossier = dossier(household)
        self.clock = clock
        self.applicant: Person = city.person(id_number=self.dossier["members"][0]["id_number"])
        self.no = ""
        self.lease_no = ""

    @property
    def district(self) -> str:
        return str(self.dossier["district"])

    @property
    def street(self) -> str:
        return str(self.dossier["street"])

    # -- application -------------------------------------------------------------------------------------------------

    async def submit(self, *, key: str | None = None) -> dict[str, Any]:
        """Hands the form in, and every other adult of the household confirms."""
        case = await self.hand_in(key=key)
        await self.confirm(case)
        return case

    async def hand_in(self, *, key: str | None = None) -> dict[str, Any]:
        body = {"dossier": self.dossier, "consent": {"text_version": CONSENT_VERSION, "registers": REGISTERS}}
        case: dict[str, Any] = await self.applicant.post("/applications", body, key=key)
        self.no = case["no"]
        return case

    async def confirm(self, case: dict[str, Any]) -> None:
        """Each adult who is awaited signs on himself and confirms."""
        for member in case["members"]:
            if member["state"] == "awaited":
                adult = self.city.person(id_number=case["dossier"]["members"][member["index"]]["id_number"])
                await adult.post(
                    f"/applications/{self.no}/confirmation",
                    {"agrees": True, "text_version": CONSENT_VERSION},
                    # A story that was broken off confirms again, and it is the same word.
                    key=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.no}/{member['index']}")),
                )

    async def case(self) -> dict[str, Any]:
        case: dict[str, Any] = await self.applicant.get(f"/applications/{self.no}")
        return case

    async def reaches(self, *stages: str, seconds: float | None = None) -> dict[str, Any]:
        """Waits for one of the stages. Raises TimeoutError, also when the case ended elsewhere."""
        wanted = set(stages)
        case: dict[str, Any] = await eventually(
            self.case,
            lambda seen: seen["stage"] in wanted or seen["stage"] in ENDED,
            seconds=seconds or self.city.patience_seconds,
            what=f"{self.no} to reach {sorted(wanted)}",
        )
        if case["stage"] not in wanted:
            raise TimeoutError(f"{self.no} ended as {case['stage']} on its way to {sorted(wanted)}: {case.get('reason')}")
        return case

    def reviewer(self, level: str, seat: int = 1) -> Person:
        role, division = {
            "street": ("street_clerk", self.street),
            "district": ("district_reviewer", self.district),
            "city": ("city_reviewer", self.district[:4]),
        }[level]
        return self.city.official(role, division, seat)

    async def decide(self, level: str, decision: str = "approve", reason: str = "") -> dict[str, Any]:
        """One level's decision; by two of its people when it is an approval against the assessment. Goes on where a story that was broken off left it."""
        path, first = f"/applications/{self.no}", self.reviewer(level)
        case: dict[str, Any]
        if decision != "approve":
            case = await first.post(f"{path}/decision", {"decision": decision, "reason": reason})
            return case
        review = await first.get(f"{path}/review")
        said = {"decision": decision, "reason": reason or ("已入户核实，并查看证件原件" if review["doubts"] else "")}
        proposed = review["proposal"]
        if not proposed:
            case = await first.post(f"{path}/decision", said)
            proposed = (await first.get(f"{path}/review"))["proposal"] if review["doubts"] else None
        if proposed:
            case = await self.reviewer(level, seat=2).post(f"{path}/decision", said)
        return case

    async def approve_everywhere(self) -> None:
        for level in ("street", "district", "city"):
            await self.reaches(f"{level}_review")
            await self.decide(level)
        await self.reaches("public_notice")

    async def pass_public_notice(self) -> dict[str, Any]:
        case = await self.reaches("public_notice", "registered")
        if case["stage"] == "public_notice":
            await self.move(f"application/{self.no}", datetime.fromisoformat(case["deadline_at"]) + timedelta(seconds=1))
        case = await self.reaches("registered")
        # The list knows the household a moment after its case says so.
        await eventually(self.tenancy, lambda seen: seen["waiting"] is not None, what=f"{self.no} on the waiting list")
        return case

    # -- home --------------------------------------------------------------------------------------------------------

    async def tenancy(self) -> dict[str, Any]:
        """What the list knows of the household: nothing before it is registered, nor in the moment after."""
        try:
            tenancy: dict[str, Any] = await self.applicant.get(f"/applications/{self.no}/tenancy")
        except ApiProblem as problem:
            if problem.status != 404:
                raise
            return {"waiting": None, "offers": [], "lease": None}
        return tenancy

    async def waits(self, *, seconds: float | None = None) -> None:
        """Until the waiting list knows the household, and no offer is before it."""
        await eventually(
            self.tenancy,
            lambda seen: seen["waiting"] is not None and seen["waiting"]["state"] != "offered",
            seconds=seconds or self.city.patience_seconds,
            what=f"{self.no} on the waiting list",
        )

    async def offered(self, *, seconds: float | None = None) -> dict[str, Any]:
        """The open offer, once the household has been told."""
        tenancy = await eventually(
            self.tenancy,
            lambda seen: any(o["state"] == "open" for o in seen["offers"]),
            seconds=seconds or self.city.patience_seconds,
            what=f"an offer for {self.no}",
        )
        offer: dict[str, Any] = next(o for o in tenancy["offers"] if o["state"] == "open")
        return offer

    async def answer(self, offer_id: str, *, accept: bool, reason: str = "") -> None:
        await self.applicant.post(f"/offers/{offer_id}/answer", {"accept": accept, "reason": reason})

    async def accept_offer(self) -> dict[str, Any]:
        """Accepts; returns the drafted lease, ready to be signed."""
        offer = await self.offered()
        await self.answer(offer["id"], accept=True)
        return await self.drafted()

    async def drafted(self) -> dict[str, Any]:
        """The lease after an offer was accepted, ready to be signed."""
        tenancy = await eventually(
            self.tenancy, lambda seen: seen["lease"] is not None, seconds=self.city.patience_seconds, what=f"a lease for {self.no}"
        )
        self.lease_no = tenancy["lease"]["no"]
        lease: dict[str, Any] = tenancy["lease"]
        return lease

    async def sign(self) -> None:
        contract = await self.applicant.get(f"/leases/{self.lease_no}/contract")
        await self.applicant.post(f"/leases/{self.lease_no}/signature", {"acknowledged": True, "digest": contract["digest"]})

    async def lease_is(self, state: str, *, seconds: float | None = None) -> dict[str, Any]:
        tenancy = await eventually(
            self.tenancy,
            lambda seen: seen["lease"] is not None and seen["lease"]["state"] == state,
            seconds=seconds or self.city.patience_seconds,
            what=f"{self.no} lease {state}",
        )
        lease: dict[str, Any] = tenancy["lease"]
        return lease

    # -- rent --------------------------------------------------------------------------------------------------------

    async def bill(self, period: str, *, state: str = "", seconds: float | None = None) -> dict[str, Any]:
        async def look() -> dict[str, Any]:
            page = await self.applicant.get(f"/leases/{self.lease_no}/bills")
            return next((b for b in page["items"] if b["id"] == f"{self.lease_no}/{period}"), {})

        bill: dict[str, Any] = await eventually(
            look,
            lambda seen: bool(seen) and (not state or seen["state"] == state),
            seconds=seconds or self.city.patience_seconds,
            what=f"bill {self.lease_no}/{period} {state}",
        )
        return bill

    async def pay(self, period: str) -> dict[str, Any]:
        """Pays at the bank, as the pay page's button would; the bank's callback brings the money."""
        await self.bill(period)
        intent = await self.applicant.post(f"/leases/{self.lease_no}/bills/{period}/payments", {})
        await self.city.world("POST", "/bank/pay", {"order_id": intent["id"]})
        return await self.bill(period, state="paid")

    def period(self, month: int) -> str:
        return f"{self.month_start(month):%Y%m}"

    def month_start(self, month: int) -> date:
        return calendar.add_months(date.fromisoformat(self.starts_on), month)

    starts_on = ""

    async def live_month(self, month: int) -> str:
        """Moves the lease to the start of a month (counted from 0) and returns the bill's period."""
        if not self.starts_on:
            self.starts_on = (await self.tenancy())["lease"]["starts_on"]
        start = calendar.start_of_day(self.month_start(month)) + timedelta(seconds=1)
        if start > datetime.now(UTC):
            await self.move(f"lease/{self.lease_no}", start)
        return self.period(month)

    async def move(self, workflow_id: str, instant: datetime) -> None:
        if self.clock is None:
            raise RuntimeError("time cannot be moved here")
        await self.clock.advance_to(workflow_id, instant)
