"""The command line every service has: ``serve`` and ``migrate``."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from chassis import logs, telemetry
from chassis.commands import CannotRunError
from chassis.identity import Signer, Verifier, load_key, load_key_set
from chassis.settings import GrpcServiceSettings, ProcessSettings, explain

S = TypeVar("S", bound=ProcessSettings)


def signer(settings: ProcessSettings, name: str) -> Signer:
    """This process's voice: the key ``<name>.jwk`` of the keys folder."""
    return Signer(load_key(settings.keys_dir / f"{name}.jwk"), name)


def verifier(settings: ProcessSettings) -> Verifier:
    return Verifier(load_key_set(settings.keys_dir / "callers.jwks"))


async def run_until_stopped(name: str, running: AbstractAsyncContextManager[Any]) -> None:
    """Keeps ``running`` open until SIGTERM or SIGINT, then lets it close in order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log = logs.get(name)
    async with running as app:
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
) -> None:
    """Entry point of ``anju-<name>``. Exit codes: 0 stopped in order, 1 failed, 2 wrong use."""
    parser = argparse.ArgumentParser(prog=f"anju-{name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve until SIGTERM")
    if migrations is not None:
        commands.add_parser("migrate", help="bring the database to the newest version")
    arguments = parser.parse_args()
    try:
        settings = settings_class()
    except (ValidationError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {explain(settings_class, error)}\n")
    logs.configure(name, settings.log_level, settings.log_format)
    telemetry.configure(name, settings.telemetry)
    if arguments.command == "migrate":
        from chassis import migrate

        if not isinstance(settings, GrpcServiceSettings) or migrations is None:
            parser.error("this process has no database")
        migrate.upgrade(migrations, settings.database_url)
        code = 0
    else:
        code = 0
        try:
            asyncio.run(run_until_stopped(name, application(settings)))
        except CannotRunError as error:
            # In the log as well: a process manager shows nothing else.
            logs.get(name).error("cannot run", why=str(error))
            sys.stderr.write(f"{parser.prog}: {error}\n")
            code = error.code
        except Exception:
            logs.get(name).exception("failed")
            code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # grpc and the Temporal core keep threads that may crash while the interpreter tears down; everything has been closed in order above.
    os._exit(code)
