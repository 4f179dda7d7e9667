"""Composition root: wires the chosen servers of the sandbox world over one hub and runs them in this process."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel

from anju_sandbox.bank.ledger import BankLedger
from anju_sandbox.bank.payments import Payments
from anju_sandbox.bank.server import BankServer
from anju_sandbox.book import Book
from anju_sandbox.control import Control, guard
from anju_sandbox.credentials import Credentials, control_token, department_keys, load_or_create
from anju_sandbox.departments import discover
from anju_sandbox.exchange import Hub, around
from anju_sandbox.faults import Faults
from anju_sandbox.servers import BANK, CONTROL, SIGN_ON, SMS, expand
from anju_sandbox.settings import SandboxSettings, bind
from anju_sandbox.signon.identities import Identities
from anju_sandbox.signon.issuer import Issuer
from anju_sandbox.signon.server import SignOnServer
from anju_sandbox.sms import Messages, SmsServer
from anju_sandbox.world.living import World
from anju_sandbox.world.places import Divisions
from anju_sandbox.world.population import Population

Routes = Callable[[web.Application], None]
_MAX_BODY_BYTES = 1_048_576
# A hanging fault must not hold up the shutdown of the whole box.
_SHUTDOWN_SECONDS = 1.0


@dataclass
class Sandbox:
    """The running world. ``urls`` maps server names to base addresses without a trailing slash."""

    urls: dict[str, str]
    issuer_url: str
    credentials: Credentials
    # Access data by the departments' servers.
    keys: Mapping[str, BaseModel]
    population: Population
    world: World
    book: Book
    faults: Faults
    payments: Payments
    messages: Messages
    issuer: Issuer
    identities: Identities
    # What the control server asks for.
    control_token: str


@contextlib.asynccontextmanager
async def sandbox(settings: SandboxSettings, only: Iterable[str] = ()) -> AsyncIterator[Sandbox]:
    """Runs the servers (all, or only some) until the context is left. Raises OSError when a port is taken."""
    servers = expand(only)
    async with contextlib.AsyncExitStack() as stack:
        ring = load_or_create(settings.data_dir)
        credentials = ring.credentials
        population = Population(settings.seed, Divisions(settings.divisions_csv))
        world = World(population, settings.data_dir)
        stack.callback(world.close)
        book = Book(settings.data_dir, credentials.book_key, settings.book_keep_rows)
        stack.callback(book.close)
        hub = Hub(settings, world, book, Faults(book.hash_subject))
        ledger = BankLedger(settings.data_dir)
        stack.callback(ledger.close)
        messages = Messages(settings.data_dir)
        stack.callback(messages.close)
        payments = Payments(hub, ledger, ring.bank_private_key_pem)
        issuer = Issuer(credentials.sign_on, ring.sign_on_private_jwk)
        identities = Identities(population, ring.sign_on_subject_key)

        keys = department_keys(credentials)
        phones = SmsServer(hub, messages, credentials.sms_api_key)
        routes = _routes(hub, credentials, keys, payments, phones, issuer, identities)
        sockets = _bind_all(settings, servers, stack)
        hub.urls |= {name: f"http://{settings.public_host}:{sock.getsockname()[1]}" for name, sock in sockets.items()}
        issuer.url = (settings.issuer_url or hub.urls.get(SIGN_ON) or _configured(settings, SIGN_ON)).rstrip("/")
        if BANK in servers:
            await stack.enter_async_context(payments.delivering())
        if SMS in servers:
            await stack.enter_async_context(phones.reporting())
        given = settings.control_token
        token = given.get_secret_value() if given is not None else control_token(settings.data_dir)
        for name, sock in sockets.items():
            await _start(hub, name, sock, routes[name], token, stack)
        yield Sandbox(
            hub.urls,
            issuer.url,
            credentials,
            keys,
            population,
            world,
            book,
            hub.faults,
            payments,
            messages,
            issuer,
            identities,
            token,
        )


def _routes(
    hub: Hub,
    credentials: Credentials,
    keys: Mapping[str, BaseModel],
    payments: Payments,
    phones: SmsServer,
    issuer: Issuer,
    identities: Identities,
) -> dict[str, Routes]:
    """What each server serves."""
    registers = {server: department.serve(hub, server, keys[server]) for department in discover().values() for server in department.places}
    issued = {server: register.secrets for server, register in registers.items() if register.secrets is not None}
    routes: dict[str, Routes] = {
        CONTROL: Control(hub, credentials, payments, phones.messages, issuer, identities, issued).add_routes,
        BANK: BankServer(hub, credentials.bank, payments).add_routes,
        SMS: phones.add_routes,
        SIGN_ON: SignOnServer(hub, issuer, identities).add_routes,
    }
    routes |= {server: register.add_routes for server, register in registers.items()}
    return routes


async def _start(hub: Hub, server: str, sock: socket.socket, add_routes: Routes, token: str, stack: contextlib.AsyncExitStack) -> None:
    middleware = guard(hub, token) if server == CONTROL else around(hub, server)
    app = web.Application(middlewares=[middleware], client_max_size=_MAX_BODY_BYTES)
    add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock).start()


def _configured(settings: SandboxSettings, server: str) -> str:
    return f"http://{settings.public_host}:{settings.port_of(server)}"


def _bind_all(settings: SandboxSettings, servers: tuple[str, ...], stack: contextlib.AsyncExitStack) -> dict[str, socket.socket]:
    """Binds every socket first: either all servers come up, or none does and the taken port is named."""
    sockets: dict[str, socket.socket] = {}
    for server in servers:
        port = settings.port_of(server)
        try:
            sock = bind(settings.host, port)
        except OSError as error:
            raise OSError(error.errno, f"sandbox server {server}: port {port} is not free") from error
        stack.callback(sock.close)
        sockets[server] = sock
    return sockets
