"""A log line says what happened and where, and nothing about a person: not in its fields, not in an exception's text."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from asyncpg.exceptions import CheckViolationError, InvalidCatalogNameError
from chassis import logs
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, StatementError

ID_NUMBER, PHONE, NAME, ADDRESS = "410202199001011236", "13812345678", "王秀芳", "开封市龙亭区北道门街1号"


@pytest.fixture
def lines() -> Iterator[Any]:
    """What has been written so far, line by line."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    logs.configure("test")
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)

    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()


class Thing:
    def __repr__(self) -> str:
        return f"Thing({ID_NUMBER}, {PHONE})"


class Form(BaseModel):
    name: str
    age: int


def test_numbers_of_people_are_cut_out_of_every_kind_of_value(lines: Any) -> None:
    values: list[Any] = [ID_NUMBER, int(PHONE), ID_NUMBER.encode(), Thing(), {ID_NUMBER: Thing()}, (PHONE,), {PHONE}, ValueError(ID_NUMBER)]
    for value in values:
        logs.get("t").info(f"about {PHONE}", value=value)
        logging.getLogger("foreign").warning("about %s", value)
    written = lines()
    assert len(written) == 2 * len(values)
    text = json.dumps(written, ensure_ascii=False)
    assert ID_NUMBER not in text
    assert PHONE not in text


def test_plain_values_stay_what_they_are(lines: Any) -> None:
    logs.get("t").info("plain", count=3, seconds=0.5, ok=True, nothing=None, id="ap_01", name=NAME, inner={"token": "x", "n": [1, "b"]})
    (line,) = lines()
    assert (line["count"], line["seconds"], line["ok"], line["nothing"], line["id"]) == (3, 0.5, True, None, "ap_01")
    assert line["name"] == "[…]"
    assert line["inner"] == {"token": "[…]", "n": [1, "b"]}


class Adapted(Exception):
    """As SQLAlchemy's dialect wraps the driver's error."""

    __module__ = "sqlalchemy.dialects.postgresql.asyncpg"


def _validation() -> None:
    Form.model_validate({"name": NAME, "age": ADDRESS})


def _constraint() -> None:
    cause = CheckViolationError("new row violates check constraint")
    cause.sqlstate = "23514"
    cause.detail = f"Failing row contains ({NAME}, {ADDRESS})."
    cause.constraint_name = "person_age"
    adapted = Adapted(f"DETAIL: Failing row contains ({NAME}, {ADDRESS}).")
    adapted.__cause__ = cause
    raise IntegrityError("INSERT INTO person VALUES ($1, $2)", (NAME, ADDRESS), adapted) from adapted


def _driver() -> None:
    raise StatementError("str expected", "SELECT $1", (NAME,), ValueError(f"invalid input for query argument $1: {NAME!r}"))


def _chained() -> None:
    try:
        _validation()
    except ValueError as error:
        raise RuntimeError("the form cannot be read") from error


def _group() -> None:
    try:
        _validation()
    except ValueError as error:
        raise ExceptionGroup("several", [error, KeyError("absent")]) from None


@pytest.mark.parametrize("fail", [_validation, _constraint, _driver, _chained, _group])
@pytest.mark.parametrize("foreign", [False, True])
def test_an_exceptions_text_does_not_repeat_what_was_refused(lines: Any, fail: Any, foreign: bool) -> None:
    log: Any = logging.getLogger("foreign") if foreign else logs.get("t")
    try:
        fail()
    except Exception:
        log.exception("failed")
    (line,) = lines()
    text = json.dumps(line, ensure_ascii=False)
    assert NAME not in text
    assert ADDRESS not in text
    assert fail.__name__ in line["exception"], "the stack still says where"


def test_an_exceptions_text_still_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="age") as caught:
        _validation()
    assert logs.describe(caught.value) == "ValidationError: age int_parsing"
    with pytest.raises(IntegrityError) as refused:
        _constraint()
    assert "23514" in logs.describe(refused.value)
    assert "person_age" in logs.describe(refused.value)
    missing = InvalidCatalogNameError('database "housing" does not exist')
    assert logs.describe(missing) == 'InvalidCatalogNameError: InvalidCatalogNameError 3D000 database "housing" does not exist'
    assert logs.describe(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: [Errno 111] Connection refused"
    with pytest.raises(RuntimeError) as chained:
        _chained()
    assert logs.describe(chained.value) == "RuntimeError: the form cannot be read"


# -- what repeats ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def repeats(lines: Any) -> Iterator[logs.Repeats]:
    """The filter of the running log, by a clock of the test."""
    (handler,) = logging.getLogger().handlers
    (usual,) = handler.filters
    now = [0.0]
    counted = logs.Repeats(window_seconds=10.0, wrong=3, ordinary=5, clock=lambda: now[0])
    counted.now = now  # type: ignore[attr-defined]  # the test's own
    handler.removeFilter(usual)
    handler.addFilter(counted)
    yield counted
    if counted._timer is not None:
        counted._timer.cancel()


def test_a_line_that_repeats_is_counted_and_not_written_again(lines: Any, repeats: Any) -> None:
    log = logs.get("t")
    for number in range(1000):
        log.warning("header_too_late", trace_id=f"{number:032x}", ms=number)
    assert len(lines()) == 3
    repeats.now[0] = 11.0
    log.warning("header_too_late", ms=1)
    told = lines()[3:]
    assert [(line["event"], line["level"], line.get("repeated")) for line in told] == [
        ("header_too_late", "warning", 997),
        ("header_too_late", "warning", None),
    ]


def test_what_was_counted_is_told_also_when_no_other_line_comes(lines: Any, repeats: Any) -> None:
    for _ in range(5):
        logs.get("t").warning("accepting_paused", reason="EMFILE")
    repeats.now[0] = 11.0
    repeats.flush()
    assert lines()[-1]["repeated"] == 2
    repeats.flush()
    assert len(lines()) == 4


def test_lines_that_say_different_things_do_not_hide_each_other(lines: Any, repeats: Any) -> None:
    log = logs.get("t")
    for reason in ("A", "B"):
        for _ in range(4):
            log.warning("refused", reason=reason)
    for error in (ValueError("x"), KeyError("y")):
        for _ in range(4):
            try:
                raise error
            except Exception:
                log.exception("failed")
    for _ in range(9):
        log.info("request", route="/a", status=200)
    assert [line["event"] for line in lines()] == ["refused"] * 6 + ["failed"] * 6 + ["request"] * 5


def test_lines_of_libraries_are_counted_by_their_template(lines: Any, repeats: Any) -> None:
    for number in range(50):
        logging.getLogger("library").error("socket %s failed", number)
    assert len(lines()) == 3
    repeats.now[0] = 11.0
    repeats.flush()
    assert lines()[-1]["event"] == "socket 49 failed (repeated 47 times)"


def test_an_error_that_repeats_is_told_without_its_trace(lines: Any, repeats: Any) -> None:
    for _ in range(9):
        try:
            raise RuntimeError
        except RuntimeError:
            logs.get("t").exception("failed")
    repeats.now[0] = 11.0
    repeats.flush()
    assert "exception" in lines()[0]
    assert "exception" not in lines()[-1]
    assert lines()[-1]["repeated"] == 6


def test_kinds_of_lines_made_up_by_strangers_fill_no_memory(lines: Any, repeats: Any) -> None:
    for number in range(5000):
        logs.get("t").info(f"made up {number}")
    assert len(repeats._seen) <= 2000
