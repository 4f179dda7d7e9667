"""Every adult speaks for himself: households that name the caller, his confirmation, and what a clerk records of one who is at the counter."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application as contract
from anju_people import text
from casekit.words import EarlierFirstError, Heard
from chassis.errors import NOT_FOUND, OUT_OF_DIVISION, Refusal
from chassis.identity import Caller
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from casework import reach, store, views
from casework.domain.dossier import CONSENT_TEXT, MAX_TEXT_CHARS, Dossier
from casework.domain.progress import CONFIRMING_STAGES
from casework.errors import ALREADY_ENDED, CONFIRMED_ELSEWHERE, NO_CONSENT_GIVEN, NOT_AWAITED, NOT_VERIFIED, invalid_field
from casework.parts import Parts, now
from casework.reading import Reading
from casework.store import Declared
from casework.tables import Application, Consent

# Longer than a word is on its way to its step; one that was dropped never gets there.
ON_ITS_WAY: Final = timedelta(minutes=1)
# How a clerk may have been told; what a person says himself, or an applicant for a minor, no clerk records.
COUNTER_CHANNELS: Final = ("counter", "authorisation", "guardian")


class Confirmations:
    def __init__(self, parts: Parts, reading: Reading) -> None:
        self._parts = parts
        self._reading = reading

    # -- by himself ----------------------------------------------------------------------------------------------------------------------------

    async def claims(self, caller: Caller) -> pb.ListClaimsResponse:
        """Households in which somebody else has named the caller. Raises Refusal(NOT_VERIFIED): without a number nobody knows whom they name."""
        _require_verified(caller)
        async with self._parts.database.statements() as session:
            found = await store.naming(session, caller.person)
        claims = [self._claim(each, caller.person) for each in found if each.case.owner not in caller.accounts]
        return pb.ListClaimsResponse(claims=[claim for claim in claims if claim is not None])

    def _claim(self, found: Declared, person: str) -> pb.Claim | None:
        """Only what he needs to know to answer: who names him as what, and what would be asked. None for a case that does not wait for him, and of
        which he has said nothing."""
        case = found.case
        said = next((each for each in reversed(found.consents) if views.counts(each, case)), None)
        if found.dossier is None or (said is None and case.stage not in CONFIRMING_STAGES):
            return None
        dossier = self._parts.vault.open_dossier(found.dossier.sealed, case.no, case.round)
        claim = pb.Claim(
            application_no=case.no,
            applicant=case.masked_name,
            relation=dossier.members[self._place_of(dossier, person)].relation,
            registers=case.registers,
            text_version=CONSENT_TEXT,
            submitted_at=stamp(case.submitted_at),
            state=views.state_of(said),
        )
        if said is not None:
            claim.given_at.FromDatetime(said.given_at)
            if said.withdrawn_at is not None:
                claim.withdrawn_at.FromDatetime(said.withdrawn_at)
        elif case.deadline_at is not None:
            claim.deadline_at.FromDatetime(case.deadline_at)
        return claim

    def _place_of(self, dossier: Dossier, person: str) -> int:
        """Raises Refusal(NOT_FOUND) when the dossier does not name the person."""
        for place, member in enumerate(dossier.members):
            if self._parts.vault.people.of(member.id_number) == person:
                return place
        raise Refusal(NOT_FOUND)

    async def confirm(self, caller: Caller, request: pb.ConfirmRequest) -> pb.Claim:
        _require_verified(caller)
        if request.agrees and request.text_version != CONSENT_TEXT:
            raise invalid_field(
                "/text_version",
                "CONSENT_TEXT_OUTDATED",
                "授权书已更新，请刷新页面，阅读新版授权书后重新确认。",
                "The consent text has changed. Reload the page, read the current text and agree again.",
            )

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case, dossier = await self._open(session, request.application_no)
            place = self._place_of(dossier, caller.person)
            return await self._said(session, caller, word_id, case, dossier, place, agrees=request.agrees, channel="self", document="")

        await self._parts.words.say(caller, request, contract.CONFIRM, prepare)
        return await self._claim_on(caller, request.application_no)

    async def withdraw(self, caller: Caller, request: pb.WithdrawConsentRequest) -> pb.Claim:
        """Takes back what the caller has agreed to. From here on nothing is asked about him, whatever becomes of the case."""
        _require_verified(caller)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case, dossier = await self._open(session, request.application_no)
            return await self._taken_back(session, caller, word_id, case, dossier, self._place_of(dossier, caller.person))

        await self._parts.words.say(caller, request, contract.WITHDRAW_CONSENT, prepare)
        return await self._claim_on(caller, request.application_no)

    async def _claim_on(self, caller: Caller, no: str) -> pb.Claim:
        async with self._parts.database.statements() as session:
            for found in await store.naming(session, caller.person):
                claim = self._claim(found, caller.person) if found.case.no == no else None
                if claim is not None:
                    return claim
        raise Refusal(NOT_FOUND)

    # -- at a counter --------------------------------------------------------------------------------------------------------------------------

    async def record(self, caller: Caller, request: pb.RecordConfirmationRequest) -> pb.Application:
        """For one who uses no phone: he is there with his card, has signed an authorisation, or his guardian is there. The clerk answers for what he
        has seen, and never in a matter of his own household."""
        if request.channel not in COUNTER_CHANNELS:
            raise invalid_field(
                "/channel", "CHOOSE_ONE", "请选择确认方式：本人到场、书面授权或监护人。", "Choose counter, authorisation or guardian."
            )
        document = _papers_seen(request.document)
        act = self._reading.act(caller, request.application_no)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case, dossier = await self._open(session, request.application_no, deciding=caller.person)
            await _at_this_counter(session, caller, case)
            if not 0 < request.member < len(dossier.members):
                raise Refusal(NOT_AWAITED)
            heard = await self._said(
                session, caller, word_id, case, dossier, request.member, agrees=True, channel=request.channel, document=document
            )
            await act.noted(session)
            return heard

        await self._parts.words.say(caller, request, contract.CONFIRM, prepare)
        return await act.answer()

    async def record_withdrawal(self, caller: Caller, request: pb.RecordConsentWithdrawalRequest) -> pb.Application:
        """For one who uses no phone and has come to take back what he has agreed to (Personal Information Protection Law, article 15). It ends at once."""
        document = _papers_seen(request.document)
        act = self._reading.act(caller, request.application_no)

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case, dossier = await self._open(session, request.application_no, deciding=caller.person)
            await _at_this_counter(session, caller, case)
            if not 0 < request.member < len(dossier.members):
                raise Refusal(NO_CONSENT_GIVEN)
            heard = await self._taken_back(session, caller, word_id, case, dossier, request.member, document)
            await act.noted(session)
            return heard

        await self._parts.words.say(caller, request, contract.WITHDRAW_CONSENT, prepare)
        return await act.answer()

    # -- both ----------------------------------------------------------------------------------------------------------------------------------

    async def _first(self, session: AsyncSession, case: Application, update_name: str) -> None:
        """Who is awaited changes with every word: a confirmation and a consent taken back are recorded one after the other. Raises EarlierFirstError."""
        other = await store.on_its_way(session, contract.workflow_id(case.no), update_name, now() - ON_ITS_WAY)
        if other is not None:
            raise EarlierFirstError(other)

    async def _taken_back(
        self, session: AsyncSession, caller: Caller, word_id: str, case: Application, dossier: Dossier, place: int, document: str = ""
    ) -> Heard:
        """Ends what the member at this place has agreed to. Raises Refusal: ALREADY_ENDED, or NO_CONSENT_GIVEN, also for the applicant."""
        if case.stage in contract.ENDS:
            raise Refusal(ALREADY_ENDED)
        unanswered = await store.dossier(session, case.no, case.round + 1)
        if unanswered is not None:
            raise EarlierFirstError(unanswered.request_id)
        await self._first(session, case, contract.CONFIRM)
        blind = self._parts.vault.people.of(dossier.members[place].id_number)
        consent = await store.withdraw_consent(session, case.no, blind, now()) if place else None
        if consent is None:
            raise Refusal(NO_CONSENT_GIVEN)
        consent.withdrawal_sealed = self._parts.vault.seal_text(document, "consent", "withdrawal_sealed", consent.id)
        if case.stage in (*CONFIRMING_STAGES, "verifying", "correction"):
            # Everybody is asked anew before it goes on; later, what was found about him goes on counting, and he stands in this household.
            await store.release_silent(session, case.no)
        said = contract.ConsentWithdrawn(round=case.round, member=place, actor=caller.sub, request_id=word_id)
        return Heard(contract.workflow_id(case.no), said, "street" if caller.kind == "staff" else "")

    async def _open(self, session: AsyncSession, no: str, *, deciding: str = "") -> tuple[Application, Dossier]:
        case = await store.lock_case(session, no, deciding=deciding)
        row = await store.dossier(session, no, case.round) if case is not None else None
        if case is None or row is None:
            raise Refusal(NOT_FOUND)
        return case, self._parts.vault.open_dossier(row.sealed, no, row.round)

    async def _said(
        self,
        session: AsyncSession,
        caller: Caller,
        word_id: str,
        case: Application,
        dossier: Dossier,
        place: int,
        *,
        agrees: bool,
        channel: str,
        document: str,
    ) -> Heard:
        """Keeps what was said. Raises Refusal: NOT_AWAITED, or CONFIRMED_ELSEWHERE."""
        await self._first(session, case, contract.WITHDRAW_CONSENT)
        blind = self._parts.vault.people.of(dossier.members[place].id_number)
        if case.stage not in CONFIRMING_STAGES or blind not in await store.unconfirmed(session, case.no, [blind]):
            raise Refusal(NOT_AWAITED)
        if agrees and not await store.confirm_resident(session, case.no, blind):
            raise Refusal(CONFIRMED_ELSEWHERE)
        if not agrees:
            # He may have been confirmed in an earlier round, and have taken it back since.
            await store.release_resident(session, case.no, blind)
        session.add(
            Consent(
                id=word_id,
                application_no=case.no,
                blind=blind,
                round=case.round,
                agrees=agrees,
                channel=channel,
                text_version=CONSENT_TEXT,
                registers=list(case.registers) if agrees else [],
                given_at=now(),
                given_by=caller.sub,
                document_sealed=self._parts.vault.seal_text(document, "consent", "document_sealed", word_id),
            )
        )
        await session.flush()
        said = contract.Confirmation(round=case.round, member=place, agrees=agrees, actor=caller.sub, request_id=word_id)
        return Heard(contract.workflow_id(case.no), said, "street" if caller.kind == "staff" else "")


async def _at_this_counter(session: AsyncSession, caller: Caller, case: Application) -> None:
    """That a clerk may record there what somebody of the household has said. Raises Refusal: OUT_OF_DIVISION, or as for who decides."""
    if not caller.covers(case.street):
        raise Refusal(OUT_OF_DIVISION)
    recusal, declared = await store.conflict(session, case.no, caller)
    reach.require_unrelated(caller, recusal)
    reach.require_declared(declared)


def _papers_seen(said: str) -> str:
    """Raises Refusal for none, and for more than a line."""
    document = text.clean(said)
    if not document:
        raise invalid_field("/document", "REQUIRED", "请写明核对了哪些证件或证明。", "Say which papers you have seen.")
    if len(document) > MAX_TEXT_CHARS or text.has_control(document):
        raise invalid_field("/document", "TOO_LONG", f"最多填写{MAX_TEXT_CHARS}个字。", f"At most {MAX_TEXT_CHARS} characters.")
    return document


def _require_verified(caller: Caller) -> None:
    if not caller.person:
        raise Refusal(NOT_VERIFIED)
