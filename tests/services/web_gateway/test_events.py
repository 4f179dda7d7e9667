from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from anju.casework.v1 import casework_pb2 as casework
from chassis import errors
from chassis.errors import Refusal
from web_gateway.api.subjects import events

from tests.services.web_gateway.world import API, NO, Person, World, an_application, world
from tests.support.patience import eventually

EVENTS = f"{API}/applications/{NO}/events"


@asynccontextmanager
async def listening(person: Person, **headers: str) -> AsyncIterator[ClientResponse]:
    async with person.http.get(person.base + EVENTS, headers=headers) as response:
        assert response.status == 200
        yield response


async def event(response: ClientResponse, seconds: float = 5.0) -> dict[str, Any]:
    """The next event: its fields, with data parsed; comments are passed over. Raises EOFError at the end of the stream."""
    fields: dict[str, Any] = {}
    async with asyncio.timeout(seconds):
        async for raw in response.content:
            line = raw.decode().rstrip("\r\n")
            if not line and fields:
                return fields
            name, _, value = line.partition(": ")
            if name and not line.startswith(":"):
                fields[name] = json.loads(value) if name == "data" else value
    raise EOFError


def stage(gateway: World, version: int, name: str) -> None:
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application(version=version, stage=name)))


async def test_a_household_is_told_when_its_case_moves(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    citizen = await gateway.citizen()
    async with listening(citizen) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "no-cache" in response.headers["Cache-Control"] or "no-store" in response.headers["Cache-Control"]
        first = await event(response)
        assert (first["event"], first["id"]) == ("application", "3")
        assert first["data"] == {
            "version": 3,
            "stage": "street_review",
            "waiting_on": "street",
            "deadline_at": "2026-11-27T23:59:59+08:00",
        }
        stage(gateway, 4, "district_review")
        assert (await event(response))["data"]["stage"] == "district_review"


async def test_coming_back_repeats_nothing_that_was_seen(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    citizen = await gateway.citizen()
    async with listening(citizen, **{"Last-Event-ID": "3"}) as response:
        await asyncio.sleep(0.3)
        stage(gateway, 5, "city_review")
        assert (await event(response))["id"] == "5"


async def test_a_quiet_stream_shows_that_it_is_alive(gateway: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    stage(gateway, 3, "street_review")
    async with listening(await gateway.citizen(), **{"Last-Event-ID": "3"}) as response, asyncio.timeout(5):
        assert (await response.content.readline()).startswith(b":")


async def test_a_service_that_is_away_for_a_moment_does_not_end_the_stream(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    citizen = await gateway.citizen()

    def away(_request: Any) -> Any:
        raise Refusal(errors.UNAVAILABLE)

    async with listening(citizen) as response:
        await event(response)
        gateway.backstage.on("GetApplication", away)
        await asyncio.sleep(0.3)
        stage(gateway, 4, "district_review")
        assert (await event(response))["id"] == "4"


async def test_who_may_not_see_the_case_any_more_hears_no_more_of_it(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    citizen = await gateway.citizen()

    def gone(_request: Any) -> Any:
        raise Refusal(errors.NOT_FOUND)

    async with listening(citizen) as response:
        await event(response)
        gateway.backstage.on("GetApplication", gone)
        try:
            await event(response)
        except EOFError:
            return
        raise AssertionError("the stream went on")


async def test_streams_are_for_people_who_may_read_the_case(gateway: World) -> None:
    def gone(_request: Any) -> Any:
        raise Refusal(errors.NOT_FOUND)

    gateway.backstage.on("GetApplication", gone)
    (await (await gateway.stranger()).get(EVENTS)).problem(401, "UNAUTHENTICATED")
    (await (await gateway.citizen()).get(EVENTS)).problem(404, "NOT_FOUND")


async def test_one_person_keeps_a_bounded_number_of_streams_and_closed_ones_are_given_back(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    citizen = await gateway.citizen()
    open_streams = [await citizen.http.get(citizen.base + EVENTS) for _ in range(6)]
    assert [stream.status for stream in open_streams] == [200] * 6
    reply = await citizen.get(EVENTS)
    reply.problem(429, "TOO_MANY_REQUESTS")
    assert reply.headers["Retry-After"] == "5"
    for stream in open_streams:
        stream.close()
    await eventually(lambda: gateway.server.edge.streams.count == 0, what="the end of the streams of people who left")


async def test_a_shutdown_waits_for_no_stream(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, drain_seconds=20.0, events_poll_seconds=30.0) as gateway:
            stage(gateway, 3, "street_review")
            citizen = await gateway.citizen()
            response = await citizen.http.get(citizen.base + EVENTS)
            await event(response)
            started = time.monotonic()
        assert time.monotonic() - started < 5


# -- who may listen no more -----------------------------------------------------------------------------------------------

SOON_SECONDS = 2.0


async def ends(response: ClientResponse) -> float:
    """Seconds until the stream is over."""
    started = time.monotonic()
    async with asyncio.timeout(10):
        while await response.content.readany():
            pass
    return time.monotonic() - started


async def sign_off(gateway: World, person: Person) -> None:
    assert (await person.ask("POST", "/auth/logout")).status == 204


@pytest.mark.parametrize("who", ["citizen", "official"])
async def test_a_stream_is_over_when_its_reader_signs_off(gateway: World, who: str) -> None:
    stage(gateway, 3, "street_review")
    person = await (gateway.citizen() if who == "citizen" else gateway.official("street_clerk", "410202001"))
    async with listening(person) as response:
        await event(response)
        await sign_off(gateway, person)
        assert await ends(response) < SOON_SECONDS


async def test_a_stream_at_another_replica_is_over_too(gateway: World, keys_dir: Path) -> None:
    """Both seal with the same keys and share the folder of what was signed off."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, oidc_issuer=gateway.sandbox.issuer_url) as other:
            for each in (gateway, other):
                stage(each, 3, "street_review")
            person = await gateway.citizen()
            async with person.http.get(other.url + EVENTS) as response:
                assert response.status == 200
                await event(response)
                await sign_off(gateway, person)
                assert await ends(response) < SOON_SECONDS


async def test_whoever_loses_his_duty_hears_no_more_and_is_let_in_no_more(gateway: World) -> None:
    stage(gateway, 3, "street_review")
    official, token = await gateway.official("street_clerk", "410202001"), gateway.token("street_clerk")
    by_token = {"Authorization": f"Bearer {token}"}
    script = await gateway.stranger()
    async with listening(official) as page, listening(script, **by_token) as stream, listening(await gateway.citizen()) as household:
        for response in (page, stream, household):
            await event(response)
        session = (await official.get(f"{API}/session")).json
        for each in {session["sub"], (await script.get(f"{API}/session", headers=by_token)).json["sub"]}:
            stranger = await gateway.stranger()
            form = {"logout_token": gateway.sandbox.issuer.logout_token(each)}
            assert (await stranger.ask("POST", "/auth/backchannel-logout", data=form)).status == 200
        assert await ends(page) < SOON_SECONDS
        assert await ends(stream) < SOON_SECONDS
        stage(gateway, 4, "district_review")
        assert (await event(household))["id"] == "4", "nobody else is affected"
    (await official.get(f"{API}/session")).problem(401, "UNAUTHENTICATED")
    (await script.get(f"{API}/session", headers=by_token)).problem(401, "UNAUTHENTICATED")


@pytest.mark.parametrize("forged", ["", "x.y.z", "id_token", "access_token", "other_event"])
async def test_nobody_else_can_end_what_a_person_signed_on_for(gateway: World, forged: str) -> None:
    citizen = await gateway.citizen()
    issuer = gateway.sandbox.issuer
    if forged in ("id_token", "access_token"):
        forged = gateway.token(kind=forged)
    elif forged == "other_event":
        now = int(time.time())
        claims = {"iss": issuer.url, "aud": issuer.client.client_id, "sub": "x", "iat": now, "exp": now + 60, "events": {"other": {}}}
        forged = issuer._encode("logout+jwt", claims)
    stranger = await gateway.stranger()
    (await stranger.ask("POST", "/auth/backchannel-logout", data={"logout_token": forged})).problem(400, "BAD_REQUEST")
    assert (await citizen.get(f"{API}/session")).status == 200
