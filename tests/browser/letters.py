"""What somebody has to say, said and dealt with by the public API: what a browser's tests begin with."""

from __future__ import annotations

from typing import Any

from anju_stories.household import Household
from anju_stories.people import eventually

from tests.support.boxes import RunningBox

DISTRICT = "410205"
# Words of a stranger are data: of a page, of a spreadsheet, of the direction of writing, and longer than any line.
HOSTILE = (
    '<script>document.body.remove()</script><img src=x onerror="document.body.remove()"> =HYPERLINK("http://x","点我") '
    f"\u202eدفع الإيجار\u202c {'很长' * 60}{'W' * 200}"
)


async def said(family: Household, text: str, kind: str = "complaint", **more: Any) -> str:
    """The number it has got."""
    body = {"kind": kind, "text": text, "division": DISTRICT, **more}
    return str((await family.applicant.post("/complaints", body))["no"])


async def handled(box: RunningBox, no: str, action: str, text: str = "", seat: int = 1, role: str = "district_reviewer") -> None:
    """By the desk, once the workflow has brought it there."""
    official = box.town.official(role, DISTRICT if role == "district_reviewer" else "", seat)
    await eventually(lambda: official.get(f"/complaints/{no}"), lambda seen: action in seen["actions"], what=f"{action} of {no}")
    await official.post(f"/complaints/{no}/handling", {"action": action, "text": text})
