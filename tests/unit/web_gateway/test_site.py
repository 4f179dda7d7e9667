"""Which pages are there, beside the apps of citizens and officials."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from anju_profile.look import Look
from web_gateway.api.subjects import APIS, catalogue
from web_gateway.site import Site

from tests.support.profiles import KAIFENG


@pytest.mark.parametrize(("explorer", "status"), [(True, 200), (False, 404)])
async def test_the_explorer_is_not_for_production(tmp_path: Path, explorer: bool, status: int) -> None:
    (tmp_path / "explorer.html").write_text("to try")
    (tmp_path / "index.html").write_text("citizens")
    app = web.Application()
    app.router.add_routes(Site(tmp_path, APIS, catalogue(), Look.of(KAIFENG), explorer=explorer).routes())
    async with TestClient(TestServer(app)) as client:
        for path in ("/explorer", "/explorer.html"):
            async with client.get(path) as reply:
                assert reply.status == status
        async with client.get("/docs") as docs:
            assert ("/explorer" in await docs.text()) is explorer
