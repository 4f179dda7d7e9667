"""What the search of the staff console finds: a case by its number, or by a person of its household."""

from __future__ import annotations

import re
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_people.text import clean_code
from chassis.errors import invalid
from chassis.identity import Caller
from chassis.wire import wrong

from casework import reach, store, views
from casework.parts import Parts

# Of one name there may be many households; who meets more than these asks by the identity number.
MOST: Final = 20
MAX_CHARS: Final = 60
_NO: Final = re.compile(r"([A-Z]{2})([0-9]{4})([0-9]{6})")


class Finding:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def find(self, caller: Caller, words: str) -> pb.FindApplicationsResponse:
        """Whole numbers and names only, no parts of them; who may not read dossiers finds by the number of a case alone."""
        if not words.strip() or len(words) > MAX_CHARS:
            raise invalid(
                [
                    wrong(
                        "/words",
                        f"请输入编号、身份证号或姓名，不超过 {MAX_CHARS} 个字。",
                        f"Type a number or a name, at most {MAX_CHARS} characters.",
                    )
                ]
            )
        people = self._parts.vault.people
        code = clean_code(words)
        by_number = _NO.fullmatch(code)
        by_person = caller.has_role(*reach.REVIEWERS)
        async with self._parts.database.statements() as session:
            if by_number:
                found = await store.cases_in_reach(session, caller, MOST, no="-".join(by_number.groups()))
            elif by_person and any(char.isdigit() for char in code):
                found = await store.cases_in_reach(session, caller, MOST, person=people.of(code))
            elif by_person:
                found = await store.cases_in_reach(session, caller, MOST, name=people.of_name(words))
            else:
                found = []
        shown = [case.no for case in found]
        if by_number:
            await self._parts.reads.note(caller, "applications", shown)
        else:
            # Also that somebody was looked for whom nobody found, or whom he may not look for.
            await self._parts.reads.note(caller, "search", shown, searched=MOST)
        return pb.FindApplicationsResponse(applications=[views.summary(self._parts.vault, case, words=False) for case in found])
