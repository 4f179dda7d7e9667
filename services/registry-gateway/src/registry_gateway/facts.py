"""What the registry gateway tells later reports of: each row of its access log, without whom it is about (``casekit.facts``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casekit.facts import Fact

UNAVAILABLE = "unavailable"


def logged(entry: Mapping[str, Any]) -> Fact:
    """Where the household lives the facts of its application say."""
    match entry["kind"]:
        case "question":
            id_, code = f"question/{entry['request_id']}", "register_asked"
        case "answer":
            id_, code = f"answer/{entry['attempt_id']}", "register_failed" if entry["outcome"] == UNAVAILABLE else "register_answered"
        case _:
            id_, code = f"refusal/{entry['attempt_id']}", "register_not_asked"
    outcome = {"lookup_outcomes": entry["outcome"]} if entry["outcome"] else {}
    return Fact(
        id=id_,
        code=code,
        subject=entry["attempt_id"],
        at=entry["as_of"],
        application_no=entry["application_no"],
        codes={"registers": entry["register_name"], **outcome},
        figures={"round": entry["round"]},
    )
