"""The thin typed layer: a handler declared once is the aiohttp route, the validation, and the OpenAPI operation.

    @api.get("/applications/{no}", access=SIGNED_ON, etag=True)
    async def get_application(call: Call, params: OneApplication) -> Application:
        '''One case.'''

``params`` is a pydantic model whose fields are path parameters when the path names them and query parameters otherwise; ``body`` is the JSON body,
or a form with files when its model is a ``Form``. Unknown parameters and fields are refused. What a handler returns is dumped through its declared
model, so nothing a service adds later leaks out; a handler that gives a file returns a ``Download``. ``serving.py`` carries out what is declared here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar, get_type_hints

from aiohttp import web
from anju_people.index import PersonIndex
from anju_profile import Profile
from anju_profile.look import Look
from anju_profile.places import Places
from pydantic import BaseModel, ConfigDict

from web_gateway.api.files import FileKind, FileTypes, Receiving, file_fields
from web_gateway.api.problems import Catalogue, Kind
from web_gateway.edge.access import Gate, caller
from web_gateway.edge.language import Locale
from web_gateway.edge.limits import Buckets
from web_gateway.edge.oidc import Issuer
from web_gateway.edge.session import Person, Sessions
from web_gateway.edge.streams import Streams
from web_gateway.services import Services

PREFIX: Final = "/api/v1"
EMBLEM_PATH: Final = "/emblem.svg"
# A decision travels through a workflow: the service itself gives up after ten seconds.
DECISION_SECONDS: Final = 12.0
_PATH_NAME = re.compile(r"{(\w+)}")


class Access(StrEnum):
    PUBLIC = "public"
    # Who has not signed on, and changes something: as nobody, and few times a minute from one address.
    STRANGER = "stranger"
    # Who has signed on, as himself; who has not, as a stranger.
    ANYONE = "anyone"
    SIGNED_ON = "signed_on"
    CITIZEN = "citizen"
    STAFF = "staff"


class IfMatch(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"


class Params(BaseModel):
    """Base of parameter models."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """Base of request bodies: no unknown field, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Form(BaseModel):
    """Base of multipart forms: texts, and files as ``Annotated[File, FileTypes(…)]``. Everything in a form arrives as text, so numbers are read from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """Base of answers; the fields declared here are all that leaves the house."""

    model_config = ConfigDict(extra="ignore", frozen=True, serialize_by_alias=True, json_schema_serialization_defaults_required=True)

    # It holds what nobody else may learn (a token, an identity number), beside text that others have written or chosen. Compressed together, the length
    # of the answer would tell how much of the one is in the other.
    secret: ClassVar[bool] = False


class Empty(Body):
    """``{}``, or no body at all."""


M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    handler: Handler
    tag: str
    access: Access
    roles: tuple[str, ...] = ()
    status: int = 200
    params: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    idempotent: bool = False
    if_match: IfMatch | None = None
    etag: bool = False
    max_age: int = 0
    stream: bool = False
    gives: tuple[FileKind, ...] = ()
    # A clerk at a counter may do it in a household's name, in the visit the header names.
    assisted: bool = False

    @property
    def open(self) -> bool:
        """To who has not signed on."""
        return self.access in (Access.PUBLIC, Access.STRANGER, Access.ANYONE)

    @property
    def id(self) -> str:
        return self.handler.__name__

    @property
    def path_names(self) -> frozenset[str]:
        return frozenset(_PATH_NAME.findall(self.path))

    @property
    def compresses(self) -> bool:
        return self.answer is not None and not getattr(self.answer, "secret", False)

    @property
    def takes(self) -> dict[str, FileTypes]:
        """The files of its form, by field."""
        return file_fields(self.body) if self.body is not None and issubclass(self.body, Form) else {}


@dataclass
class Edge:
    """What handlers stand on; one a process."""

    services: Services
    sessions: Sessions
    gate: Gate
    # Who somebody is of whom a number is typed: the number goes no further.
    people: PersonIndex
    profile: Profile
    look: Look
    places: Places
    streams: Streams
    catalogue: Catalogue
    issuer: Issuer
    # Of those who change something without signing on, by address.
    strangers: Buckets
    # Of our namespace in the engine's UI; empty for none.
    engine_ui: str = ""
    # Rows of a list one official takes away in one file.
    file_rows: int = 5_000
    # When each part of the platform last answered an operator's look.
    heard: dict[str, datetime] = field(default_factory=dict)
    receiving: Receiving = field(default_factory=Receiving)


EDGE: Final = web.AppKey("anju_edge", Edge)


@dataclass
class Call:
    """One request of one person, already let in."""

    request: web.Request
    edge: Edge
    person: Person
    locale: Locale
    # Who types at the counter, where ``person`` is whom he acts for.
    clerk: Person | None = None
    idempotency_key: str = ""
    if_version: int = 0
    answered_version: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return self.edge.services

    async def rpc(self, service: str, method: Callable[..., Any], request: Any, *, seconds: float = 5.0) -> Any:
        """One call of a service as this person. Raises Refusal."""
        return await self.services.client(service).call(method, request, timeout=seconds, caller=caller(self.person, self.locale))

    def version(self, version: int) -> None:
        """The version of what is answered, with which the answer's ETag begins."""
        self.answered_version = version

    def location(self, path: str) -> None:
        self.headers["Location"] = path


