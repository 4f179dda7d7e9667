"""An outage is waited out for as long as the city has patience, however often that is asked; then its answer is what the story gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from anju_stories.people import ApiProblem, City
from chassis.deployment import Deployment


@asynccontextmanager
async def away_for(tries: int, patience_seconds: float) -> AsyncIterator[tuple[City, list[str]]]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers["Idempotency-Key"])
        if len(asked) <= tries:
            return web.json_response({"title": "later"}, status=503, headers={"Retry-After": "0.01"})
        return web.json_response({"no": "KF-2026-000001"})

    application = web.Application()
    application.router.add_post("/api/v1/applications", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        yield City(http, Deployment(web_url=f"http://127.0.0.1:{port}"), patience_seconds), asked
    await runner.cleanup()


async def test_an_outage_is_waited_out_under_one_key() -> None:
    async with away_for(tries=40, patience_seconds=60) as (city, asked):
        assert await city.call("POST", "/applications", {}, headers={"Idempotency-Key": "k"}) == {"no": "KF-2026-000001"}
    assert asked == ["k"] * 41


async def test_patience_has_an_end() -> None:
    async with away_for(tries=10_000, patience_seconds=0.2) as (city, asked):
        with pytest.raises(ApiProblem) as refused:
            await city.call("POST", "/applications", {}, headers={"Idempotency-Key": "k"})
    assert refused.value.status == 503
    assert len(asked) > 1
