"""The counter acts for a household (线下办理, ADR 19): the authorisation it has signed, and the visit in which a clerk types in its name.

Nothing is done for a household here: what a visit allows are the household's own calls, which the web edge makes in its name. So what is valid, and what
becomes of it, is the same wherever it is typed.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_people import documents, text
from anju_terms import is_code
from chassis import once
from chassis.errors import NOT_FOUND, Refusal
from chassis.identity import Caller, counter_account
from chassis.ids import mask_name, stable_id
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from casework import convert, paper, reach, store
from casework.domain.dossier import MAX_NAME_CHARS, MAX_TEXT_CHARS, applicant_first, check, prepare
from casework.errors import ASSISTANCE_OVER, AUTHORISATION_REVOKED, NO_AUTHORISATION, NOT_THEIR_COUNTER, invalid_dossier, invalid_field
from casework.parts import Parts, now, today
from casework.tables import Application, Assistance, AssistanceEnd, Authorisation, AuthorisationEnd, AuthorisationPhoto, Once

# Of the text a household signs (``form.typ``).
AUTHORISATION_TEXT: Final = "counter-2026.2"
# A visit is one household's at one counter; who needs longer opens another.
VISIT: Final = timedelta(hours=1)
MAX_PHOTO_BYTES: Final = 900 << 10
_JPEG: Final = b"\xff\xd8\xff"
_CLERK: Final = "street_clerk"
_VISIT_CODE: Final = re.compile(r"[A-Z2-7]{16}")


class Assistances:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # -- the paper -----------------------------------------------------------------------------------------------------------------------------

    async def record(self, caller: Caller, request: pb.RecordAuthorisationRequest) -> pb.Authorisation:
        """Keeps that somebody lets the counter act for him, with the photograph of the paper that says so."""
        fault = documents.fault(request.id_number, today=today(), production=self._parts.production)
        if fault:
            raise invalid_field(
                "/id_number", fault, "证件号码不正确，请按证件核对。", "The number of the document is not right; check it against the card."
            )
        name = _line(request.name, "/name", MAX_NAME_CHARS, "请填写申请人姓名。", "Enter the applicant's name.")
        document = _line(request.document, "/document", MAX_TEXT_CHARS, "请写明核对了哪些证件。", "Say which papers you have seen.")
        if not request.photo.startswith(_JPEG) or len(request.photo) > MAX_PHOTO_BYTES:
            raise invalid_field("/photo", "PHOTO", "请附上签字授权书的照片。", "Attach the photograph of the signed authorisation.")
        person = self._parts.vault.people.of(request.id_number)
        key = once.request_key(caller, request)
        kept = Authorisation(
            id=stable_id("au-", key),
            person=person,
            masked_name=mask_name(text.clean_name(name)),
            document_sealed=b"",
            photo_sha256=hashlib.sha256(request.photo).hexdigest(),
            text_version=AUTHORISATION_TEXT,
            sub=caller.sub,
            clerk_person=caller.person,
            acting_for=caller.acting_for,
            divisions=list(caller.divisions),
            recorded_at=now(),
        )
        kept.document_sealed = self._parts.vault.seal_text(document, "authorisation", "document_sealed", kept.id)
        answer = pb.Authorisation(id=kept.id, masked_name=kept.masked_name, recorded_at=stamp(kept.recorded_at), divisions=kept.divisions)
        async with self._parts.database.transaction() as session:
            if await once.find(session, key, request, answer) is not None:
                return answer
            await _may_act_for(session, caller, person, await store.cases_of(session, person))
            session.add(kept)
            await session.flush()
            sealed = self._parts.vault.seal_file(request.photo, "authorisation_photo", kept.id)
            session.add(AuthorisationPhoto(authorisation_id=kept.id, photo_sealed=sealed))
            once.remember(session, Once, key, request, answer)
        return answer

    async def photo(self, caller: Caller, no: str) -> bytes:
        """Of the authorisation of a case; a look that is on record before it is given. Raises Refusal(NOT_FOUND)."""
        async with self._parts.database.transaction() as session:
            case = await store.case(session, no)
            view = reach.as_far_as(reach.view_of(caller, case), await store.recusal(session, no, caller))
            kept = await store.photo_of(session, no) if view.dossier else None
            if kept is None:
                raise Refusal(NOT_FOUND)
            await self._parts.reads.note(caller, "authorisation", [no], session)
            return self._parts.vault.open_file(kept.photo_sealed, "authorisation_photo", kept.authorisation_id)

    async def form(self, caller: Caller, request: pb.PrintFormRequest) -> bytes:
        """What was typed, as the paper that is read over and signed, nothing of it kept; the authorisation alone when nothing was. Raises Refusal for
        whatever is wrong with it."""
        registers = self._parts.case_terms(today()).registers
        if not request.HasField("dossier"):
            return await asyncio.to_thread(paper.authorisation, registers, now())
        dossier = prepare(convert.dossier_from(request.dossier))
        wrong = check(dossier, self._parts.rules(today(), today(), counter=True))
        if wrong:
            raise invalid_dossier(wrong)
        if not caller.covers(dossier.street):
            raise Refusal(NOT_THEIR_COUNTER)
        return await asyncio.to_thread(paper.form, applicant_first(dossier), registers, self._parts.profile, now())

    async def receipt(self, caller: Caller, request: pb.GetReceiptRequest) -> bytes:
        """Of an application, for its household and for who may read it; a look of staff is on record before it is given."""
        no, rated_by = request.application_no, request.visit_code
        if rated_by and not _VISIT_CODE.fullmatch(rated_by):
            raise invalid_field("/visit_code", "INVALID", "评价码不正确。", "That is no code of a visit.")
        async with self._parts.database.transaction() as session:
            case = await store.case(session, no)
            reach.view_of(caller, case)
            if case is None:
                raise Refusal(NOT_FOUND)
            await self._parts.reads.note(caller, "progress", [no], session)
            first = await store.dossier(session, no, 1)
        assisted = first is not None and first.assistance_id is not None
        url = f"{self._parts.public_url}/cases/{no}"
        rating = f"{self._parts.public_url}/receipts/{rated_by}" if rated_by else ""
        return await asyncio.to_thread(partial(paper.receipt, case, self._parts.profile, now(), url, rating, assisted=assisted))

    # -- the visit -----------------------------------------------------------------------------------------------------------------------------

    async def open(self, caller: Caller, request: pb.OpenAssistanceRequest) -> pb.Assistance:
        """Begins a visit. What it may show of the household is a look, on record with the visit or there is none."""
        if not is_code("counter_purposes", request.purpose):
            raise invalid_field("/purpose", "CHOOSE_ONE", "请选择办理的事项。", "Choose what the household has come for.")
        official = text.clean(request.official)[:MAX_NAME_CHARS]
        key = once.request_key(caller, request)
        answer = pb.Assistance()
        async with self._parts.database.transaction() as session:
            if await once.find(session, key, request, answer) is not None:
                return answer
            signed = await _on_which_paper(session, caller, request)
            cases = await store.cases_of(session, signed.person)
            await _may_act_for(session, caller, signed.person, cases)
            opened_at = now()
            visit = Assistance(
                id=stable_id("as-", key),
                authorisation_id=signed.id,
                purpose=request.purpose,
                owner=cases[0].owner if cases else counter_account(signed.person),
                sub=caller.sub,
                clerk_person=caller.person,
                acting_for=caller.acting_for,
                divisions=list(caller.divisions),
                official_sealed=b"",
                opened_at=opened_at,
                ends_at=opened_at + VISIT,
            )
            visit.official_sealed = self._parts.vault.seal_text(official, "assistance", "official_sealed", visit.id)
            session.add(visit)
            numbers = [case.no for case in cases]
            await self._parts.reads.note(caller, "visit", numbers, session)
            answer.CopyFrom(_message(visit, signed, numbers))
            once.remember(session, Once, key, request, answer)
        return answer

    async def current(self, caller: Caller, id: str) -> pb.GetAssistanceResponse:
        """The clerk's own visit. Raises Refusal: NOT_FOUND for another's, ASSISTANCE_OVER."""
        async with self._parts.database.statements() as session:
            visit = await store.visit(session, id)
            if visit is None or (visit.assistance.sub, visit.assistance.clerk_person) != (caller.sub, caller.person):
                raise Refusal(NOT_FOUND)
            _require_open(visit)
            numbers = [case.no for case in await store.cases_of(session, visit.authorisation.person)]
        return pb.GetAssistanceResponse(
            assistance=_message(visit.assistance, visit.authorisation, numbers),
            owner=visit.assistance.owner,
            person=visit.authorisation.person,
        )

    # -- taking it back ------------------------------------------------------------------------------------------------------------------------

    async def signed(self, caller: Caller) -> pb.ListAuthorisationsResponse:
        """What the caller has signed at counters."""
        async with self._parts.database.statements() as session:
            found = await store.authorisations(session, caller.person) if caller.person else []
        return pb.ListAuthorisationsResponse(authorisations=[_paper(each) for each in found])

    async def revoke(self, caller: Caller, id: str) -> pb.Authorisation:
        """From here on no counter acts for the caller on this paper; visits on it are over. What was done stays. Raises Refusal(NOT_FOUND)."""
        async with self._parts.database.transaction() as session:
            found = await store.authorisation(session, id)
            if found is None or not caller.person or found.authorisation.person != caller.person:
                raise Refusal(NOT_FOUND)
            ended = AuthorisationEnd(
                authorisation_id=id, sub=caller.sub, assisted_by=caller.assisted_by, assistance=caller.assistance, at=now()
            )
            await store.end_authorisation(session, ended)
            found = await store.authorisation(session, id)
        assert found is not None  # it is never taken out
        return _paper(found)

    async def close(self, caller: Caller, id: str) -> None:
        async with self._parts.database.transaction() as session:
            visit = await store.visit(session, id)
            if visit is not None and visit.assistance.sub == caller.sub:
                await store.end_visit(session, AssistanceEnd(assistance_id=id, at=now()))


async def typing_in(session: AsyncSession, caller: Caller, street: str) -> Assistance | None:
    """The visit in which a clerk types what the household hands in; None for who types himself. Raises Refusal: ASSISTANCE_OVER, or NOT_THEIR_COUNTER for
    a household of another street."""
    if not caller.assistance:
        return None
    visit = await store.visit(session, caller.assistance)
    if visit is None or (visit.assistance.sub, visit.authorisation.person) != (caller.assisted_by, caller.person):
        raise Refusal(ASSISTANCE_OVER)
    _require_open(visit)
    if not any(street.startswith(division) for division in visit.assistance.divisions):
        raise Refusal(NOT_THEIR_COUNTER)
    return visit.assistance


async def require_unrelated(session: AsyncSession, visit: Assistance, no: str) -> None:
    """That the clerk has nothing to do with the household, as its dossier names it. Raises Refusal as for who decides in a case."""
    clerk = Caller(visit.sub, "staff", (_CLERK,), tuple(visit.divisions), person=visit.clerk_person, acting_for=visit.acting_for)
    recusal, _ = await store.conflict(session, no, clerk)
    reach.require_unrelated(clerk, recusal)


async def _on_which_paper(session: AsyncSession, caller: Caller, request: pb.OpenAssistanceRequest) -> Authorisation:
    """The authorisation a visit is asked for on; by the number of a case, the newest its applicant has signed at this counter. Nothing is said of anybody
    who has signed none. Raises Refusal: NOT_FOUND, NO_AUTHORISATION, or AUTHORISATION_REVOKED."""
    if request.application_no:
        case = await store.case(session, request.application_no)
        if case is None or not caller.covers(case.street):
            raise Refusal(NOT_FOUND)
        known = await store.authorisations(session, await store.applicant_of(session, case.no))
    else:
        one = await store.authorisation(session, request.authorisation_id)
        known = [one] if one is not None else []
    here = [each for each in known if any(caller.covers(division) for division in each.authorisation.divisions)]
    if not here:
        raise Refusal(NO_AUTHORISATION if request.application_no else NOT_FOUND)
    in_force = [each.authorisation for each in here if each.revoked_at is None]
    if not in_force:
        raise Refusal(AUTHORISATION_REVOKED)
    return in_force[0]


async def _may_act_for(session: AsyncSession, caller: Caller, person: str, cases: Sequence[Application]) -> None:
    """Nobody acts for himself or his own, nor for a household of another street. Raises Refusal."""
    recusal, declared = await store.relation_to(session, caller, person)
    reach.require_unrelated(caller, recusal)
    reach.require_declared(declared)
    for case in cases:
        # An application that came to nothing binds nobody to the street it was made in.
        if case.outcome in ("", "registered") and not caller.covers(case.street):
            raise Refusal(NOT_THEIR_COUNTER)
        reach.require_unrelated(caller, await store.recusal(session, case.no, caller))


def _require_open(visit: store.Visit) -> None:
    if visit.revoked:
        raise Refusal(AUTHORISATION_REVOKED)
    if visit.ended or visit.assistance.ends_at <= now():
        raise Refusal(ASSISTANCE_OVER)


def _message(visit: Assistance, signed: Authorisation, numbers: Sequence[str]) -> pb.Assistance:
    return pb.Assistance(
        id=visit.id,
        masked_name=signed.masked_name,
        purpose=visit.purpose,
        opened_at=stamp(visit.opened_at),
        ends_at=stamp(visit.ends_at),
        authorisation_id=signed.id,
        application_nos=numbers,
    )


def _paper(signed: store.Signed) -> pb.Authorisation:
    paper = signed.authorisation
    answer = pb.Authorisation(id=paper.id, masked_name=paper.masked_name, recorded_at=stamp(paper.recorded_at), divisions=paper.divisions)
    if signed.revoked_at is not None:
        answer.revoked_at.FromDatetime(signed.revoked_at)
    return answer


def _line(value: str, pointer: str, most: int, zh: str, en: str) -> str:
    """One line a clerk has typed. Raises Refusal for a missing, oversized or unreadable one."""
    line = text.clean(value)
    if not line:
        raise invalid_field(pointer, "REQUIRED", zh, en)
    if len(line) > most:
        raise invalid_field(pointer, "TOO_LONG", f"最多填写{most}个字。", f"At most {most} characters.")
    if text.has_control(line):
        raise invalid_field(pointer, "CONTROL_CHARACTERS", "内容中有不能识别的字符，请重新输入。", "There are unreadable characters.")
    return line
