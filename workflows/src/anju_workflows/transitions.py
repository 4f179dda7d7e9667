"""The one table of legal moves. A move that is not here is refused, in the workflows and again where it is recorded.

The state diagrams of the documentation are rendered from this module (``python -m anju_workflows.transitions``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple


class Move(NamedTuple):
    source: str
    event: str
    target: str
    who: str


class IllegalMoveError(ValueError):
    def __init__(self, table: str, source: str, event: str) -> None:
        super().__init__(f"{table}: no move {event!r} from {source!r}")
        self.source = source
        self.event = event


class Table:
    """Legal moves of one kind of case. ``*`` as a source stands for every stage that is not an end."""

    def __init__(self, name: str, title: str, start: str, ends: Iterable[str], stages: dict[str, str], moves: Iterable[Move]) -> None:
        self.name = name
        self.title = title
        self.start = start
        self.ends = frozenset(ends)
        self.stages = stages
        self.moves = tuple(moves)
        self._next: dict[tuple[str, str], str] = {}
        for move in self.moves:
            sources = [s for s in stages if s not in self.ends] if move.source == "*" else [move.source]
            for source in sources:
                self._next[source, move.event] = move.target

    def next(self, source: str, event: str) -> str:
        """The stage after ``event``. Raises IllegalMoveError when the table has no such move."""
        try:
            return self._next[source, event]
        except KeyError:
            raise IllegalMoveError(self.name, source, event) from None

    def allows(self, source: str, event: str) -> bool:
        return (source, event) in self._next

    def is_path(self, events: Iterable[str]) -> bool:
        """Whether the recorded events, in order, are a path from the start."""
        stage = self.start
        for event in events:
            if not self.allows(stage, event):
                return False
            stage = self.next(stage, event)
        return True

    def mermaid(self) -> str:
        lines = ["stateDiagram-v2", f"    [*] --> {self.start}"]
        lines += [f"    {stage}: {title}" for stage, title in self.stages.items()]
        for source, event in sorted(self._next):
            if any(m.source == source and m.event == event for m in self.moves):
                lines.append(f"    {source} --> {self._next[source, event]}: {event}")
        for move in self.moves:
            if move.source == "*":
                lines.append(f"    note left of {move.target}: from any open stage by {move.event} ({move.who})")
        lines += [f"    {end} --> [*]" for end in self.stages if end in self.ends]
        return "\n".join(lines)


APPLICATION: Final = Table(
    "application",
    "资格申请",
    start="submitted",
    ends=("registered", "rejected", "withdrawn", "lapsed"),
    stages={
        "submitted": "已受理",
        "verifying": "数据核验",
        "street_review": "街道初审",
        "district_review": "区级复审",
        "city_review": "市级终审",
        "correction": "待补正",
        "public_notice": "公示",
        "objection_review": "异议复核",
        "registered": "轮候",
        "rejected": "未通过",
        "withdrawn": "已撤回",
        "lapsed": "逾期终止",
    },
    moves=(
        Move("submitted", "start_verification", "verifying", "system"),
        Move("verifying", "verification_done", "street_review", "system"),
        Move("street_review", "street_approved", "district_review", "street"),
        Move("district_review", "district_approved", "city_review", "district"),
        Move("city_review", "city_approved", "public_notice", "city"),
        Move("street_review", "street_returned", "correction", "street"),
        Move("district_review", "district_returned", "correction", "district"),
        Move("city_review", "city_returned", "correction", "city"),
        # A correction starts over at verification: no level decides on facts it has not seen.
        Move("correction", "corrected", "verifying", "citizen"),
        Move("correction", "correction_expired", "lapsed", "system"),
        Move("street_review", "street_refused", "rejected", "street"),
        Move("district_review", "district_refused", "rejected", "district"),
        Move("city_review", "city_refused", "rejected", "city"),
        Move("public_notice", "objection_raised", "objection_review", "public"),
        Move("objection_review", "objection_raised", "objection_review", "public"),
        Move("objection_review", "one_objection_dismissed", "objection_review", "district"),
        Move("objection_review", "objection_dismissed", "public_notice", "district"),
        Move("objection_review", "objection_upheld", "rejected", "district"),
        Move("public_notice", "notice_closed", "registered", "system"),
        # Escalations change who is pressed, not the stage.
        Move("street_review", "escalated", "street_review", "system"),
        Move("district_review", "escalated", "district_review", "system"),
        Move("city_review", "escalated", "city_review", "system"),
        Move("objection_review", "escalated", "objection_review", "system"),
        Move("*", "withdrawn", "withdrawn", "citizen"),
    ),
)

WAITING: Final = Table(
    "waiting",
    "轮候",
    start="waiting",
    ends=("leased", "left", "struck_off", "expired"),
    stages={
        "waiting": "轮候中",
        "offered": "已配租待确认",
        "leased": "已签约入住流程",
        "left": "主动退出",
        "struck_off": "取消轮候",
        "expired": "轮候期满",
    },
    moves=(
        Move("waiting", "offer_made", "offered", "house_manager"),
        Move("offered", "offer_accepted", "leased", "citizen"),
        Move("offered", "offer_declined", "waiting", "citizen"),
        Move("offered", "offer_expired", "waiting", "system"),
        Move("waiting", "too_many_declines", "struck_off", "system"),
        Move("waiting", "limit_reached", "expired", "system"),
        Move("*", "left", "left", "citizen"),
    ),
)

LEASE: Final = Table(
    "lease",
    "租赁合同",
    start="signing",
    ends=("ended", "lapsed"),
    stages={"signing": "待签约", "deposit": "待交押金", "active": "租住中", "ended": "已到期", "lapsed": "未签约失效"},
    moves=(
        Move("signing", "signed", "deposit", "citizen"),
        Move("signing", "sign_expired", "lapsed", "system"),
        Move("deposit", "deposit_paid", "active", "citizen"),
        Move("deposit", "deposit_expired", "lapsed", "system"),
        Move("active", "term_ended", "ended", "system"),
    ),
)

RENT_CYCLE: Final = Table(
    "rent_cycle",
    "账单",
    start="scheduled",
    ends=("paid", "arrears"),
    stages={"scheduled": "待出账", "open": "待缴", "overdue": "逾期", "paid": "已缴", "arrears": "欠租"},
    moves=(
        Move("scheduled", "issued", "open", "system"),
        Move("open", "paid", "paid", "citizen"),
        Move("open", "became_overdue", "overdue", "system"),
        Move("overdue", "reminded", "overdue", "system"),
        Move("overdue", "paid", "paid", "citizen"),
        Move("overdue", "written_to_arrears", "arrears", "system"),
    ),
)

TABLES: Final = (APPLICATION, WAITING, LEASE, RENT_CYCLE)


def document() -> str:
    parts = ["# State diagrams\n\nRendered from `anju_workflows.transitions`; do not edit by hand.\n"]
    for table in TABLES:
        parts.append(f"## {table.title} ({table.name})\n\n```mermaid\n{table.mermaid()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    import sys

    sys.stdout.write(document())
