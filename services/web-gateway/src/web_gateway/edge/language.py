"""Which of the two languages an answer is in: zh-CN unless the reader prefers English (RFC 9110, 12.5.4)."""

from __future__ import annotations

from typing import Final, Literal

Locale = Literal["zh-CN", "en"]
_MAX_HEADER_CHARS: Final = 512


def negotiate(accept_language: str, fallback: str = "zh-CN") -> Locale:
    """The better of zh-CN and en for an Accept-Language header; ``fallback`` when it names neither."""
    best: dict[Locale, float] = {}
    for part in accept_language[:_MAX_HEADER_CHARS].split(","):
        tag, _, parameters = part.strip().lower().partition(";")
        locale: Locale | None = "zh-CN" if tag == "zh" or tag.startswith("zh-") else "en" if tag == "en" or tag.startswith("en-") else None
        if locale is not None:
            best[locale] = max(best.get(locale, 0.0), _quality(parameters))
    if max(best.values(), default=0.0) <= 0.0:
        return "en" if fallback.lower().startswith("en") else "zh-CN"
    return "en" if best.get("en", 0.0) > best.get("zh-CN", 0.0) else "zh-CN"


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
