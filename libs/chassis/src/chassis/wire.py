"""Between protobuf and Python: instants, what is missing or wrong in a request, and whole messages as models."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import BaseModel

from chassis import bounds
from chassis.errors import FieldViolation, invalid

M = TypeVar("M", bound=BaseModel)


def stamp(value: datetime | None) -> Timestamp | None:
    """An instant with a zone as protobuf has it; nothing for None."""
    if value is None:
        return None
    result = Timestamp()
    result.FromDatetime(value)
    return result


def utc(value: Timestamp) -> datetime:
    """Raises ValueError for what is no time."""
    return value.ToDatetime(tzinfo=UTC)


def missing(pointer: str) -> FieldViolation:
    return FieldViolation(pointer, "REQUIRED", "请填写此项。", "This field is required.")


def wrong(pointer: str, zh: str, en: str) -> FieldViolation:
    return FieldViolation(pointer, "INVALID", zh, en)


def instant(holder: Message, name: str) -> datetime:
    """A timestamp field that must be there, in UTC. Raises Refusal(INVALID_FIELDS)."""
    if not holder.HasField(name):
        raise invalid([missing(f"/{name}")])
    try:
        return utc(getattr(holder, name))
    except (ValueError, OverflowError):
        raise invalid([wrong(f"/{name}", "时间无效。", "This is not a time.")]) from None


def day(text: str, pointer: str) -> date:
    """A day as YYYY-MM-DD. Raises Refusal(INVALID_FIELDS)."""
    try:
        return bounds.day(text)
    except ValueError:
        raise invalid([FieldViolation(pointer, "DATE", "日期请写成 2026-01-31 的样子。", "Write the date like 2026-01-31.")]) from None


def to_model(model: type[M], message: Message) -> M:
    """The message as a model with the same names; what the model does not know is left out by the model's own rule."""
    return model.model_validate(_plain(message))


def _plain(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            found[field.name] = [_one(field, item) for item in value]
        elif field.message_type is None or message.HasField(field.name):
            found[field.name] = _one(field, value)
    return found


def _one(field: Any, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return utc(value)
    return _plain(value) if field.message_type is not None else value
