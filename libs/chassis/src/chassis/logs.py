"""Structured logs. Whatever looks like an identity number, a phone number or a secret is cut out before a line is written: a log is read by more people
than a dossier."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import structlog
from opentelemetry import trace

_ID_NUMBER = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0\d|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])|(?<!\d)[1-9]\d{5}\d{2}(?:0\d|1[0-2])(?:[0-2]\d|3[01])\d{3}(?!\d)"
)
_PHONE = re.compile(r"(?<!\d)1\d{10}(?!\d)")
_SECRET_KEYS = frozenset({"password", "secret", "token", "authorization", "cookie", "id_number", "phone", "name", "address", "dossier"})


def scrub(text: str) -> str:
    """The text without identity and phone numbers."""
    return _PHONE.sub("[phone]", _ID_NUMBER.sub("[id]", text))


def describe(error: BaseException) -> str:
    """Kind and message of an exception as they may be written down.

    Messages of validation and of the database quote what was refused: of those only the place and the rule are kept.
    """
    kind = type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        return f"{kind}: " + " | ".join(describe(part) for part in error.exceptions)
    match _family(error):
        case "pydantic_core" if hasattr(error, "errors"):
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return f"{kind}: " + "; ".join(f"{'.'.join(map(str, each['loc']))} {each['type']}" for each in found)
        case "sqlalchemy" | "asyncpg":
            return f"{kind}: {_database_message(error)}"
    return scrub(f"{kind}: {error}" if str(error) else kind)


def _family(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _database_message(error: BaseException) -> str:
    origin: Any = error
    while _family(origin) == "sqlalchemy" and (inner := getattr(origin, "orig", None) or origin.__cause__):
        origin = inner
    state = getattr(origin, "sqlstate", None)
    if state is None:
        # Found before anything was sent: a ValueError of the driver quotes the value it could not send.
        return scrub(str(error)) if origin is error and not isinstance(error, ValueError) else type(origin).__name__
    names = [str(name) for key in ("table_name", "column_name", "constraint_name") if (name := getattr(origin, key, None))]
    # Classes 22 (data) and 23 (constraints) quote values, in the detail and sometimes in the message; a lost connection or a missing table do not.
    message = "" if state[:2] in ("22", "23") else scrub(str(origin.args[0]) if origin.args else "")
    return " ".join([type(origin).__name__, state, *names, message]).strip()


def _format_exception(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Stack traces of an exception and of what led to it, innermost first, with ``describe`` in place of the messages."""
    chain: list[BaseException] = []
    error: BaseException | None = exc_info[1]
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    parts = ["".join(["Traceback (most recent call last):\n", *traceback.format_tb(each.__traceback__), describe(each)]) for each in chain]
    return "\n\n".join(reversed(parts))


def _scrub_value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, int):
        text = scrub(str(value))
        return value if text == str(value) else text
    if isinstance(value, dict):
        return {scrub(str(k)): "[…]" if str(k) in _SECRET_KEYS else _scrub_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_scrub_value(v) for v in value]
    # Anything else would be written as its repr by the renderer, after the scrubbing.
    return describe(value) if isinstance(value, BaseException) else scrub(repr(value))


def _scrub_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        # structlog's own notes (_record, _from_structlog) never reach a line.
        if not key.startswith("_"):
            event[key] = "[…]" if key in _SECRET_KEYS else _scrub_value(event[key])
    return event


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


_KINDS_REMEMBERED = 2_000
# What tells one kind of line from another; everything else (times, traces, ids) is different on every line.
_KIND_FIELDS = ("method", "route", "reason", "code", "kind", "status", "error", "why")


class Repeats(logging.Filter):
    """A line that repeats is counted and not written again: whoever can provoke one can otherwise fill the disk with it.

    Of one kind so many are written in a window; then one line says how many more there were. A trace of a stack is long, so what went wrong gets fewer.
    """

    def __init__(
        self, *, window_seconds: float = 10.0, wrong: int = 20, ordinary: int = 1000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._window_seconds = window_seconds
        self._wrong = wrong
        self._ordinary = ordinary
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[Any, ...], _Window] = OrderedDict()
        self._timer: threading.Timer | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "repeated", None) is not None:
            return True
        key, now = _kind_of(record), self._clock()
        over: list[_Window] = []
        with self._lock:
            window = self._seen.get(key)
            if window is not None and self._is_over(window, now):
                over.append(self._seen.pop(key))
                window = None
            if window is None:
                window = self._seen[key] = _Window(now, self._wrong if record.levelno >= logging.WARNING else self._ordinary)
                if len(self._seen) > _KINDS_REMEMBERED:
                    over.append(self._seen.popitem(last=False)[1])
            window.lines += 1
            written = window.lines <= window.most
            if not written:
                window.last = record
                self._tell_later()
        self._tell(over)
        return written

    def flush(self) -> None:
        """Tells what was counted in windows that are over."""
        now = self._clock()
        with self._lock:
            self._timer = None
            over = [self._seen.pop(key) for key, window in list(self._seen.items()) if self._is_over(window, now)]
            if any(window.last is not None for window in self._seen.values()):
                self._tell_later()
        self._tell(over)

    def _is_over(self, window: _Window, now: float) -> bool:
        return now - window.since >= self._window_seconds

    def _tell_later(self) -> None:
        """No other line may come that would close the window."""
        if self._timer is None:
            self._timer = threading.Timer(self._window_seconds, self.flush)
            self._timer.daemon = True
            self._timer.start()

    def _tell(self, over: list[_Window]) -> None:
        for window in over:
            if window.last is None:
                continue
            more = window.lines - window.most
            record = logging.makeLogRecord({**window.last.__dict__, "repeated": more, "exc_info": None, "exc_text": None})
            if isinstance(record.msg, dict):
                record.msg = {name: value for name, value in record.msg.items() if name not in ("exception", "trace_id")} | {
                    "repeated": more
                }
            else:
                record.msg, record.args = f"{record.getMessage()} (repeated {more} times)", ()
            for handler in logging.getLogger().handlers:
                if self in handler.filters:
                    handler.handle(record)


@dataclass
class _Window:
    since: float
    most: int
    lines: int = 0
    last: logging.LogRecord | None = None


def _kind_of(record: logging.LogRecord) -> tuple[Any, ...]:
    if not isinstance(record.msg, dict):
        # A line of a library: what it was formatted with differs, its template does not.
        kind = record.exc_info[0].__qualname__ if record.exc_info and record.exc_info[0] else None
        return (record.name, record.levelno, str(record.msg)[:200], kind)
    event = record.msg
    # The last line of a trace names the kind of error.
    error = str(event.get("exception", "")).rpartition("\n")[2].partition(":")[0]
    return (record.name, record.levelno, str(event.get("event", ""))[:200], error, *(str(event.get(name))[:100] for name in _KIND_FIELDS))


def configure(service: str, level: str = "INFO", style: str = "json") -> None:
    """Sends the logs of structlog and of the standard library through one chain to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_format_exception),
        _add_trace,
        _scrub_event,
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if style == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiohttp.access", "grpc", "asyncio", "alembic.runtime", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
