"""Taking in what somebody has to say."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import anju_calendar as calendar
from anju.oversight.v1 import complaints_pb2 as pb
from anju_contracts import complaint as contract
from anju_contracts.base import Place
from anju_people.text import clean
from anju_terms import is_code
from casekit.engine import Engine
from casekit.facts import record
from chassis import once
from chassis.errors import IDEMPOTENCY_KEY_REUSED, FieldViolation, Refusal, invalid
from chassis.identity import Caller
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.complaints import facts, store, triage
from oversight.complaints.errors import ALREADY_SAID, REFERENCE_KNOWN, TOO_MANY_OPEN
from oversight.complaints.parts import Parts, now
from oversight.complaints.store import START_COMPLAINT
from oversight.tables import Complaint

MIN_TEXT_CHARS: Final = 5
MAX_TEXT_CHARS: Final = 2000
MAX_NAME_CHARS: Final = 50
MAX_CONTACT_CHARS: Final = 100
MAX_OPEN: Final = 20
_REFERENCE: Final = re.compile(r"[0-9A-Za-z-]{4,40}")
_BLANK_LINES: Final = re.compile(r"\n{3,}")


class Told(NamedTuple):
    """What was written, in the form it is kept in."""

    text: str
    about_name: str
    contact: str
    reporter: str
    channel: str
    reference_no: str
    district: str
    street: str


def tidy(text: str) -> str:
    """Several lines of free text: each as ``clean`` has it, no control characters, and no page of nothing."""
    lines = [clean("".join(each for each in line if each >= " " or each == "\t")) for line in text.replace("\r\n", "\n").split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


class Intake:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def file(self, caller: Caller, request: pb.FileComplaintRequest) -> pb.FileComplaintResponse:
        told = self._checked(caller, request)
        ring = self._parts.ring
        index = ring.blind_index(once.request_key(caller, request), "complaint.request")
        async with self._parts.database.transaction() as session:
            await store.hold(session, index)
            found = await store.by_request(session, index)
            if found is None:
                found = await self._enter(session, caller, request, told, index)
            elif found.fingerprint != self._fingerprint(request):
                raise Refusal(IDEMPOTENCY_KEY_REUSED)
        return pb.FileComplaintResponse(
            no=found.no,
            code=self._parts.code(index) if found.channel == "anonymous" else "",
            accept_by=stamp(self._accept_by(found.received_at)),
        )

    def _fingerprint(self, request: pb.FileComplaintRequest) -> str:
        """Keyed: who holds the table cannot try texts against it."""
        return self._parts.ring.blind_index(once.fingerprint(request), "complaint.fingerprint")

    def _accept_by(self, received_at: datetime) -> datetime:
        return calendar.working_days_after(received_at, self._parts.clocks(calendar.local_date(received_at)).accept_wd)

    def _checked(self, caller: Caller, request: pb.FileComplaintRequest) -> Told:
        """Every field that is wrong, at once. Raises Refusal(INVALID_FIELDS)."""
        found: list[FieldViolation] = []

        def fault(field: str, zh: str, en: str, code: str = "INVALID") -> None:
            found.append(FieldViolation(f"/{field}", code, zh, en))

        def short(field: str, most: int) -> str:
            said = clean("".join(each for each in getattr(request, field) if each >= " "))
            if len(said) > most:
                fault(field, f"不能超过 {most} 个字。", f"At most {most} characters.", "TOO_LONG")
            return said

        if not is_code("complaint_kinds", request.kind):
            fault("kind", "请选择是投诉、建议、举报还是咨询。", "Choose what it is.", "CHOOSE_ONE")
        text = tidy(request.text)
        if len(text) < MIN_TEXT_CHARS:
            fault(
                "text",
                f"请写明是什么事，至少 {MIN_TEXT_CHARS} 个字。",
                f"Say what it is about, in {MIN_TEXT_CHARS} characters at least.",
                "REQUIRED",
            )
        if len(text) > MAX_TEXT_CHARS:
            zh = f"现在有 {len(text)} 个字，最多 {MAX_TEXT_CHARS} 个字，请写得短一些。"
            fault("text", zh, f"You have written {len(text)} characters; {MAX_TEXT_CHARS} are the most.", "TOO_LONG")
        division = self._parts.profile.divisions.get(request.division)
        if division is None or division.level not in ("district", "street"):
            fault("division", "请选择事情发生在哪个区县或街道。", "Choose the district or street it is about.", "CHOOSE_ONE")
        channel = self._channel(caller, request, fault)
        told = Told(
            text=text,
            about_name=short("about_name", MAX_NAME_CHARS),
            contact=short("contact", MAX_CONTACT_CHARS),
            reporter=short("reporter", MAX_NAME_CHARS),
            channel=channel,
            reference_no=request.reference_no.strip(),
            district=request.division if division is None or division.level == "district" else division.parent,
            street=request.division if division is not None and division.level == "street" else "",
        )
        if told.about_name and not request.about_staff:
            fault("about_name", "写了工作人员姓名的，请同时勾选“反映工作人员”。", "Whose name you give, say that it is about staff.")
        if caller.kind == "citizen" and told.reporter:
            fault("reporter", "本人提交的不用填写姓名。", "Leave it empty when you write yourself.")
        if found:
            raise invalid(found)
        return told

    def _channel(self, caller: Caller, request: pb.FileComplaintRequest, fault: Any) -> str:
        if caller.kind == "citizen":
            if request.channel or request.reference_no:
                fault("channel", "只有窗口人员可以填写来源。", "Only clerks say by which way it came.")
            return "anonymous" if request.anonymous or caller.sub == EVERYBODY else "online"
        if request.channel not in ("counter", "hotline"):
            fault("channel", "请选择是窗口还是 12345 热线。", "Choose the counter or the hotline.", "CHOOSE_ONE")
        if request.anonymous:
            fault("anonymous", "窗口登记的，不留姓名即可。", "At the counter, leave the name empty.")
        is_hotline = request.channel == "hotline"
        if is_hotline != bool(request.reference_no.strip()) or (is_hotline and not _REFERENCE.fullmatch(request.reference_no.strip())):
            zh = "12345 转来的，请填写工单号（4 至 40 位字母、数字或短横线）；窗口来访不用填。"
            fault("reference_no", zh, "Give the number 12345 has given it (4 to 40 letters, digits or dashes); none at the counter.")
        return request.channel

    async def _enter(self, session: AsyncSession, caller: Caller, request: pb.FileComplaintRequest, told: Told, index: str) -> Complaint:
        parts, instant = self._parts, now()
        day = calendar.local_date(instant)
        online, rules = told.channel == "online", parts.rules(day)
        text_index = parts.ring.blind_index(told.text, "complaint.text")
        if online:
            await store.hold(session, f"owner/{caller.sub}")
            if before := await store.said_already(session, caller.sub, text_index):
                raise Refusal(ALREADY_SAID, metadata={"no": before})
            if await store.open_of(session, caller.sub) >= MAX_OPEN:
                raise Refusal(TOO_MANY_OPEN)
        if told.reference_no:
            await store.hold(session, f"reference/{told.reference_no}")
            if await store.by_reference(session, told.reference_no):
                raise Refusal(REFERENCE_KNOWN)
        since = instant - timedelta(days=parts.profile.complaints.cluster_days.on(day))
        similar = await store.similar(session, request.kind, told.district, told.street, since)
        number = await store.next_number(session)
        no = f"{parts.prefix}-{day.year}-{number:06d}"
        code = parts.code(index) if told.channel == "anonymous" else ""
        found = Complaint(
            no=no,
            seq=number,
            kind=request.kind,
            channel=told.channel,
            reference_no=told.reference_no,
            district=told.district,
            street=told.street,
            level=triage.desk(rules, request.kind, about_staff=request.about_staff),
            about_staff=request.about_staff,
            flags=triage.flags(rules, told.text, alone=request.alone, similar=similar),
            stage=contract.MOVES.start,
            waiting_on="system",
            deadline_at=self._accept_by(instant),
            received_at=instant,
            updated_at=instant,
            owner=caller.sub if online else "",
            owner_person=caller.person if online else "",
            taken_by=caller.sub if caller.kind == "staff" else "",
            code_index=parts.code_index(no, code) if code else "",
            request_index=index,
            fingerprint=self._fingerprint(request),
            text_index=text_index,
            text_sealed=parts.seal(told.text, "text_sealed", no),
            contact_sealed=parts.seal(told.contact, "contact_sealed", no),
            reporter_sealed=parts.seal(told.reporter, "reporter_sealed", no),
            about_name_sealed=parts.seal(told.about_name, "about_name_sealed", no),
            about_name_index=parts.name_index(told.about_name),
        )
        session.add(found)
        await session.flush()
        await record(session, facts.received(found))
        parts.outbox.add(session, START_COMPLAINT, workflow_input(found, parts).model_dump(mode="json"))
        return found


# As whom the edge speaks for who has not signed on.
EVERYBODY: Final = "everybody"


def workflow_input(found: Complaint, parts: Parts) -> contract.ComplaintInput:
    """The clocks are those of the day on which it came."""
    return contract.ComplaintInput(
        no=found.no,
        submission=found.request_index[:16],
        kind=found.kind,
        place=Place(district=found.district, street=found.street),
        level=found.level,
        urgent=bool(found.flags),
        confined=found.about_staff,
        clocks=parts.clocks(calendar.local_date(found.received_at)),
    )


def summary(no: str) -> str:
    """What operators read beside the workflow."""
    return f"{contract.MOVES.title} {no}"


def memo(found: contract.ComplaintInput) -> dict[str, str]:
    """Which it is: a number given anew by a restored database does not get another's workflow."""
    return {"submission": found.submission}


def starting(engine: Engine) -> Any:
    """The outbox's handler of ``START_COMPLAINT`` entries; one that was started before counts as done."""

    async def start(payload: dict[str, Any]) -> None:
        given = contract.ComplaintInput.model_validate(payload)
        await engine.start(contract.NAME, contract.workflow_id(given.no), given, summary=summary(given.no), memo=memo(given))

    return start
