"""Moving a bill's clock lets the same time pass at the bank, or says that it could not."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from anju_onebox.cli import _pass_time_at_the_bank
from anju_onebox.layout import Layout
from chassis.deployment import Deployment


def at(port: int) -> Layout:
    return cast(Layout, SimpleNamespace(deployment=lambda: Deployment(outside_url=f"http://127.0.0.1:{port}", outside_token="t0ken")))


@pytest.mark.parametrize("status", [200, 500])
async def test_time_passes_for_the_orders_of_the_bill(status: int) -> None:
    heard: list[Any] = []

    async def bank(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.json_response({}, status=status)

    app = web.Application()
    app.router.add_post("/bank/pass-time", bank)
    async with TestServer(app) as server:
        assert server.port is not None
        passed = await _pass_time_at_the_bank(at(server.port), "bill/L-2026-000001/202612", timedelta(hours=1))
    assert passed is (status == 200)
    assert heard == [{"remark": "L-2026-000001/202612", "seconds": 3600}]


async def test_a_bank_that_is_away_is_said_so() -> None:
    port = unused_port()
    assert await _pass_time_at_the_bank(at(port), "bill/L-2026-000001/202612", timedelta(hours=1)) is False
    assert await _pass_time_at_the_bank(at(port), "lease/L-2026-000001", timedelta(hours=1)), "only bills have orders"
