"""The tables of legal moves, as the documentation draws them (``python -m anju_workflows.transitions``) and today's services use them."""

from __future__ import annotations

from typing import Final

from anju_contracts import application, lease, rent_cycle, waiting
from anju_contracts.moves import IllegalMoveError as IllegalMoveError
from anju_contracts.moves import Move as Move
from anju_contracts.moves import Table as Table

# The city's three levels in order; an objection is answered by the district.
APPLICATION: Final = application.moves(("street", "district", "city"), "district")
WAITING: Final = waiting.MOVES
LEASE: Final = lease.MOVES
RENT_CYCLE: Final = rent_cycle.MOVES

TABLES: Final = (APPLICATION, WAITING, LEASE, RENT_CYCLE)


def document() -> str:
    parts = ["# State diagrams\n\nRendered from `anju_workflows.transitions`; do not edit by hand.\n"]
    for table in TABLES:
        parts.append(f"## {table.title} ({table.name})\n\n```mermaid\n{table.mermaid()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    import sys

    sys.stdout.write(document())
