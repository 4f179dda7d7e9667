"""Programs of ours on the command line: one look, examples under every help, a sentence instead of a trace for what a person can put right."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from chassis import loop


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


def generator(help_: str, command: str, pages: Callable[[], Mapping[Path, str]]) -> typer.Typer:
    """A program that writes files from code, and with --check only says which of them differ. ``command`` is what a person runs to write them."""
    app = program(help_)

    @app.command(epilog=examples(command, f"{command} --check" if " -m " in command else f"{command}-check"))
    def write(
        check: Annotated[bool, typer.Option("--check", help="只检查 writes nothing; fails when a file is not what the code says")] = False,
    ) -> None:
        stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text}
        if check and stale:
            raise CannotRunError(f"{', '.join(map(str, stale))}: not what the code says; run {command}")
        for path, text in stale.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    write.__doc__ = help_
    return app


def start(app: typer.Typer, *, name: str | None = None) -> NoReturn:
    """Entry point of a program."""
    finish(run(app, name=name))


def wait_for(work: Coroutine[Any, Any, int], *, interrupted: str = "") -> NoReturn:
    """Ends the command with the code of ``work``; a Ctrl-C says ``interrupted``."""
    try:
        code = loop.run(work)
    except KeyboardInterrupt:
        typer.echo(f"\n{interrupted or '已中断 interrupted'}", err=True)
        code = 128 + signal.SIGINT
    raise typer.Exit(code)


def finish(code: int) -> NoReturn:
    """grpc and the Temporal core keep threads that may crash while the interpreter tears down; everything was closed in order before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
