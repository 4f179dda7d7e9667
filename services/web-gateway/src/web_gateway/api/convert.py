"""Protos to plain values and back, by their descriptors: field names stay, instants get the zone people live in, enums lose their prefix."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from anju.common.v1.common_pb2 import Text
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import BaseModel

from web_gateway.api.vocabulary import ANSWERED
from web_gateway.edge.language import Locale

M = TypeVar("M", bound=BaseModel)

ZONE: Final = ZoneInfo("Asia/Shanghai")


def to_model(model: type[M], message: Message, locale: Locale = "zh-CN", **more: Any) -> M:
    """The answer model of a message, its texts in the reader's language; ``more`` adds or replaces fields (titles)."""
    return answered(model, {**to_dict(message, locale), **more})


def answered(model: type[M], values: dict[str, Any]) -> M:
    """The model of what a service said: its codes may be newer than this gateway."""
    return model.model_validate(values, context=ANSWERED)


def to_dict(message: Message, locale: Locale = "zh-CN") -> dict[str, Any]:
    """Every field of a message. An unset message or instant and an unspecified enum are None, an unset text is ""; maps are not used by our protos."""
    return {field.name: _field(message, field, locale) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any, locale: Locale) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_single(field, item, locale) for item in value]
    if field.message_type is not None and not isinstance(value, Text) and not message.HasField(field.name):
        return None
    return _single(field, value, locale)


def _single(field: Any, value: Any, locale: Locale) -> Any:
    if isinstance(value, Timestamp):
        return instant(value)
    if isinstance(value, Text):
        return value.en if locale == "en" else value.zh
    if field.message_type is not None:
        return to_dict(value, locale)
    if field.enum_type is not None:
        return enum_name(field.enum_type, value)
    return value


def instant(value: Timestamp) -> datetime:
    return value.ToDatetime(UTC).astimezone(ZONE)


def yesterday() -> date:
    """In China; what has changed since then is what is new to somebody in the morning."""
    return datetime.now(ZONE).date() - timedelta(days=1)


@lru_cache(maxsize=64)
def _prefix(enum: EnumDescriptor) -> str:
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED")


def enum_name(enum: EnumDescriptor, number: int) -> str | None:
    """LOOKUP_OUTCOME_FOUND -> found; None for unspecified and for a value newer than this gateway."""
    value = enum.values_by_number.get(number)
    return None if value is None or number == 0 else str(value.name).removeprefix(_prefix(enum)).lower()


def enum_number(enum: EnumDescriptor, name: str) -> int:
    """found -> LOOKUP_OUTCOME_FOUND. Raises KeyError for a name which is not in the enum."""
    return int(enum.values_by_name[_prefix(enum) + name.upper()].number)
