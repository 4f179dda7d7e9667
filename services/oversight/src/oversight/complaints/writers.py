"""Who wrote a complaint, as he comes back to it: by his account, or by the code that was told once."""

from __future__ import annotations

import hmac

from chassis.errors import Refusal
from chassis.identity import Caller

from oversight.complaints import reach, store
from oversight.complaints.errors import FOLLOW_UP_LATER, FOLLOW_UP_UNKNOWN
from oversight.complaints.intake import EVERYBODY
from oversight.complaints.parts import Parts, now
from oversight.complaints.reach import Reader


class Writers:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def of(self, caller: Caller, no: str, code: str) -> Caller:
        """Who wrote it, by his account or by the code. Raises Refusal."""
        if code or caller.sub == EVERYBODY:
            return await self.by_code(no, code)
        async with self._parts.database.statements() as session:
            reach.view_of(Reader(caller, ""), await store.complaint(session, no))
        return caller

    async def by_code(self, no: str, code: str) -> Caller:
        """Somebody who has the code, and is nobody else. A wrong code and a number there is not are answered alike, and cost alike; after some
        of them nobody gets in for a while. Raises Refusal(FOLLOW_UP_UNKNOWN, FOLLOW_UP_LATER)."""
        number_index = self._parts.ring.blind_index(no, "complaint.follow")
        instant = now()
        async with self._parts.database.transaction() as session:
            await store.hold(session, f"follow/{number_index}")
            found = await store.complaint(session, no)
            expected = found.code_index if found is not None else ""
            good = hmac.compare_digest(expected, self._parts.code_index(no, code)) and expected != ""
            too_many = await store.tries(session, number_index, instant) >= store.MAX_TRIES
            if not good and not too_many:
                await store.tried_in_vain(session, number_index, instant)
        if too_many:
            raise Refusal(FOLLOW_UP_LATER)
        if not good:
            raise Refusal(FOLLOW_UP_UNKNOWN)
        return Caller(sub=f"code:{no}", kind="citizen")
