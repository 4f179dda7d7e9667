"""Photographs of a complaint, from the phone to the desk: only what is seen of them, and only to who may read the words."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import aiohttp
from anju_stories.household import Household
from anju_stories.people import Person

from tests.support.boxes import RunningBox
from tests.support.photographs import not_photographs, photograph, shows_only_pixels

TOO_LARGE = 13 << 20


async def send(box: RunningBox, path: str, photo: bytes, person: Person | None = None, key: str = "", **fields: str) -> tuple[int, Any]:
    form = aiohttp.FormData(fields)
    form.add_field("photo", photo, filename="IMG_0001.exe", content_type="text/plain")
    return await ask(box, "POST", path, person, data=form, headers={"Idempotency-Key": key or str(uuid4())})


async def ask(box: RunningBox, method: str, path: str, person: Person | None, **what: Any) -> tuple[int, Any]:
    headers = what.pop("headers", {})
    if person is not None:
        headers["Authorization"] = f"Bearer {await person.token()}"
    async with aiohttp.ClientSession(headers=headers) as http, http.request(method, f"{box.url}/api/v1{path}", **what) as response:
        picture = response.content_type == "image/jpeg"
        return response.status, await response.read() if picture else await response.json(content_type=None)


async def test_a_photograph_goes_with_a_letter_and_says_nothing_but_what_is_seen(box: RunningBox, family: Household) -> None:
    writer, desk = family.applicant, box.town.official("district_reviewer", family.district)
    letter = {"kind": "complaint", "division": family.street, "text": "楼道的墙皮掉了一大片，请派人来看。"}
    no = (await writer.post("/complaints", letter))["no"]
    for content in not_photographs():
        status, problem = await send(box, f"/complaints/{no}/photos", content, writer)
        assert (status, [each["pointer"] for each in problem["errors"]]) == (422, ["/photo"]), content[:20]
    status, problem = await send(box, f"/complaints/{no}/photos", photograph() + b"x" * TOO_LARGE, writer)
    assert (status, problem["type"].rpartition("/")[2]) == (413, "file-too-large")
    for number, kind in enumerate(("JPEG", "PNG", "WEBP"), start=1):
        key = str(uuid4())
        first = await send(box, f"/complaints/{no}/photos", photograph(kind), writer, key)
        assert (first[0], first[1]["number"]) == (201, number), first
        assert await send(box, f"/complaints/{no}/photos", photograph(kind), writer, key) == first
        status, photo = await ask(box, "GET", f"/complaints/{no}/photos/{number}", desk)
        assert status == 200
        assert shows_only_pixels(photo), kind
    mine = await writer.get(f"/complaints/{no}")
    assert ([each["number"] for each in mine["photos"]], mine["photos_left"]) == ([1, 2, 3], 3)
    stranger = box.town.official("district_reviewer", "410203")
    assert (await ask(box, "GET", f"/complaints/{no}/photos/1", stranger))[0] == 404
    assert (await ask(box, "GET", f"/complaints/{no}/photos/1", None))[0] == 401


async def test_without_a_name_number_and_code_lead_to_a_photograph_and_nothing_else_does(box: RunningBox, family: Household) -> None:
    letter = {"kind": "complaint", "division": family.street, "text": "有人把公租房转租给了别人。"}
    status, filed = await ask(box, "POST", "/anonymous-complaints", None, json=letter, headers={"Idempotency-Key": str(uuid4())})
    assert status == 201
    known = {"no": filed["no"], "code": filed["code"]}
    assert (await send(box, "/anonymous-complaints/photos", photograph(), **known))[0] == 201
    assert (await send(box, "/anonymous-complaints/photos", photograph(), **{**known, "code": "AAAA-AAAA-AAAA-AAAA"}))[0] == 404
    status, photo = await ask(box, "POST", "/anonymous-complaints/photo", None, json={**known, "number": 1})
    assert status == 200
    assert shows_only_pixels(photo)
    assert (await ask(box, "POST", "/anonymous-complaints/photo", None, json={**known, "code": "AAAA", "number": 1}))[0] == 404
    assert (await ask(box, "POST", "/anonymous-complaints/photo", None, json={**known, "number": 2}))[0] == 404
    # Who has signed on is somebody, and it is nobody's.
    assert (await ask(box, "GET", f"/complaints/{filed['no']}/photos/1", family.applicant))[0] == 404
