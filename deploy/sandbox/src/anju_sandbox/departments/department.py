"""What the sandbox has to know of one department; everything else treats all departments alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web
from pydantic import BaseModel

from anju_sandbox.departments.desk import IssuedSecrets
from anju_sandbox.exchange import Hub


class Register(Protocol):
    """One server of a department."""

    @property
    def secrets(self) -> IssuedSecrets | None:
        """The call secrets it has handed out, where its protocol knows such."""

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""


@dataclass(frozen=True)
class Department:
    """One department. A department with several offices has one server each, named ``<code>_<office>``."""

    # The folder has the same name.
    code: str
    # Its servers with their places: ports behind the sandbox's first. No two departments may share one.
    places: Mapping[str, int]
    # Access data of one server: their shape, and new ones.
    keys: type[BaseModel]
    new_keys: Callable[[str], BaseModel]
    serve: Callable[[Hub, str, Any], Register]

    def office(self, server: str) -> str:
        return server.removeprefix(self.code).removeprefix("_")

    def handed_over(self, keys: Mapping[str, BaseModel], url_of: Callable[[str], str]) -> dict[str, Any]:
        """What the department gives to those who may ask it, by office where there are several."""
        given = {self.office(server): {"base_url": url_of(server), **keys[server].model_dump()} for server in self.places}
        return given.get("") or given
