"""The command line every service has: ``serve`` and ``migrate``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from chassis import commands, logs, loop, telemetry
from chassis.crypto import KeyRing
from chassis.db import OWNS_ITS_TABLES
from chassis.files import Followed
from chassis.grpc_client import Client
from chassis.identity import CALLERS, Signer, Verifier, load_key, load_key_set
from chassis.rounds import every
from chassis.settings import MigrationSettings, ProcessSettings, explain
from chassis.tls import NOTICE_EVERY_SECONDS, CertificateError, Certificates

S = TypeVar("S", bound=ProcessSettings)
NO_TLS: Final = (
    "ANJU_TLS_DIR: 正式环境中，服务之间须用 TLS；用 anju keys init 生成证书，或在由服务网格加密时设 ANJU_TLS_ELSEWHERE=true — in production processes speak TLS:"
    " anju keys init makes the certificates; where a service mesh encrypts, say so with ANJU_TLS_ELSEWHERE=true"
)


def signer(settings: ProcessSettings, name: str) -> Signer:
    """This process's voice: the key ``<name>.jwk`` of the keys folder."""
    path = settings.keys_dir / f"{name}.jwk"
    return Signer(Followed([path], partial(load_key, path)), name)


def ring(keys_dir: Path, name: str) -> KeyRing:
    """A key ring of the keys folder. Raises CannotRunError when it is not there: a secret is mounted or made by a person, and never invented."""
    path = keys_dir / name
    try:
        return KeyRing.load(path)
    except FileNotFoundError:
        raise commands.CannotRunError(
            f"{path}: 没有密钥文件；请挂载部署的密钥，或用 anju keys init 生成一次 — there is no key ring; mount the deployment's, or make one, once, with: anju keys init {path.parent}"
        ) from None


def certificates(settings: ProcessSettings) -> Certificates | None:
    """What this process shows others, None where calls go without TLS. Raises CannotRunError for a folder that cannot be used, and in production for none."""
    if settings.tls_dir is None:
        if settings.production and not settings.tls_elsewhere:
            raise commands.CannotRunError(NO_TLS)
        return None
    try:
        return Certificates(settings.tls_dir)
    except CertificateError as error:
        raise commands.CannotRunError(f"ANJU_TLS_DIR: 证书无法使用 the certificates cannot be used — {error}") from error


def client(settings: ProcessSettings, process: str, speaking: Signer, shown: Certificates | None) -> Client:
    """Calls of another process, at the address which the settings name for it."""
    return Client(getattr(settings, f"{process.replace('-', '_')}_address"), speaking, process, shown)


def verifier(settings: ProcessSettings) -> Verifier:
    path = settings.keys_dir / CALLERS
    return Verifier(Followed([path], partial(load_key_set, path)))


async def run_until_stopped(name: str, running: AbstractAsyncContextManager[Any], shown: Certificates | None = None) -> None:
    """Keeps ``running`` open until SIGTERM or SIGINT, then lets it close in order; meanwhile says when the certificate it shows is about to end."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log = logs.get(name)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(running)
        if shown is not None:
            await shown.notice()
            await stack.enter_async_context(every(NOTICE_EVERY_SECONDS, shown.notice, "certificate"))
        log.info("serving", at=getattr(app, "address", None))
        await stop.wait()
        log.info("draining")
    telemetry.flush()
    log.info("stopped")


def main(
    name: str,
    settings_class: type[S],
    application: Callable[[S], AbstractAsyncContextManager[Any]],
    migrations: Path | None = None,
) -> NoReturn:
    """Entry point of ``anju-<name>``. Exit codes: 0 stopped in order, 1 failed, 2 wrong use."""
    commands.start(program(name, settings_class, application, migrations), name=f"anju-{name}")


def program(
    name: str,
    settings_class: type[S],
    application: Callable[[S], AbstractAsyncContextManager[Any]],
    migrations: Path | None = None,
) -> typer.Typer:
    """``serve``, and for a service with a database ``migrate``."""
    said = f"安居 {name}. Settings are ANJU_… variables, or files named by ANJU_…_FILE: docs/settings.md."
    app = commands.program(said, f"anju-{name} serve", *([f"anju-{name} migrate"] if migrations is not None else []))

    def configured() -> S:
        try:
            settings = settings_class()
        except (ValidationError, OSError) as error:
            raise commands.CannotRunError(f"anju-{name}: {explain(settings_class, error)}", 2) from error
        logs.configure(name, settings.log_level, settings.log_format)
        telemetry.configure(name, settings.telemetry)
        return settings

    # With one command only, Typer would drop its name.
    @app.callback()
    def group() -> None:
        pass

    @app.command()
    def serve() -> None:
        """运行至收到 SIGTERM — Serves until SIGTERM."""
        settings = configured()
        try:
            loop.run(run_until_stopped(name, application(settings), certificates(settings)))
        except commands.CannotRunError as error:
            # In the log as well: a process manager shows nothing else.
            logs.get(name).error("cannot run", why=str(error))
            raise commands.CannotRunError(f"anju-{name}: {error}", error.code) from error
        except Exception:
            logs.get(name).exception("failed")
            raise typer.Exit(1) from None

    if migrations is not None:
        versions = migrations

        @app.command()
        def migrate() -> None:
            """升级数据库 — Brings the database to the newest version."""
            from chassis import migrate

            configured()
            settings = MigrationSettings()
            owner = settings.database_owner_url or settings.database_url
            role = make_url(settings.database_url).username or ""
            if make_url(owner).username == role:
                if settings.production:
                    raise commands.CannotRunError(OWNS_ITS_TABLES)
                role = ""
            migrate.upgrade(versions, owner, role)

    return app
