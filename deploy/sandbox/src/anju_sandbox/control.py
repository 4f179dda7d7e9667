"""The control server: credentials, fault switches, books, scripted payers and personas. For operators and tests, not citizens.

It acts on the servers of its own process. ID numbers and phones only ever travel in request bodies.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from anju_sandbox.bank.payments import BankSwitches, Payments
from anju_sandbox.credentials import CONTROL_FILE, Credentials
from anju_sandbox.departments.crypto import same_signature
from anju_sandbox.departments.desk import IssuedSecrets
from anju_sandbox.exchange import Handler, Hub
from anju_sandbox.faults import FaultSpec
from anju_sandbox.signon.identities import Identities
from anju_sandbox.signon.issuer import Issuer
from anju_sandbox.signon.server import identity_of
from anju_sandbox.sms import Messages, shown
from anju_sandbox.world.facts import Household
from anju_sandbox.world.living import LifeChange

_HOUSEHOLD = TypeAdapter(Household)
_Model = TypeVar("_Model", bound=BaseModel)
_MAX_HOUSEHOLDS_PER_PAGE = 1000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PayBody(_Body):
    order_id: str


class PassTimeBody(_Body):
    remark: str = Field(min_length=1)
    seconds: int = Field(ge=0, le=10 * 366 * 86_400)


class SendAgainBody(_Body):
    order_id: str
    times: int = Field(1, ge=1, le=10_000)


class RetryBody(_Body):
    order_id: str = ""


class TokenBody(_Body):
    persona: str = ""
    id_number: str = ""
    role: str = ""
    division: str = ""
    seat: int = Field(1, ge=1)
    nonce: str = ""


class PersonBody(_Body):
    id_number: str


class ChangeBody(_Body):
    id_number: str
    facts: LifeChange


class ClockBody(_Body):
    now: datetime | None = None


class InboxBody(_Body):
    phone: str = ""
    after: int = 0
    limit: int = Field(500, ge=1, le=5000)


class NumberBody(_Body):
    phone: str = Field(pattern=r"^[0-9]{11}$")
    state: Literal["reached", "silent", "refused"]


@dataclass
class Control:
    """Everything the control server can reach."""

    hub: Hub
    credentials: Credentials
    payments: Payments
    messages: Messages
    issuer: Issuer
    identities: Identities
    issued_secrets: dict[str, IssuedSecrets]

    def add_routes(self, app: web.Application) -> None:
        """Adds the endpoints."""
        route = app.router.add_route
        route("GET", "/healthz", self.health)
        route("GET", "/credentials", self.show_credentials)
        route("GET", "/faults", self.list_faults)
        route("POST", "/faults", self.add_fault)
        route("DELETE", "/faults", self.clear_faults)
        route("DELETE", "/faults/{fault_id:[0-9]+}", self.clear_faults)
        route("POST", "/secrets/expire", self.expire_secrets)
        route("GET", "/book", self.show_book)
        route("GET", "/bank/orders", self.bank_orders)
        route("GET", "/bank/callbacks", self.bank_callbacks)
        route("POST", "/bank/pay", self.bank_pay)
        route("POST", "/bank/pass-time", self.bank_pass_time)
        route("POST", "/bank/callbacks/send-again", self.bank_send_again)
        route("POST", "/bank/callbacks/retry", self.bank_retry)
        route("GET", "/bank/switches", self.bank_switches)
        route("PUT", "/bank/switches", self.set_bank_switches)
        route("POST", "/sms/messages", self.sms_messages)
        route("PUT", "/sms/numbers", self.set_number)
        route("GET", "/personas", self.personas)
        route("POST", "/persona/token", self.persona_token)
        route("POST", "/persona/sign-off", self.persona_sign_off)
        route("GET", "/population/households", self.households)
        route("POST", "/population/person", self.person)
        route("POST", "/world/changes", self.change)
        route("DELETE", "/world/changes", self.forget_changes)
        route("GET", "/world/clock", self.clock)
        route("PUT", "/world/clock", self.set_clock)

    async def health(self, _request: web.Request) -> web.Response:
        """200 once every server of the process listens."""
        return web.json_response({"status": "ok", "servers": self.hub.urls})

    async def show_credentials(self, _request: web.Request) -> web.Response:
        """What a deployment hands to its services, with the servers' addresses."""
        body = {"urls": self.hub.urls, "issuer": self.issuer.url, "credentials": self.credentials.model_dump()}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def list_faults(self, _request: web.Request) -> web.Response:
        """All fault switches."""
        return web.json_response({"items": self.hub.faults.list()})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Switches a fault on."""
        fault = self.hub.faults.add(await _read(request, FaultSpec))
        return web.json_response(fault.shown(), status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Switches one or all faults off."""
        text = request.match_info.get("fault_id")
        return web.json_response({"cleared": self.hub.faults.clear(int(text) if text else None)})

    async def expire_secrets(self, request: web.Request) -> web.Response:
        """Expires the call secrets of one gateway (``?server=``) or all, as a key rotation would."""
        server = request.query.get("server", "")
        chosen = [issued for name, issued in self.issued_secrets.items() if server in ("", name)]
        for issued in chosen:
            issued.expire_all()
        return web.json_response({"expired": len(chosen)})

    async def show_book(self, request: web.Request) -> web.Response:
        """The request book in pages: ``after``, ``limit``, and filters server, request_id, subject_hash."""
        query = request.query
        items = self.hub.book.page(
            after=_whole(query.get("after"), 0),
            limit=_whole(query.get("limit"), 500),
            server=query.get("server", ""),
            request_id=query.get("request_id", ""),
            subject_hash=query.get("subject_hash", ""),
        )
        return web.json_response({"items": items, "next_after": items[-1]["seq"] if items else None})

    async def bank_orders(self, request: web.Request) -> web.Response:
        """The bank's orders in id order: ``after`` (an order id), ``limit``, ``account_date``."""
        query = request.query
        orders = self.payments.ledger.orders(
            account_date=query.get("account_date", ""),
            after=query.get("after", ""),
            limit=_whole(query.get("limit"), 500),
        )
        items = [asdict(order) for order in orders]
        return web.json_response({"items": items, "next_after": items[-1]["order_id"] if items else None})

    async def bank_callbacks(self, request: web.Request) -> web.Response:
        """Callback deliveries with their states: ``order_id``, ``after``, ``limit``."""
        query = request.query
        deliveries = self.payments.ledger.callbacks(
            order_id=query.get("order_id", ""),
            after=_whole(query.get("after"), 0),
            limit=_whole(query.get("limit"), 500),
        )
        items = [asdict(delivery) for delivery in deliveries]
        return web.json_response({"items": items, "next_after": items[-1]["seq"] if items else None})

    async def bank_pay(self, request: web.Request) -> web.Response:
        """A scripted payer: the same as pressing 确认支付 on the order's page."""
        body = await _read(request, PayBody)
        result = self.payments.pay(body.order_id)
        status = {"unknown": 404, "expired": 409}.get(result, 200)
        return web.json_response({"order_id": body.order_id, "result": result}, status=status)

    async def bank_pass_time(self, request: web.Request) -> web.Response:
        """Ends open orders as much earlier as the merchant's clock is moved ahead; no real bank can do it."""
        body = await _read(request, PassTimeBody)
        return web.json_response({"orders": self.payments.ledger.pass_time(body.remark, timedelta(seconds=body.seconds))})

    async def bank_send_again(self, request: web.Request) -> web.Response:
        """Further deliveries of a paid order's callback."""
        body = await _read(request, SendAgainBody)
        return web.json_response({"queued": self.payments.send_again(body.order_id, body.times)})

    async def bank_retry(self, request: web.Request) -> web.Response:
        """Delivers everything outstanding (dropped ones too) at once."""
        body = await _read(request, RetryBody)
        return web.json_response({"due": self.payments.retry_now(body.order_id)})

    async def bank_switches(self, _request: web.Request) -> web.Response:
        """The bank's switches with what is left of their counts."""
        return web.json_response(self.payments.switches.model_dump())

    async def set_bank_switches(self, request: web.Request) -> web.Response:
        """Sets all switches; the ones left out go back to off."""
        self.payments.switches = await _read(request, BankSwitches)
        return web.json_response(self.payments.switches.model_dump())

    async def sms_messages(self, request: web.Request) -> web.Response:
        """Accepted messages, of one phone or all."""
        body = await _read(request, InboxBody)
        items = [shown(message) for message in self.messages.list(body.phone, body.after, body.limit)]
        return web.json_response({"items": items, "next_after": items[-1]["seq"] if items else None})

    async def set_number(self, request: web.Request) -> web.Response:
        """How a phone number is from now on: reached, silent (taken, and never delivered) or refused."""
        body = await _read(request, NumberBody)
        self.messages.set_number(body.phone, body.state)
        return web.json_response(body.model_dump())

    async def personas(self, _request: web.Request) -> web.Response:
        """The demo applicants with their households, true and declared."""
        items = [
            {"key": persona.key, "title": persona.title, "story": persona.story, "household": _plain(persona.household)}
            for persona in self.hub.world.population.personas()
        ]
        return web.json_response({"items": items})

    async def persona_token(self, request: web.Request) -> web.Response:
        """Tokens without a browser: ``persona``, ``id_number``, or ``role`` with ``division`` and ``seat``."""
        body = await _read(request, TokenBody)
        form = {name: str(value) for name, value in body.model_dump(exclude={"nonce"}).items()}
        identity = identity_of(self.identities, form)
        if identity is None:
            return _problem(404, "no such persona, person, role or division")
        tokens = self.issuer.tokens(identity, nonce=body.nonce)
        return web.json_response(tokens | {"claims": {"sub": identity.sub} | identity.claims})

    async def persona_sign_off(self, request: web.Request) -> web.Response:
        """Somebody loses his duties or leaves: the product is told over the back channel, and answers ``status``."""
        body = await _read(request, TokenBody)
        identity = identity_of(self.identities, {name: str(value) for name, value in body.model_dump(exclude={"nonce"}).items()})
        if identity is None:
            return _problem(404, "no such persona, person, role or division")
        url = f"{self.hub.settings.web_base_url}/auth/backchannel-logout"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
                http.post(url, data={"logout_token": self.issuer.logout_token(identity.sub)}) as answer,
            ):
                return web.json_response({"status": answer.status})
        except (aiohttp.ClientError, TimeoutError):
            return _problem(503, "the product does not answer")

    async def households(self, request: web.Request) -> web.Response:
        """Ordinary households: ``start``, ``count`` (≤ 1000)."""
        start = _whole(request.query.get("start"), 0)
        count = min(_whole(request.query.get("count"), 100), _MAX_HOUSEHOLDS_PER_PAGE)
        items = [_plain(household) for household in self.hub.world.population.households(count, start)]
        return web.json_response({"items": items, "next_start": start + count})

    async def person(self, request: web.Request) -> web.Response:
        """The truth of today about a person, and the household drawn for it."""
        body = await _read(request, PersonBody)
        person = self.hub.world.person(body.id_number)
        household = self.hub.world.population.household_of(body.id_number)
        if person is None or household is None:
            return _problem(404, "no such person")
        truth = TypeAdapter(type(person)).dump_python(person, mode="json")
        return web.json_response({"person": truth, "household": _plain(household)})

    async def change(self, request: web.Request) -> web.Response:
        """A life event: the given facts about a person replace the old ones in every register."""
        body = await _read(request, ChangeBody)
        try:
            person = self.hub.world.change(body.id_number, body.facts)
        except KeyError:
            return _problem(404, "no such person")
        return web.json_response(TypeAdapter(type(person)).dump_python(person, mode="json"))

    async def forget_changes(self, _request: web.Request) -> web.Response:
        """Takes all life events back."""
        return web.json_response({"forgotten": self.hub.world.forget_changes()})

    async def clock(self, _request: web.Request) -> web.Response:
        """The business time of departments and bank."""
        return web.json_response({"now": self.hub.world.now().isoformat()})

    async def set_clock(self, request: web.Request) -> web.Response:
        """Moves the world's clock; ``{"now": null}`` puts it back. Signatures go on using real time."""
        body = await _read(request, ClockBody)
        return web.json_response({"now": self.hub.world.set_clock(body.now).isoformat()})


