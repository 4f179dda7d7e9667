"""What pydantic finds wrong, in plain words of both languages and as JSON pointers."""

from __future__ import annotations

from typing import Any, Final

from chassis.errors import FieldViolation
from pydantic import ValidationError

from web_gateway.api.problems import MAX_ERRORS

_GENERAL: Final = ("invalid", "内容不符合要求。", "This is not acceptable.")
_TEXTS: Final[dict[str, tuple[str, str, str]]] = {
    "missing": ("required", "请填写此项。", "This is required."),
    "extra_forbidden": ("unknown_field", "不支持的内容。", "Unknown field."),
    "string_too_long": ("too_long", "内容过长，最多 {max_length} 个字。", "Too long; at most {max_length} characters."),
    "string_too_short": ("too_short", "请填写此项。", "Too short; at least {min_length} characters."),
    "too_long": ("too_long", "项数过多，最多 {max_length} 项。", "Too many items; at most {max_length}."),
    "too_short": ("too_short", "项数过少，至少 {min_length} 项。", "Too few items; at least {min_length}."),
    "greater_than": ("out_of_range", "数值应大于 {gt}。", "Must be greater than {gt}."),
    "greater_than_equal": ("out_of_range", "数值不能小于 {ge}。", "Must be at least {ge}."),
    "less_than": ("out_of_range", "数值应小于 {lt}。", "Must be less than {lt}."),
    "less_than_equal": ("out_of_range", "数值不能大于 {le}。", "Must be at most {le}."),
    "string_pattern_mismatch": ("bad_format", "格式不正确。", "Wrong format."),
    "not_in_list": ("not_in_list", "请从给出的选项中选择。", "Choose one of the options."),
    "literal_error": ("not_in_list", "请从给出的选项中选择。", "Choose one of the options."),
    "enum": ("not_in_list", "请从给出的选项中选择。", "Choose one of the options."),
}


def violations(error: ValidationError) -> list[FieldViolation]:
    """At most MAX_ERRORS of them. What was sent is not repeated: it may be somebody's number."""
    return [_violation(dict(item)) for item in error.errors(include_url=False, include_input=False)[:MAX_ERRORS]]


def _violation(item: dict[str, Any]) -> FieldViolation:
    kind = str(item["type"])
    wrong_type = ("wrong_type", "内容类型不正确。", "Wrong type.")
    code, zh, en = _TEXTS.get(kind) or (wrong_type if kind.endswith(("_type", "_parsing", "int_from_float")) else _GENERAL)
    context = {name: value for name, value in item.get("ctx", {}).items() if isinstance(value, int | str)}
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"])
    return FieldViolation(pointer[:200], code, zh.format_map(context), en.format_map(context))
