"""Progress of one case as server-sent events (WHATWG HTML, 9.2). Polling with ETag is the fallback: phones sleep and proxies buffer."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Final

import grpc
from aiohttp import web
from aiohttp_sse import EventSourceResponse
from anju.casework.v1 import casework_pb2 as casework
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Answer, Call
from web_gateway.api.subjects.applications import api
from web_gateway.edge.access import VISIT
from web_gateway.edge.protocol import QuietProtocol

HEARTBEAT_SECONDS: Final = 15.0
# So often a stream looks whether its reader would still be let in: after a sign-off or the loss of a duty it is over within two seconds.
LOOK_SECONDS: Final = 0.5
# A stream ends by itself and the browser comes back: what nobody told us of is found then.
MAX_STREAM_SECONDS: Final = 600.0
# Every read by an official is logged with the case; his page must not fill the log by being open.
STAFF_POLL_SECONDS: Final = 15.0
RECONNECT_MS: Final = 3000
READ_SECONDS: Final = 1.0
# Somebody who does not read what he is sent is not there.
SEND_SECONDS: Final = 10.0


class ApplicationEvent(Answer):
    """Data of the event ``application``; the event id is the version."""

    version: int
    stage: f.Stage
    waiting_on: f.WaitingOn
    deadline_at: datetime | None = Field(description="Until when whoever is waited for has time.")


@api.get("/applications/{no}/events", stream=True)
async def stream_application_events(call: Call, params: f.OfApplication) -> web.StreamResponse:
    """Tells when the case changes: the event ``application`` with its new version, stage and deadline, at once and after every change.

    Comments keep the connection alive. Reconnecting with Last-Event-ID repeats nothing that was seen.
    """
    first = await _read(call, params.no)
    with call.edge.streams.opened(call.person.sub):
        return await _stream(call, params.no, first)


async def _read(call: Call, no: str, seconds: float = 5.0) -> casework.Application:
    answer: casework.GetApplicationResponse = await call.rpc(
        "casework", call.services.casework.GetApplication, casework.GetApplicationRequest(no=no), seconds=seconds
    )
    return answer.application


async def _stream(call: Call, no: str, current: casework.Application) -> web.StreamResponse:
    request, streams = call.request, call.edge.streams
    pause = streams.poll_seconds if call.person.kind == "citizen" else max(streams.poll_seconds, STAFF_POLL_SECONDS)
    ends_at = time.monotonic() + _allowed_seconds(call)
    response = EventSourceResponse(ping_interval=HEARTBEAT_SECONDS)
    await response.prepare(request)
    if isinstance(request.protocol, QuietProtocol):
        request.protocol.streams()
    seen = _last_event_id(request)
    async with response:
        while True:
            if current.version != seen:
                event = to_model(ApplicationEvent, current)
                retry = RECONNECT_MS if seen == 0 else None
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await response.send(event.model_dump_json(), id=str(current.version), event="application", retry=retry)
                except (ConnectionError, TimeoutError):
                    break
                seen = current.version
            if not await _goes_on(call, response, until=min(time.monotonic() + pause, ends_at)) or time.monotonic() >= ends_at:
                break
            try:
                current = await _read(call, no, READ_SECONDS)
            except Refusal as refusal:
                if refusal.problem.status not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    break
    return response


async def _goes_on(call: Call, response: EventSourceResponse, until: float) -> bool:
    """Waits until then; False as soon as there is nobody to tell, or nobody who may be told."""
    streams, visit = call.edge.streams, call.request[VISIT]
    while True:
        left = until - time.monotonic()
        await streams.pause(max(0.0, min(left, LOOK_SECONDS)))
        transport = call.request.transport
        if (
            streams.closing
            or transport is None
            or transport.is_closing()
            or not response.is_connected()
            or not await call.edge.gate.is_still_in(visit)
        ):
            return False
        if left <= LOOK_SECONDS:
            return True


def _allowed_seconds(call: Call) -> float:
    session = call.request[VISIT].session
    if session is None:
        return MAX_STREAM_SECONDS
    return min(MAX_STREAM_SECONDS, call.edge.sessions.ends_at(session) - time.time())


def _last_event_id(request: web.Request) -> int:
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