class Api:
    """The operations of one subject and the problems that are its own. ``tag`` is its name in the document, ``title`` what people read there."""

    def __init__(self, tag: str, title: str, problems: Sequence[Kind] = ()) -> None:
        self.tag = tag
        self.title = title
        self.problems = tuple(problems)
        self.operations: list[Operation] = []

    def get(
        self,
        path: str,
        *,
        access: Access = Access.SIGNED_ON,
        roles: Sequence[str] = (),
        etag: bool = False,
        max_age: int = 0,
        stream: bool = False,
        gives: Sequence[FileKind] = (),
        assisted: bool = False,
    ) -> Callable[[Handler], Handler]:
        return self._declare("GET", path, access, roles, etag=etag, max_age=max_age, stream=stream, gives=tuple(gives), assisted=assisted)

    def post(
        self,
        path: str,
        *,
        access: Access = Access.SIGNED_ON,
        roles: Sequence[str] = (),
        status: int = 200,
        idempotent: bool = True,
        if_match: IfMatch | None = None,
        gives: Sequence[FileKind] = (),
        assisted: bool = False,
    ) -> Callable[[Handler], Handler]:
        return self._declare(
            "POST",
            path,
            access,
            roles,
            status=status,
            idempotent=idempotent,
            if_match=if_match,
            gives=tuple(gives),
            assisted=assisted,
        )

    def put(
        self,
        path: str,
        *,
        access: Access = Access.SIGNED_ON,
        roles: Sequence[str] = (),
        status: int = 200,
        idempotent: bool = True,
        if_match: IfMatch | None = None,
        assisted: bool = False,
    ) -> Callable[[Handler], Handler]:
        return self._declare("PUT", path, access, roles, status=status, idempotent=idempotent, if_match=if_match, assisted=assisted)

    def delete(
        self, path: str, *, access: Access = Access.SIGNED_ON, roles: Sequence[str] = (), assisted: bool = False
    ) -> Callable[[Handler], Handler]:
        """Doing it twice changes nothing, so it takes no Idempotency-Key."""
        return self._declare("DELETE", path, access, roles, status=204, assisted=assisted)

    def _declare(self, method: str, path: str, access: Access, roles: Sequence[str], **more: Any) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            answer = hints.get("return")
            operation = Operation(
                method=method,
                path=PREFIX + path,
                handler=handler,
                tag=self.tag,
                access=access,
                roles=tuple(roles),
                params=hints.get("params"),
                body=hints.get("body"),
                answer=answer if isinstance(answer, type) and issubclass(answer, BaseModel) else None,
                **more,
            )
            self._check(operation)
            self.operations.append(operation)
            return handler

        return declare

    def _check(self, operation: Operation) -> None:
        """A wrong declaration fails at import, not at the first request."""
        declared = set(operation.params.model_fields) if operation.params else set()
        if not operation.path_names <= declared:
            raise TypeError(f"{operation.id}: path parameters without a field: {operation.path_names - declared}")
        if not operation.handler.__doc__:
            raise TypeError(f"{operation.id}: an operation needs a docstring; it is the documentation")
        if any(operation.id == other.id for other in self.operations):
            raise TypeError(f"{operation.id}: declared twice")
        if operation.access is Access.PUBLIC and operation.method != "GET":
            raise TypeError(f"{operation.id}: who changes something signs on first, or is let in as a stranger")
        if operation.assisted and operation.access not in (Access.CITIZEN, Access.SIGNED_ON):
            raise TypeError(f"{operation.id}: in a household's name is done what the household may do")
        if operation.answer is not None and operation.gives:
            raise TypeError(f"{operation.id}: an answer is a document or a file")
