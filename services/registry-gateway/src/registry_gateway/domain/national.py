"""Envelope of the national data-sharing platform: two nested result codes, and refusals with a family (catalog-, res-, api-, db-) in the message.

Assumed schema: which numbers of the families mean an expired secret (api-410) and an exhausted quota (res-429).
"""

from __future__ import annotations

from registry_gateway.domain.faults import Fault, RegisterFaultError, schema
from registry_gateway.domain.reading import Json, code, optional_text, text

NO_MATCH = "匹配不成功"


def _refused(reply: Json) -> RegisterFaultError:
    message = optional_text(reply, "message")
    family = message.split(" ", 1)[0]
    if family == "api-410":
        return RegisterFaultError(Fault.EXPIRED)
    if family == "res-429":
        return RegisterFaultError(Fault.QUOTA)
    if family.startswith(("catalog-", "api-", "res-")) and family[-3:].isdigit():
        return RegisterFaultError(Fault.REFUSED, family[:12])
    return RegisterFaultError(Fault.INNER_FAILURE)


def secret(reply: Json) -> str:
    """The sealed call secret in an answer of refreshappsecret. Raises RegisterFaultError."""
    if code(reply, "code") != "200":
        raise _refused(reply)
    data = reply.get("data")
    if not isinstance(data, dict):
        raise schema("data")
    return text(data, "secret")


def refusal(reply: Json) -> None:
    """Raises RegisterFaultError when the platform refused the call."""
    if code(reply, "code") == "300":
        raise _refused(reply)


def biz_data(reply: Json) -> Json:
    """The business part, both codes checked. Raises RegisterFaultError."""
    refusal(reply)
    if code(reply, "code") != "1":
        raise RegisterFaultError(Fault.INNER_FAILURE, "outer code")
    data = reply.get("biz_data")
    if data is None:
        raise RegisterFaultError(Fault.EMPTY)
    if not isinstance(data, dict):
        raise schema("biz_data")
    if code(data, "code") != "0":
        raise RegisterFaultError(Fault.INNER_FAILURE, "inner code")
    return data
