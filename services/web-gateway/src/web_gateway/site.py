"""The built pages: citizens at /, officials at /staff, hashed assets for ever, and the gateway's own few pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from aiohttp import web
from anju_profile.look import Look

from web_gateway import openapi, pages
from web_gateway.api.layer import EMBLEM_PATH, Api
from web_gateway.api.problems import Catalogue
from web_gateway.api.serving import compress

_HASHED: Final = re.compile(r".+[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+")
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_FRESH: Final = "no-cache"
_STAFF: Final = re.compile(r"/staff(/.*)?")


class Site:
    def __init__(self, static_dir: Path, apis: Sequence[Api], catalogue: Catalogue, look: Look, *, explorer: bool) -> None:
        """``explorer``: also serves the page on which the interface can be tried, which is not for production."""
        self._root = static_dir.resolve()
        self._explorer = explorer
        self._apis = apis
        self._kinds = catalogue.kinds.values()
        self._look = look

    @cached_property
    def _document(self) -> str:
        return openapi.text(self._apis)

    @cached_property
    def _docs(self) -> str:
        return pages.docs_page(openapi.document(self._apis), explorer=self._explorer)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/openapi.json", self.openapi),
            web.get("/docs", self.docs),
            web.get("/problems/", self.problems),
            web.get("/problems/{slug}", self.problem),
            web.get(pages.STYLE_PATH, self.style),
            web.get(EMBLEM_PATH, self.emblem),
            web.get(r"/{path:(?!api/|auth/|callbacks/).*}", self.page),
        ]

    async def openapi(self, request: web.Request) -> web.Response:
        response = web.Response(text=self._document, content_type="application/json", headers={"Cache-Control": _FRESH})
        compress(request, response)
        return response

    async def docs(self, _request: web.Request) -> web.Response:
        return pages.page("接口文档 API", self._docs, cache=_FRESH)

    async def problems(self, _request: web.Request) -> web.Response:
        return pages.problems_page(self._kinds)

    async def problem(self, request: web.Request) -> web.Response:
        found = pages.problem_page(request.match_info["slug"], self._kinds)
        if found is None:
            raise web.HTTPNotFound
        return found

    async def style(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(pages.STYLE_SHEET, headers={"Cache-Control": "public, max-age=3600"})

    async def emblem(self, _request: web.Request) -> web.StreamResponse:
        """The city's, or the pages' own where the city has none. Raises 404 before the pages are built."""
        file = self._look.emblem or self._file("/favicon.svg")
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file, headers={"Cache-Control": "public, max-age=3600"})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """A built file, or the app whose router knows the path. Raises 404 for a file that is not there.

        The build lays .br and .gz beside each file; FileResponse gives them to whoever takes them.
        """
        path = request.path
        if path.removesuffix(".html") == pages.EXPLORER_PATH and not self._explorer:
            raise web.HTTPNotFound
        file = self._file(path)
        if file is not None:
            cache = _IMMUTABLE if path.startswith("/assets/") and _HASHED.fullmatch(file.name) else _FRESH
            return web.FileResponse(file, headers={"Cache-Control": cache})
        if "." in path.rpartition("/")[2]:
            raise web.HTTPNotFound
        app = self._file(f"{pages.EXPLORER_PATH}.html") if path == pages.EXPLORER_PATH else None
        app = app or (self._file("/staff.html") if _STAFF.fullmatch(path) else None) or self._file("/index.html")
        if app is None:
            return pages.not_built_page()
        return web.FileResponse(app, headers={"Cache-Control": _FRESH})

    def _file(self, path: str) -> Path | None:
        """A file below the folder; None for a folder, a hidden file, and whatever tries to climb out."""
        relative = path.lstrip("/")
        if not relative or "\x00" in relative or any(part.startswith(".") for part in relative.split("/")):
            return None
        file = (self._root / relative).resolve()
        try:
            return file if file.is_relative_to(self._root) and file.is_file() else None
        except OSError:
            return None
