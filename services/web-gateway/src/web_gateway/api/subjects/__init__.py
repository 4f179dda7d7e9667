"""The public API, a module a subject: its models, conversions, operations and problems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from web_gateway.api.layer import Api, Operation
from web_gateway.api.problems import SHARED, Catalogue

# Events add an operation to the subject of applications.
from web_gateway.api.subjects import (  # noqa: F401
    applications,
    bills,
    broadcasts,
    by_hand,
    city,
    complaints,
    confirmations,
    counter,
    desk,
    drafts,
    evaluations,
    events,
    export_requests,
    exports,
    homes,
    inbox,
    letters,
    myself,
    notices,
    organisation,
    platform,
    policies,
    query_objections,
    reads,
    recusals,
    review,
    search,
    session,
    stock,
    views,
)

APIS: Final[tuple[Api, ...]] = (
    session.api,
    city.api,
    notices.api,
    policies.api,
    complaints.api,
    evaluations.api,
    applications.api,
    drafts.api,
    confirmations.api,
    counter.api,
    review.api,
    desk.api,
    platform.api,
    by_hand.api,
    search.api,
    exports.api,
    export_requests.api,
    homes.api,
    bills.api,
    inbox.api,
    letters.api,
    broadcasts.api,
    myself.api,
    reads.api,
    query_objections.api,
    recusals.api,
    stock.api,
    views.api,
    organisation.api,
    bills.ledger,
)


def operations(apis: Iterable[Api] = APIS) -> list[Operation]:
    """Every operation. Raises TypeError when two share a name or a route."""
    found = [operation for api in apis for operation in api.operations]
    if len({op.id for op in found}) != len(found) or len({(op.method, op.path) for op in found}) != len(found):
        raise TypeError("two operations share a name or a route")
    return found


def catalogue(apis: Iterable[Api] = APIS) -> Catalogue:
    """Every problem of these subjects, and the shared ones. Raises TypeError when two share a code."""
    return Catalogue([*SHARED, *(kind for api in apis for kind in api.problems)])
