"""One sandbox for the whole run; each test starts with every fault off and the bank honest."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.bank.payments import BankSwitches
from anju_sandbox.credentials import load_or_create
from anju_sandbox.settings import SandboxSettings, bind


class CallbackTarget:
    """The merchant's callback endpoint: keeps what it got and answers what the test wants."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.answers: list[tuple[int, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(await request.read())
        status, text = self.answers.pop(0) if self.answers else (200, "success")
        return web.Response(status=status, text=text)


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with keys, copied by tests which start their own sandbox (an RSA key takes its time)."""
    path = tmp_path_factory.mktemp("sandbox-keys")
    load_or_create(path)
    return path


@pytest.fixture
def fresh_dir(keys_dir: Path, tmp_path: Path) -> Path:
    """An empty installation with ready keys."""
    shutil.copy(keys_dir / "credentials.json", tmp_path / "credentials.json")
    return tmp_path


@pytest.fixture(scope="session")
async def callbacks() -> AsyncIterator[tuple[str, CallbackTarget]]:
    target = CallbackTarget()
    app = web.Application()
    app.router.add_post("/callbacks/ccb", target.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    sock = bind("127.0.0.1", 0)
    await web.SockSite(runner, sock).start()
    yield f"http://127.0.0.1:{sock.getsockname()[1]}/callbacks/ccb", target
    await runner.cleanup()


@pytest.fixture(scope="session")
async def shared(keys_dir: Path, callbacks: tuple[str, CallbackTarget]) -> AsyncIterator[Sandbox]:
    settings = SandboxSettings.on_free_ports(keys_dir, bank_notify_url=callbacks[0], callback_first_retry_seconds=0.02, quirk_rate=0.05)
    async with sandbox(settings) as world:
        yield world


@pytest.fixture
def world(shared: Sandbox, callbacks: tuple[str, CallbackTarget]) -> Sandbox:
    shared.faults.clear()
    shared.payments.switches = BankSwitches()
    shared.world.forget_changes()
    shared.world.set_clock(None)
    callbacks[1].received.clear()
    callbacks[1].answers.clear()
    return shared


@pytest.fixture
def target(callbacks: tuple[str, CallbackTarget]) -> CallbackTarget:
    return callbacks[1]


@pytest.fixture(scope="session")
async def http(shared: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """As everybody, and to the shared sandbox's control server as its operator."""

    async def as_operator(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if str(request.url.origin()) == shared.urls["control"]:
            request.headers.setdefault("Authorization", f"Bearer {shared.control_token}")
        return await handler(request)

    async with aiohttp.ClientSession(middlewares=(as_operator,)) as session:
        yield session


@pytest.fixture
def fault(world: Sandbox, http: aiohttp.ClientSession) -> Callable[..., object]:
    """Switches a fault on through the control API."""

    async def switch(**spec: object) -> dict[str, object]:
        async with http.post(world.urls["control"] + "/faults", json=spec) as response:
            assert response.status == 201, await response.text()
            return dict(await response.json())

    return switch
