"""The one place where the names of outcomes meet their protobuf numbers."""

from __future__ import annotations

from typing import Final

from anju.common.v1 import common_pb2 as common
from anju_contracts.application import LookupOutcome

OUTCOME_TO_PROTO: Final[dict[LookupOutcome, common.LookupOutcome.ValueType]] = {
    LookupOutcome.FOUND: common.LOOKUP_OUTCOME_FOUND,
    LookupOutcome.NO_RECORD: common.LOOKUP_OUTCOME_NO_RECORD,
    LookupOutcome.MISMATCH: common.LOOKUP_OUTCOME_MISMATCH,
    LookupOutcome.UNAVAILABLE: common.LOOKUP_OUTCOME_UNAVAILABLE,
    LookupOutcome.UNKNOWN_PERSON: common.LOOKUP_OUTCOME_UNKNOWN_PERSON,
}


def outcome_to_proto(value: str) -> common.LookupOutcome.ValueType:
    """ "" (asked, no answer yet) is UNSPECIFIED."""
    return OUTCOME_TO_PROTO[LookupOutcome(value)] if value else common.LOOKUP_OUTCOME_UNSPECIFIED
