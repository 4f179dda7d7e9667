"""What complaints work with; made once by the composition root."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, date, datetime

import anju_calendar as calendar
from anju_contracts.complaint import Clocks
from anju_people.text import clean_name
from anju_profile import Profile
from casekit.reads import Reads
from casekit.tell import Tellings
from casekit.words import Words
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.outbox import Outbox

from oversight.complaints.triage import Rules

_CODE_BYTES = 10


@dataclass(frozen=True)
class Parts:
    database: Database
    outbox: Outbox
    words: Words
    reads: Reads
    tellings: Tellings
    ring: KeyRing
    profile: Profile
    prefix: str

    def clocks(self, day: date) -> Clocks:
        return Clocks.model_validate(self.profile.complaints.clocks.on(day))

    def rules(self, day: date) -> Rules:
        told = self.profile.complaints
        return Rules(
            desks={desk.kind: desk.level for desk in told.desks.on(day)},
            risk_words=told.risk_words.on(day),
            alone_words=told.alone_words.on(day),
            cluster_count=told.cluster_count.on(day),
        )

    def seal(self, text: str, column: str, row: str) -> bytes:
        """Empty text stays empty: whether there is one is no secret."""
        return self.ring.encrypt(text.encode(), f"complaint|{column}|{row}") if text else b""

    def open(self, sealed: bytes, column: str, row: str) -> str:
        return self.ring.decrypt(sealed, f"complaint|{column}|{row}").decode() if sealed else ""

    def name_index(self, name: str) -> str:
        """Of a name as people write it; empty for none."""
        said = clean_name(name).replace(" ", "").casefold()
        return self.ring.blind_index(said, "complaint.name") if said else ""

    def code(self, request_index: str) -> str:
        """The way back of who did not sign on: 80 bits that follow from his request and our key, so that a repeat shows the same, and kept nowhere."""
        raw = bytes.fromhex(self.ring.blind_index(request_index, "complaint.code"))[:_CODE_BYTES]
        text = base64.b32encode(raw).decode()
        return "-".join(text[at : at + 4] for at in range(0, len(text), 4))

    def code_index(self, no: str, code: str) -> str:
        """As people type it: in small letters, without the dashes, with blanks, a nought for an O."""
        typed = "".join(each for each in code.upper() if each.isalnum()).replace("0", "O").replace("1", "I")
        return self.ring.blind_index(f"{no}\x1f{typed}", "complaint.code index")


def now() -> datetime:
    """The instant at which a person speaks. Workflow steps bring their own."""
    return datetime.now(UTC)


def today() -> date:
    return calendar.local_date(now())
