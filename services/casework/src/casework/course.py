"""The course of one case: its table of legal moves, made from the review levels it came with."""

from __future__ import annotations

from anju_contracts.application import moves
from anju_contracts.moves import Table

from casework.tables import Application


def table_of(case: Application) -> Table:
    return moves(tuple(case.levels), case.objection_level)
