"""Around every request: a trace id, the language, the limit per address, problems as answers, one log line, and the security headers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from chassis import logs
from chassis.errors import Refusal
from opentelemetry import trace

from web_gateway.api.problems import CONTENT_TYPE, Catalogue, ProblemError, dump, problem
from web_gateway.edge import limits
from web_gateway.edge.access import VISIT, Gate, Visit
from web_gateway.edge.language import negotiate
from web_gateway.edge.session import Sessions
from web_gateway.pages import message_page

_log = logs.get(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MACHINE_PATHS: Final = ("/api/", "/callbacks/")
# Anybody can make one up, and a log that counts what repeats counts by it.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_LIMITED_PATHS: Final = ("/api/", "/auth/", "/callbacks/", "/healthz")
_HTTP_PROBLEMS: Final = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    413: "CONTENT_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


class Around:
    def __init__(
        self,
        *,
        public_url: str,
        addresses: limits.Addresses,
        per_address: limits.Buckets,
        sessions: Sessions,
        issuer: str,
        catalogue: Catalogue,
    ) -> None:
        self._public_url = public_url
        self._addresses = addresses
        self._per_address = per_address
        self._sessions = sessions
        self._catalogue = catalogue
        self.headers = security_headers(https=public_url.startswith("https://"), issuer=issuer)

    def install(self, app: web.Application) -> None:
        @web.middleware
        async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._handle(request, handler)

        app.middlewares.append(around)
        app.on_response_prepare.append(self._finish)

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        address = self._addresses.of(request.remote or "", request.headers.getall("X-Forwarded-For", []))
        visit = Visit(_trace_id(), negotiate(request.headers.get("Accept-Language", "")), address)
        request[VISIT] = visit
        self._hide_address_in_trace(request)
        try:
            if request.path.startswith(_LIMITED_PATHS):
                Gate.limit(visit, self._per_address, limits.address_key(address))
            response = await handler(request)
        except ProblemError as error:
            response = self._problem(request, error)
        except Refusal as refusal:
            response = self._problem(request, self._catalogue.from_refusal(refusal))
        except web.HTTPException as error:
            response = self._from_http(request, error)
        except web.RequestPayloadError:
            # A body that is not what its Content-Encoding says: the sender's mistake, and no word of ours about the bytes.
            response = self._problem(request, problem("BAD_REQUEST"))
        except ConnectionError:
            raise
        except Exception:
            _log.exception("request_failed", trace_id=visit.trace_id, route=route_of(request))
            response = self._problem(request, problem("INTERNAL"))
        # Here, and not when the answer is prepared: its cookies are among its headers by then.
        if visit.reseal and visit.session is not None and response.status < 400 and not response.prepared:
            self._sessions.put(response, visit.session)
        # The template of the route, never the address as typed: a log line names no case and no query.
        _log.info(
            "request",
            method=request.method if request.method in _METHODS else "…",
            route=route_of(request),
            status=response.status,
            ms=round((time.monotonic() - started) * 1000, 1),
            trace_id=visit.trace_id,
        )
        return response

    def _hide_address_in_trace(self, request: web.Request) -> None:
        """A trace is read by as many people as a log: it gets the template of the route too, and no case, no query and no code of the sign-on."""
        span = trace.get_current_span()
        if span.is_recording():
            route = route_of(request)
            span.set_attributes({"http.target": route, "http.url": self._public_url + route, "url.path": route, "url.query": ""})

    def _from_http(self, request: web.Request, error: web.HTTPException) -> web.StreamResponse:
        if error.status < 400:
            return error
        code = _HTTP_PROBLEMS.get(error.status, "BAD_REQUEST" if error.status < 500 else "INTERNAL")
        kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return self._problem(request, problem(code, headers=kept))

    def _problem(self, request: web.Request, error: ProblemError) -> web.Response:
        visit = request[VISIT]
        if error.kind.status >= 500:
            _log.warning("request_problem", code=error.code or error.kind.code, route=route_of(request), trace_id=visit.trace_id)
        if not request.path.startswith(_MACHINE_PATHS) and request.method in ("GET", "HEAD"):
            return message_page(error.kind.status, error.kind.title(visit.locale), error.kind.detail(visit.locale), visit.locale)
        document = error.document(visit.locale, self._public_url, request.rel_url.raw_path, visit.trace_id)
        headers = {"Cache-Control": "no-store", "Content-Language": visit.locale, **error.headers}
        return web.Response(status=error.kind.status, body=dump(document), content_type=CONTENT_TYPE, headers=headers)

    async def _finish(self, request: web.Request, response: web.StreamResponse) -> None:
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = "anju"
        visit = request.get(VISIT)
        if visit is None:
            return
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Vary", "Accept-Language, Cookie, Authorization")
        response.headers.update(limits.headers(visit.taken))


def security_headers(*, https: bool, issuer: str) -> dict[str, str]:
    """Nothing from elsewhere, nothing inline, nobody frames us, and no address leaks by Referer."""
    policy = (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        f"object-src 'none'; base-uri 'none'; form-action 'self' {issuer}; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def route_of(request: web.Request) -> str:
    """The template of the matched route; what did not match any is not repeated."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


def _trace_id() -> str:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else uuid.uuid4().hex