def guard(hub: Hub, token: str) -> Middleware:
    """For whoever has the token, called by a name of ours, and never for another site's page; and readable errors.

    It can switch off the city and speak as anybody in it, and it listens on the machine of whoever tries the product, beside his browser.
    """
    hosts = frozenset({hub.settings.host, hub.settings.public_host, *hub.settings.control_hosts})

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A page elsewhere may give its own name our address (DNS rebinding); the name stays in the request.
        if _host_name(request.host) not in hosts:
            return _problem(421, "the control server is not called by this name")
        if _from_another_site(request):
            return _problem(403, "the control server takes no request of another site's page")
        if request.path != "/healthz" and not same_signature(request.headers.get("Authorization", ""), f"Bearer {token}"):
            return _problem(401, f"the control server wants its token: Authorization: Bearer, from the file {CONTROL_FILE}")
        if request.can_read_body and request.content_type != "application/json":
            # What a form of another site can send without asking first.
            return _problem(415, "send application/json")
        try:
            return await handler(request)
        except ValidationError as error:
            # Field names and reasons only: the input may hold an ID number.
            errors = error.errors(include_input=False, include_url=False, include_context=False)
            return _problem(422, "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors))
        except ValueError as error:
            return _problem(422, str(error))

    return middleware


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _from_another_site(request: web.Request) -> bool:
    """What a browser adds by itself and no page can take away."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.removeprefix("http://").removeprefix("https://") != request.host:
        return True
    return request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")


async def _read(request: web.Request, model: type[_Model]) -> _Model:
    return model.model_validate_json(await request.read() or b"{}")


def _plain(household: Household) -> Any:
    return _HOUSEHOLD.dump_python(household, mode="json")


def _problem(status: int, detail: str) -> web.Response:
    body = {"type": "about:blank", "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError("numbers are written in digits")
    return int(text)
