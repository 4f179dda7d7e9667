"""A household without a phone, from the counter to the signed lease: the clerk makes its own calls, in visits on its signed paper (C4 looks afterwards)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from anju_stories.household import Household
from anju_stories.people import ApiProblem, Person, eventually
from anju_verify.check import Status
from anju_verify.run import Options, verify

from tests.support.boxes import RunningBox
from tests.support.papers import text_of
from tests.support.photographs import not_photographs, photograph, shows_only_pixels

LANDLINE = "0371-55500101"


class Clerk:
    """Who stands at the counter. Speaks in the household's name while ``visit`` is open, and is no citizen without one."""

    def __init__(self, box: RunningBox, official: Person) -> None:
        self._box = box
        self.official = official
        self.paper = ""
        self.visit: dict[str, Any] = {}

    async def takes_paper(self, member: dict[str, Any], photo: bytes) -> None:
        form = aiohttp.FormData({"id_number": member["id_number"], "name": member["name"], "document": "申请人身份证原件"})
        form.add_field("photo", photo, filename="IMG_0001.JPG", content_type="image/jpeg")
        headers = {"Authorization": f"Bearer {await self.official.token()}", "Idempotency-Key": str(uuid4())}
        url = f"{self._box.url}/api/v1/counter/authorisations"
        async with aiohttp.ClientSession(headers=headers) as http, http.post(url, data=form) as response:
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise ApiProblem(response.status, answer)
            self.paper = answer["id"]

    async def opens(self, purpose: str, no: str = "") -> dict[str, Any]:
        """On the paper he has just taken; ``no``: on what the household of that case has signed before."""
        on = {"application_no": no} if no else {"authorisation_id": self.paper}
        self.visit = await self.official.post("/counter/visits", {**on, "purpose": purpose})
        return self.visit

    async def get(self, path: str, **params: str) -> Any:
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: dict[str, Any], *, key: str | None = None, **headers: str) -> Any:
        return await self._call("POST", path, body=body, headers={"Idempotency-Key": key or str(uuid4()), **headers})

    async def put(self, path: str, body: dict[str, Any], *, key: str | None = None, **headers: str) -> Any:
        return await self._call("PUT", path, body=body, headers={"Idempotency-Key": key or str(uuid4()), **headers})

    async def _call(self, method: str, path: str, headers: dict[str, str] | None = None, **what: Any) -> Any:
        sent = {**(headers or {}), "Anju-Assistance": self.visit["id"]}
        return await self._box.town.call(method, path, token=await self.official.token(), headers=sent, **what)


async def file(box: RunningBox, path: str, clerk: Clerk, visit: bool) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {await clerk.official.token()}"} | ({"Anju-Assistance": clerk.visit["id"]} if visit else {})
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{box.url}/api/v1{path}") as response:
        return response.status, await response.read()


async def refused(call: Any) -> str:
    try:
        await call
    except ApiProblem as problem:
        return problem.slug
    return ""


