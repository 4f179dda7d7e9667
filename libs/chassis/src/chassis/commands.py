"""Programs of ours on the command line: one look, examples under every help, a sentence instead of a trace for what a person can put right."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, NoReturn

import typer


class CannotRunError(Exception):
    """Something the person at the terminal can put right; the text says what."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def examples(*lines: str) -> str:
    """The end of a help text. (Rich joins single lines to one paragraph.)"""
    return "\n\n".join(["例 Examples:", *lines])


def program(help_: str, *lines: str, **more: Any) -> typer.Typer:
    """A program, or a group of commands in one; ``lines`` are its examples."""
    return typer.Typer(
        help=help_,
        epilog=examples(*lines) if lines else None,
        no_args_is_help=True,
        add_completion=False,
        # A trace with the values of all variables may show a secret.
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **more,
    )


def run(app: typer.Typer, arguments: Sequence[str] | None = None, *, name: str | None = None, given: Any = None) -> int:
    """Exit code of the program; ``given`` is what its commands find as ``context.obj``."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name=name, obj=given)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except CannotRunError as error:
        typer.echo(str(error), err=True)
        return error.code
    return 0


def start(app: typer.Typer, *, name: str | None = None) -> NoReturn:
    """Entry point of a program."""
    finish(run(app, name=name))


def wait_for(work: Coroutine[Any, Any, int], *, interrupted: str = "") -> NoReturn:
    """Ends the command with the code of ``work``; a Ctrl-C says ``interrupted``."""
    try:
        code = asyncio.run(work)
    except KeyboardInterrupt:
        typer.echo(f"\n{interrupted or '已中断 interrupted'}", err=True)
        code = 128 + signal.SIGINT
    raise typer.Exit(code)


def finish(code: int) -> NoReturn:
    """grpc and the Temporal core keep threads that may crash while the interpreter tears down; everything was closed in order before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
