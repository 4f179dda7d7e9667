"""Why a register's answer cannot be used. None of these says anything about the person: an outage or a mix-up never becomes a refusal."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Kinds of unusable answers; the value is what the access log keeps."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    HTTP_STATUS = "http_status"
    OVERSIZE = "oversize"
    NOT_JSON = "not_json"
    # The fields are not those of the protocol, or hold values which cannot be read without guessing.
    SCHEMA = "schema"
    EXPIRED = "secret_expired"
    REFUSED = "refused"
    QUOTA = "quota"
    INNER_FAILURE = "inner_failure"
    # Success without content: departments' clients return null when their own backend threw, so null does not mean "no record".
    EMPTY = "empty_reply"
    # An answer to another question: repeated, swapped or late.
    NOT_BOUND = "not_bound"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    # Rightly signed and fresh, but what the register holds is too old to say anything about today.
    STALE_BATCH = "stale_batch"
    PAGING = "paging"
    BREAKER_OPEN = "breaker_open"
    OUT_OF_TIME = "out_of_time"


# These are about one person's data; other people's questions to the same office may well succeed, so the breaker does not count them.
_ABOUT_ONE_PERSON = frozenset({Fault.SCHEMA, Fault.EMPTY, Fault.PAGING, Fault.STALE_BATCH, Fault.OUT_OF_TIME})


class RegisterFaultError(Exception):
    """No usable answer. ``retry_after_seconds`` when the department said how long to wait. The message holds no personal data."""

    def __init__(self, fault: Fault, detail: str = "", *, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault
        self.retry_after_seconds = retry_after_seconds

    @property
    def trips(self) -> bool:
        """Whether the breaker of the office counts it."""
        return self.fault not in _ABOUT_ONE_PERSON


class WrongPersonError(Exception):
    """The answer is about somebody else."""


def schema(field: str) -> RegisterFaultError:
    return RegisterFaultError(Fault.SCHEMA, field)