async def test_a_paper_household_from_the_counter_to_the_signed_lease(box: RunningBox, family: Household) -> None:
    # Of the two at the counter this one types, so that the other decides.
    clerk = Clerk(box, box.town.official("street_clerk", family.street, seat=2))
    await clerk.official.declare()
    family.dossier["phone"] = LANDLINE
    await clerk.takes_paper(family.dossier["members"][0], photograph())
    assert (await clerk.opens("file"))["application_nos"] == []
    family.applicant = clerk  # type: ignore[assignment]  # speaks in its name
    case = await family.hand_in()
    assert case["timeline"][0]["assisted"] is True
    assert case["members"][0]["channel"] == "authorisation"
    # The other adults say so at the counter as well; it is no part of what the applicant has signed.
    for member in case["members"]:
        if member["state"] == "awaited":
            await clerk.official.post(
                f"/applications/{family.no}/members/{member['index']}/confirmation", {"channel": "counter", "document": "身份证原件"}
            )
    status, receipt = await file(box, f"/applications/{family.no}/receipt.pdf", clerk, visit=True)
    assert (status, receipt[:5]) == (200, b"%PDF-")
    code = await clerk.official.post("/counter-visits", {"application_no": family.no})
    assert code["code"] in text_of(receipt)
    # Whoever holds it says once what he thought of the counter, and need not sign on.
    url = f"{box.url}/api/v1{code['path']}/evaluation"
    async with aiohttp.ClientSession() as nobody:
        for level, expected in (("very_satisfied", 200), ("very_satisfied", 200), ("dissatisfied", 409)):
            async with nobody.post(url, json={"level": level}) as response:
                assert response.status == expected, await response.text()
    status, photo = await file(box, f"/applications/{family.no}/authorisation.jpg", clerk, visit=False)
    assert status == 200
    assert shows_only_pixels(photo)

    # Sent back, corrected at the counter by the same paper.
    case = await family.reaches("street_review")
    review = await clerk.official.get(f"/applications/{family.no}/review")
    assert review["recusal"] == "TYPED_CASE"
    decision = clerk.official.post(
        f"/applications/{family.no}/decision", {"decision": "approve", "reason": ""}, **{"If-Match": f'"{case["version"]}"'}
    )
    assert await refused(decision) == "typed-case"
    await family.decide("street", "return", "请补充门牌号")
    case = await family.reaches("correction")
    await clerk.opens("correct", family.no)
    family.dossier["address"] += " 2 单元"
    await clerk.put(f"/applications/{family.no}/dossier", {"dossier": family.dossier}, **{"If-Match": f'"{case["version"]}"'})
    await family.approve_everywhere()
    await family.pass_public_notice()
    await box.town.official("house_manager", family.district).post(f"/districts/{family.district}/offers", {})
    await clerk.opens("answer_offer", family.no)
    await family.accept_offer()
    await clerk.opens("sign", family.no)
    await family.sign()
    signed = await family.lease_is("deposit")
    assert signed["no"] == family.lease_no
    bills = await eventually(
        lambda: clerk.get(f"/leases/{family.lease_no}/bills"), lambda found: bool(found["items"]), seconds=20, what="the deposit's bill"
    )
    [deposit] = bills["items"]
    assert deposit["kind"] == "deposit"
    said = {each["event"]: each["assisted"] for each in (await family.case())["timeline"]}
    assert (said["submitted"], said["corrected"], said["street_returned"]) == (True, True, False)
    # The household is told of each visit, and what the next one at the counter sees is nothing of it.
    reads = await clerk.official.get(f"/applications/{family.no}/reads", limit="100")
    assert {each["what"] for each in reads["items"]} >= {"visit", "authorisation"}
    await box.town.call("DELETE", f"/counter/visits/{clerk.visit['id']}", token=await clerk.official.token())
    assert await refused(family.case()) == "assistance-over"
    # Signed on by itself later, it finds all of it by its own number, and goes on alone.
    himself = box.town.person(id_number=family.dossier["members"][0]["id_number"])
    assert [each["no"] for each in (await himself.get("/applications"))["items"]] == [family.no]
    assert (await himself.get(f"/applications/{family.no}/tenancy"))["lease"]["no"] == family.lease_no
    assert (await himself.get(f"/leases/{family.lease_no}/contract"))["signed_at"]
    assert (await himself.get("/inbox"))["items"]
    assert (await himself.post(f"/leases/{family.lease_no}/bills/deposit/payments", {}))["pay_url"]
    [signed] = (await himself.get("/myself/authorisations"))["items"]
    await clerk.opens("ask", family.no)
    await box.town.call("DELETE", f"/myself/authorisations/{signed['id']}", token=await himself.token())
    assert await refused(clerk.get(f"/applications/{family.no}")) == "authorisation-revoked"
    assert await refused(clerk.opens("ask", family.no)) == "authorisation-revoked"
    assert (await himself.get(f"/leases/{family.lease_no}/contract"))["signed_at"]
    report = await verify(box.layout.deployment(), Options(only=("C4", "I1", "I3", "R1", "L1"), settle_seconds=1.0))
    assert {result.id: (result.status, result.violations) for result in report.results} == dict.fromkeys(
        ("C4", "I1", "I3", "R1", "L1"), (Status.PASSED, ())
    )


async def test_what_is_meant_in_a_households_name_is_never_done_in_the_clerks(box: RunningBox, family: Household) -> None:
    clerk = Clerk(box, box.town.official("street_clerk", family.street))
    await clerk.official.declare()
    await clerk.takes_paper(family.dossier["members"][0], photograph())
    visit = await clerk.opens("file")
    # Nobody else's visit, none at all, and nothing that is not the household's to do.
    for id_, path, slug in (
        (visit["id"], "/tasks", "not-allowed"),
        (visit["id"], "/confirmations", "not-allowed"),
        (visit["id"], "/session", "not-allowed"),
        ("as-" + "0" * 26, "/applications", "not-found"),
        ("nonsense", "/applications", "not-found"),
    ):
        clerk.visit = {"id": id_}
        assert await refused(clerk.get(path)) == slug, (id_, path)
    # A citizen has no visit to name.
    stranger = Clerk(box, box.town.official("street_clerk", family.street, seat=2))
    stranger.visit = visit
    assert await refused(stranger.get("/applications")) == "not-found"
    citizen = Clerk(box, family.applicant)
    citizen.visit = visit
    assert await refused(citizen.get("/applications")) == "not-allowed"


async def test_what_is_no_photograph_is_refused_in_plain_words(box: RunningBox, family: Household) -> None:
    clerk = Clerk(box, box.town.official("street_clerk", family.street))
    await clerk.official.declare()
    member = family.dossier["members"][0]
    for content in not_photographs():
        with pytest.raises(ApiProblem) as problem:
            await clerk.takes_paper(member, content)
        assert (problem.value.status, problem.value.pointers) == (422, ["/photo"]), content[:20]
