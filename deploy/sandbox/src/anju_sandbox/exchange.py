"""One request to one server of the outside world: latency, fault switches and the request book around every handler."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from anju_sandbox.book import Book
from anju_sandbox.faults import Fault, Faults, Garbage, Kind, broken_body
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.world.facts import Person
from anju_sandbox.world.living import World

log = structlog.get_logger("anju_sandbox")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Silence in place of an answer, or an answer that is late: kinds decided before (or, with `after`, behind) the handler.
_SILENT = (Kind.DOWN, Kind.TIMEOUT, Kind.STATUS)
_CHUNK = 65_536
_STRANGERS_TRIED = 1000
_REQUEST_ID_HEADERS = ("gateway_requestid", "gjgxjhpt_requestid")
_REQUEST_ID_FIELDS = ("LSH", "message_id", "ORDERID")


@dataclass
class Hub:
    """What all servers of one process share. ``urls`` is filled when the sockets are bound."""

    settings: SandboxSettings
    world: World
    book: Book
    faults: Faults
    urls: dict[str, str] = field(default_factory=dict)


class Disturbed(Exception):
    """Raised inside a handler when a fault for this very person keeps the work from being done."""


@dataclass
class Exchange:
    """What is known about the request being served."""

    hub: Hub
    server: str
    operation: str
    request_id: str = ""
    subject: str = ""
    outcome: str = ""
    fault: Fault | None = None

    def about(self, id_number: str, has_record: Callable[[Person], bool]) -> str:
        """Tells whom the request is about, before any effect; returns the person to answer about.

        That is somebody else (who has a record here, else nobody could tell) when the wrong-person fault is on.
        Raises Disturbed when a fault forbids the work.
        """
        self.subject = id_number
        if self.fault is None:
            self.fault = self.hub.faults.pick(self.server, self.operation, id_number)
            if self.fault and self.fault.spec.kind in _SILENT and not self.fault.spec.after:
                raise Disturbed
        if self.hit_by(Kind.WRONG_PERSON):
            return self._somebody_else(id_number, has_record)
        return id_number

    def hit_by(self, kind: Kind) -> bool:
        """Whether this request suffers from a kind of fault."""
        return self.fault is not None and self.fault.spec.kind is kind

    def _somebody_else(self, id_number: str, has_record: Callable[[Person], bool]) -> str:
        population = self.hub.world.population
        own = population.household_of(id_number)
        for other in population.households(_STRANGERS_TRIED, start=(own.number if own else 0) % 1000):
            if own is None or other.number != own.number:
                for person in other.members:
                    if has_record(person):
                        return person.id_number
        return id_number


EXCHANGE = web.RequestKey("exchange", Exchange)


def around(hub: Hub, server: str) -> Middleware:
    """The middleware of one server."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        operation = resource.canonical if resource is not None else "unknown"
        exchange = Exchange(hub, server, operation)
        request[EXCHANGE] = exchange
        if hub.settings.latency_seconds:
            await asyncio.sleep(hub.settings.latency_seconds)
        exchange.fault = hub.faults.pick(server, operation, None)
        early = exchange.fault and exchange.fault.spec.kind in _SILENT and not exchange.fault.spec.after
        response: web.StreamResponse
        if early:
            exchange.outcome = "not_done"
            exchange.request_id = await _peek_request_id(request)
            response = web.Response(status=503)
        else:
            response = await _work(exchange, request, handler)
        return await _leave(exchange, request, response)

    return middleware


async def _peek_request_id(request: web.Request) -> str:
    """The request id of a request nobody will handle: the book must still be matched with the caller's log."""
    for name in _REQUEST_ID_HEADERS:
        if name in request.headers:
            return request.headers[name]
    try:
        if request.content_type == "application/json":
            body = await request.json()
        else:
            body = dict(request.query) | dict(await request.post())
    except (ValueError, RecursionError, web.HTTPException):
        return ""
    values = [body.get(name) for name in _REQUEST_ID_FIELDS] if isinstance(body, dict) else []
    return next((value for value in values if isinstance(value, str)), "")


async def _work(exchange: Exchange, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Disturbed:
        exchange.outcome = "not_done"
        return web.Response(status=503)
    except web.HTTPException as refusal:
        exchange.outcome = exchange.outcome or ("refused" if refusal.status >= 400 else "answered")
        return web.Response(status=refusal.status, headers=refusal.headers, text=refusal.text)
    except Exception:
        # The world outside has bugs too, but ours must be seen: the book says failed, the log has the trace.
        log.exception("handler_failed", server=exchange.server, operation=exchange.operation)
        exchange.outcome = "failed"
        return web.Response(status=500, text="sandbox failure")


async def _leave(exchange: Exchange, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    fault = exchange.fault.spec if exchange.fault else None
    status = fault.status if fault and fault.kind is Kind.STATUS else response.status
    silent = fault is not None and fault.kind in (Kind.DOWN, Kind.TIMEOUT)
    exchange.hub.book.write(
        exchange.server,
        exchange.operation,
        exchange.request_id,
        exchange.subject,
        exchange.outcome or ("answered" if response.status < 400 else "refused"),
        0 if silent else status,
        str(fault.kind) if fault else "",
    )
    if fault is None:
        return response
    if fault.kind in (Kind.TIMEOUT, Kind.LATENCY):
        await asyncio.sleep(fault.seconds)
    if fault.kind in (Kind.DOWN, Kind.TIMEOUT):
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)
    if fault.kind is Kind.STATUS:
        wait = fault.retry_after_seconds
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return web.Response(status=fault.status, text="service unavailable", headers=headers)
    body = bytes(response.body) if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    if fault.kind is Kind.GARBAGE:
        broken, headers = broken_body(fault.variant, body)
        if fault.variant is Garbage.HUGE:
            return await _stream(request, headers, broken, _CHUNK, 0)
        return web.Response(body=broken, headers=headers)
    if fault.kind is Kind.DRIP:
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return await _stream(request, headers, body, 1, fault.seconds)
    return response


async def _stream(request: web.Request, headers: dict[str, str], body: bytes, chunk: int, pause_seconds: float) -> web.StreamResponse:
    stream = web.StreamResponse(headers=headers)
    await stream.prepare(request)
    for start in range(0, len(body), chunk):
        await stream.write(body[start : start + chunk])
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
    await stream.write_eof()
    return stream
