"""Carries out a declared operation: lets the asker in, reads what he sent, calls the handler, and writes what it gave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from anju.casework.v1 import casework_pb2 as casework
from chassis.errors import FieldViolation, Refusal
from pydantic import BaseModel, ValidationError

from web_gateway.api import body as strict_json
from web_gateway.api import files
from web_gateway.api.layer import EDGE, Access, Api, Call, Edge, Empty, Form, IfMatch, M, Operation
from web_gateway.api.problems import problem
from web_gateway.api.violations import violations
from web_gateway.edge import limits
from web_gateway.edge.access import EVERYBODY, VISIT
from web_gateway.edge.session import Person

BODY_SECONDS: Final = 15.0
# Less fits into one packet anyway.
COMPRESSED_FROM_BYTES: Final = 1024
ETAG_PATTERN: Final = r'(?:W/)?"([1-9][0-9]{0,17})(?:-[0-9a-z]+)?"'
_ETAG = re.compile(ETAG_PATTERN)
ASSISTANCE_HEADER: Final = "Anju-Assistance"
_VISIT = re.compile(r"as-[0-9a-z]{26}")


def routes(api: Api) -> list[web.RouteDef]:
    return [web.RouteDef(op.method, op.path, _serve(op), {"allow_head": False} if op.method == "GET" else {}) for op in api.operations]


def _serve(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        edge = request.app[EDGE]
        call = await _admit(operation, request, edge)
        arguments: dict[str, Any] = {}
        if operation.params is not None:
            arguments["params"] = _params(operation, operation.params, request)
        elif request.query_string:
            raise problem("BAD_PARAMETER", fields=[_unknown(name) for name in request.query])
        if operation.idempotent:
            call.idempotency_key = _idempotency_key(request)
        async with AsyncExitStack() as stack:
            if operation.body is not None:
                form = issubclass(operation.body, Form)
                arguments["body"] = (
                    await stack.enter_async_context(files.received(operation.body, request, edge.receiving))
                    if form
                    else await _body(operation.body, request)
                )
            # Last: a precondition only counts for a request that would otherwise be carried out (RFC 9110, 13.2.1).
            if operation.if_match is not None:
                call.if_version = _if_version(operation.if_match, request)
            try:
                answer = await operation.handler(call, **arguments)
                if isinstance(answer, files.Download):
                    return await files.sent(request, answer, call.headers)
            except Refusal as refusal:
                if operation.body is None and refusal.fields:
                    # There is no body to point into: what the service names came as a parameter.
                    raise problem("BAD_PARAMETER", fields=[_as_parameter(f) for f in refusal.fields]) from refusal
                raise edge.catalogue.from_refusal(refusal) from refusal
        if isinstance(answer, web.StreamResponse):
            return answer
        return _respond(operation, call, answer)

    return serve


async def _admit(operation: Operation, request: web.Request, edge: Edge) -> Call:
    """Who may not come in gets no further: nothing of his request has been read yet."""
    visit = request[VISIT]
    if operation.access is Access.PUBLIC:
        return Call(request, edge, EVERYBODY, visit.locale)
    if operation.access is Access.STRANGER:
        edge.gate.limit(visit, edge.strangers, limits.address_key(visit.address))
        return Call(request, edge, EVERYBODY, visit.locale)
    person = await edge.gate.identify(request, slides=not operation.stream)
    if person is None and operation.access is Access.ANYONE:
        edge.gate.limit(visit, edge.strangers, limits.address_key(visit.address))
        return Call(request, edge, EVERYBODY, visit.locale)
    if person is None:
        raise problem("UNAUTHENTICATED", headers={"WWW-Authenticate": "Bearer"})
    clerk = None
    if ASSISTANCE_HEADER in request.headers:
        clerk = person
        person = await _in_whose_name(operation, request, edge, Call(request, edge, person, visit.locale))
    if operation.access in (Access.CITIZEN, Access.STAFF) and person.kind != operation.access.value:
        raise problem("NOT_ALLOWED")
    if operation.roles and not set(operation.roles) & set(person.roles):
        raise problem("NOT_ALLOWED")
    return Call(request, edge, person, visit.locale, clerk)


async def _in_whose_name(operation: Operation, request: web.Request, edge: Edge, clerk: Call) -> Person:
    """Whom a clerk at a counter types for, in the visit he names: casework knows it as his own and still open. Whatever cannot be done so is refused: what
    was meant in a household's name is never done in the clerk's own."""
    if not operation.assisted or clerk.person.kind != "staff":
        raise problem("NOT_ALLOWED")
    visits = request.headers.getall(ASSISTANCE_HEADER)
    if len(visits) > 1 or not _VISIT.fullmatch(visits[0]):
        raise problem("NOT_FOUND")
    try:
        found = await clerk.rpc("casework", edge.services.casework.GetAssistance, casework.GetAssistanceRequest(id=visits[0]))
    except Refusal as refusal:
        raise edge.catalogue.from_refusal(refusal) from refusal
    return Person(
        sub=found.owner,
        kind="citizen",
        name="",
        locale=clerk.person.locale,
        index=found.person,
        assisted_by=clerk.person.sub,
        assistance=found.assistance.id,
    )


def _params(operation: Operation, model: type[M], request: web.Request) -> M:
    query = request.query
    doubled = [name for name in set(query) if len(query.getall(name)) > 1 or name in operation.path_names]
    if doubled:
        raise problem("BAD_PARAMETER", fields=[_unknown(name) for name in doubled])
    try:
        return model.model_validate({**query, **request.match_info})
    except ValidationError as error:
        if any(item["loc"] and item["loc"][0] in operation.path_names for item in error.errors(include_input=False, include_url=False)):
            # A name no resource can have names no resource.
            raise problem("NOT_FOUND") from None
        raise problem("BAD_PARAMETER", fields=[_as_parameter(v) for v in violations(error)]) from None


def _unknown(name: str) -> FieldViolation:
    return FieldViolation(f"?{name[:50]}", "unknown_field", "不支持的参数。", "Unknown or repeated parameter.")


def _as_parameter(violation: FieldViolation) -> FieldViolation:
    return replace(violation, pointer="?" + violation.pointer.rpartition("/")[2])


def _idempotency_key(request: web.Request) -> str:
    keys = request.headers.getall("Idempotency-Key", [])
    try:
        if len(keys) != 1 or len(keys[0]) > 40:
            raise ValueError
        # The draft's structured field is a quoted string; clients send both forms.
        return str(UUID(keys[0].strip().strip('"')))
    except ValueError:
        raise problem("IDEMPOTENCY_KEY_REQUIRED") from None


def _if_version(rule: IfMatch, request: web.Request) -> int:
    """The version the reader saw; 0 for any. An ETag we never gave out matches nothing, and neither does an empty one."""
    values = request.headers.getall("If-Match", [])
    if not values:
        if rule is IfMatch.REQUIRED:
            raise problem("IF_MATCH_REQUIRED")
        return 0
    given = ",".join(values).strip()
    if given == "*":
        return 0
    match = _ETAG.fullmatch(given)
    if match is None:
        raise problem("VERSION_MISMATCH")
    return int(match[1])


async def _body(model: type[M], request: web.Request) -> M:
    if request.content_length is not None and request.content_length > strict_json.MAX_BODY_BYTES:
        raise problem("CONTENT_TOO_LARGE")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
    except TimeoutError:
        raise problem("REQUEST_TIMEOUT") from None
    if not raw and issubclass(model, Empty):
        return model()
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise problem("UNSUPPORTED_MEDIA_TYPE")
    try:
        value = strict_json.parse(raw)
    except strict_json.BadJsonError as error:
        raise problem("MALFORMED_JSON", fields=[FieldViolation("", error.code, "内容格式不正确。", f"Not acceptable: {error}.")]) from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise problem("INVALID_FIELDS", fields=violations(error)) from None


def _respond(operation: Operation, call: Call, answer: BaseModel | None) -> web.Response:
    headers = dict(call.headers)
    visible_to_all = operation.access is Access.PUBLIC and operation.max_age > 0
    if visible_to_all:
        headers["Cache-Control"] = f"public, max-age={operation.max_age}"
    elif operation.etag:
        headers["Cache-Control"] = "private, no-cache"
    headers["Vary"] = "Accept-Language" if visible_to_all else "Accept-Language, Cookie, Authorization"
    if answer is None:
        return web.Response(status=204, headers=headers)
    text = answer.model_dump_json()
    # Of what is answered, and not of its version alone: it differs by language, by reader, and by the day a deadline passes, while the version stays.
    digest = sha256(text.encode()).hexdigest()[:16]
    if call.answered_version:
        headers["ETag"] = f'"{call.answered_version}-{digest}"'
    elif visible_to_all:
        headers["ETag"] = f'"{digest}"'
    if operation.method == "GET":
        etag = headers.get("ETag", "")
        if etag and _matches(call.request.headers.get("If-None-Match", ""), etag):
            return web.Response(status=304, headers=headers)
        _link_next(call.request, answer, headers)
    response = web.Response(status=operation.status, text=text, content_type="application/json", headers=headers)
    if operation.compresses:
        compress(call.request, response)
    return response


def compress(request: web.Request, response: web.Response) -> None:
    """Packs an answer that is worth it, for whoever takes it packed."""
    response.headers["Vary"] = ", ".join(filter(None, [response.headers.get("Vary", ""), "Accept-Encoding"]))
    body = response.body
    if isinstance(body, bytes) and len(body) >= COMPRESSED_FROM_BYTES and _takes_gzip(request.headers.get("Accept-Encoding", "")):
        response.enable_compression(web.ContentCoding.gzip)


def _takes_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding[:200].split(","):
        coding, _, quality = item.strip().lower().partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison (RFC 9110, 13.1.2)."""
    given = [item.strip().removeprefix("W/") for item in if_none_match[:1000].split(",")]
    return etag in given or "*" in given


def _link_next(request: web.Request, answer: BaseModel, headers: dict[str, str]) -> None:
    cursor = getattr(answer, "next_cursor", None)
    if cursor:
        query = urlencode({**request.query, "cursor": cursor})
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
