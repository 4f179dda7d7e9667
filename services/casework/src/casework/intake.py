"""Taking dossiers in: the first one, and corrections."""

from __future__ import annotations

from datetime import datetime

import anju_calendar as calendar
from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju_calendar import local_date
from anju_contracts import application as contract
from casekit.facts import record
from casekit.words import EarlierFirstError, Heard, word_name
from chassis import once
from chassis.errors import VERSION_MISMATCH, Refusal
from chassis.identity import Caller
from chassis.ids import mask_name
from chassis.wire import utc
from sqlalchemy.ext.asyncio import AsyncSession

from casework import again, convert, facts, reach, store
from casework.assistance import require_unrelated, typing_in
from casework.domain.dossier import Consent as DeclaredConsent
from casework.domain.dossier import Dossier, applicant_first, changed_place, check, check_consent, is_adult, prepare
from casework.drafts import owner_of
from casework.errors import HOUSEHOLD_HAS_APPLICATION, NO_CONSENT, NOT_RETURNED, NOT_VERIFIED, another_person, invalid_dossier
from casework.parts import Parts, now, today
from casework.process import START_APPLICATION
from casework.reading import Reading
from casework.tables import Application, Assistance, Authorisation, Consent, Once
from casework.tables import Dossier as DossierRow


class Intake:
    def __init__(self, parts: Parts, reading: Reading) -> None:
        self._parts = parts
        self._reading = reading

    # -- the first dossier -------------------------------------------------------------------------------------------------------------------

    async def submit(self, caller: Caller, request: pb.SubmitApplicationRequest) -> pb.Application:
        key = once.request_key(caller, request)
        content = pb.SubmitApplicationRequest()
        content.CopyFrom(request)
        # A phone that sends its form again stamps it anew; it is the same form.
        content.consent.ClearField("given_at")
        stored = pb.Application()
        async with self._parts.database.transaction() as session:
            if await once.find(session, key, content, stored) is None:
                dossier, consent = self._checked(caller, request)
                stored.no = await self._enter(session, caller, word_name(key), dossier, consent, _given_at(request.consent))
                once.remember(session, Once, key, content, stored)
                await store.delete_draft(session, owner_of(caller), "")
        return await self._reading.case(caller, stored.no)

    def _oneself(self, caller: Caller, dossier: Dossier) -> None:
        """Nobody applies in another's name: the applicant is the person the sign-on has verified. Raises Refusal."""
        if not caller.person:
            raise Refusal(NOT_VERIFIED)
        place, applicant = next((place, each) for place, each in enumerate(dossier.members) if each.relation == "applicant")
        if self._parts.vault.people.of(applicant.id_number) != caller.person:
            raise invalid_dossier([another_person(f"/members/{place}/id_number")])

    def _checked(self, caller: Caller, request: pb.SubmitApplicationRequest) -> tuple[Dossier, DeclaredConsent]:
        dossier = prepare(convert.dossier_from(request.dossier))
        consent = convert.consent_from(request.consent)
        wrong = [
            *check(dossier, self._parts.rules(today(), today(), counter=bool(caller.assistance))),
            *check_consent(consent, self._parts.case_terms(today()).registers),
        ]
        if wrong:
            raise invalid_dossier(wrong)
        self._oneself(caller, dossier)
        return applicant_first(dossier), consent

    async def _enter(
        self, session: AsyncSession, caller: Caller, submission: str, dossier: Dossier, consent: DeclaredConsent, given_at: datetime
    ) -> str:
        visit = await typing_in(session, caller, dossier.street)
        number, instant = await store.next_number(session), now()
        terms = self._parts.case_terms(calendar.local_date(instant))
        no = f"{self._parts.number_prefix}-{calendar.local_date(instant).year}-{number:06d}"
        case = Application(
            no=no,
            seq=number,
            district=dossier.district,
            street=dossier.street,
            community=dossier.community,
            category=dossier.category,
            household_size=len(dossier.members),
            masked_name=mask_name(dossier.applicant.name),
            owner=caller.sub,
            locale=caller.locale,
            submitted_at=instant,
            updated_at=instant,
            profile_version=self._parts.profile.version,
            registers=list(terms.registers),
            levels=[level.code for level in terms.levels],
            objection_level=terms.objection_level,
        )
        session.add(case)
        await session.flush()
        await record(session, facts.submitted(case))
        row = self._row(no, 1, dossier, caller.sub, submission, visit)
        await self._enter_row(session, caller, row, dossier, visit)
        awaited = await self._consents(session, case, dossier, row, (consent.text_version, list(consent.registers), given_at), visit)
        given = again.workflow_input(case, submission, terms, separate_queues=self._parts.separate_queues, awaited=awaited)
        self._parts.outbox.add(session, START_APPLICATION, given.model_dump(mode="json"))
        return no

    async def _enter_row(self, session: AsyncSession, caller: Caller, row: DossierRow, dossier: Dossier, visit: Assistance | None) -> None:
        """Raises Refusal(HOUSEHOLD_HAS_APPLICATION), and for a clerk who has to do with the household he types for."""
        await self._name(session, caller, row.application_no, row, dossier)
        session.add(row)
        if visit is not None:
            await session.flush()
            await require_unrelated(session, visit, row.application_no)

    def _row(self, no: str, round_: int, dossier: Dossier, actor: str, request_id: str, visit: Assistance | None) -> DossierRow:
        return DossierRow(
            application_no=no,
            round=round_,
            sealed=self._parts.vault.seal_dossier(dossier, no, round_),
            blinds=self._parts.vault.blinds(dossier),
            name_blinds=self._parts.vault.name_blinds(dossier),
            category=dossier.category,
            household_size=len(dossier.members),
            masked_name=mask_name(dossier.applicant.name),
            request_id=request_id,
            actor=actor,
            assistance_id=visit.id if visit is not None else None,
        )

    async def _consents(
        self,
        session: AsyncSession,
        case: Application,
        dossier: Dossier,
        row: DossierRow,
        agreed: tuple[str, list[str], datetime],
        visit: Assistance | None,
    ) -> tuple[int, ...]:
        """Keeps what the applicant agrees to, for himself and for the minors of his household. Gives the places of the adults who have to do so themselves.

        What somebody has agreed to in an earlier round stands. Who was at a counter has agreed on the paper he has signed there."""
        text_version, registers, given_at = agreed
        signed = await store.authorisation(session, visit.authorisation_id) if visit is not None else None
        on_paper = signed.authorisation if signed is not None else None
        today = calendar.local_date(now())
        blinds = [self._parts.vault.people.of(member.id_number) for member in dossier.members]
        missing = await store.unconfirmed(session, case.no, blinds)
        awaited = []
        for place, (member, blind) in enumerate(zip(dossier.members, blinds, strict=True)):
            if blind not in missing:
                continue
            if place and is_adult(member, today):
                awaited.append(place)
                continue
            consent_id = f"{row.request_id}-{place}"
            session.add(
                Consent(
                    id=consent_id,
                    application_no=case.no,
                    blind=blind,
                    round=row.round,
                    agrees=True,
                    channel="parent" if place else "authorisation" if on_paper is not None else "self",
                    text_version=text_version,
                    registers=registers,
                    given_at=given_at,
                    given_by=visit.sub if visit is not None else row.actor,
                    document_sealed=self._papers_seen(on_paper, consent_id),
                )
            )
        return tuple(awaited)

    def _papers_seen(self, paper: Authorisation | None, consent_id: str) -> bytes:
        if paper is None:
            return b""
        seen = self._parts.vault.open_text(paper.document_sealed, "authorisation", "document_sealed", paper.id)
        return self._parts.vault.seal_text(seen, "consent", "document_sealed", consent_id)

    async def _name(self, session: AsyncSession, caller: Caller, no: str, row: DossierRow, dossier: Dossier) -> None:
        """The household of a dossier. Who applies himself, and is named here by somebody else, is told.

        Raises Refusal(HOUSEHOLD_HAS_APPLICATION) when the applicant stands in another open case."""
        applicant = self._parts.vault.people.of(dossier.applicant.id_number)
        if not await store.name_residents(session, no, row.blinds, row.round, applicant):
            # Only its own household learns which case it is.
            others = await store.own_case_of(session, caller.accounts, row.blinds, no)
            raise Refusal(HOUSEHOLD_HAS_APPLICATION, metadata={"application_no": others} if others else {})
        named = [blind for blind in row.blinds if blind != applicant]
        for other in await store.own_cases(session, named, no):
            step = common.Step(step_id=f"{row.request_id}/named", tell=[common.Telling(template="named_elsewhere")])
            step.as_of.FromDatetime(now())
            self._parts.tellings.hand_on(self._parts.outbox, session, step, other)

    # -- corrections (补正) -------------------------------------------------------------------------------------------------------------------

    async def correct(self, caller: Caller, request: pb.CorrectApplicationRequest) -> pb.Application:
        """Stores the new dossier as an unanswered round, then asks the workflow; refused, the round is gone again.

        A round left unanswered by an earlier request (a crash, an engine away) is settled first: the household did hand it in.
        """

        async def prepare(session: AsyncSession, word_id: str) -> Heard:
            case = reach.own_case(caller, await store.lock_case(session, request.no))
            unanswered = await store.dossier(session, case.no, case.round + 1)
            if unanswered is not None:
                raise EarlierFirstError(unanswered.request_id)
            row, awaited = await self._enter_correction(session, caller, word_id, case, request)
            said = contract.Correction(round=row.round, awaited=awaited, actor=row.actor, request_id=word_id)
            return Heard(contract.workflow_id(case.no), said)

        await self._parts.words.say(caller, request, contract.CORRECT, prepare)
        async with self._parts.database.transaction() as session:
            await store.delete_draft(session, owner_of(caller), request.no)
        return await self._reading.case(caller, request.no)

    async def _enter_correction(
        self, session: AsyncSession, caller: Caller, word_id: str, case: Application, request: pb.CorrectApplicationRequest
    ) -> tuple[DossierRow, tuple[int, ...]]:
        if case.stage != "correction":
            raise Refusal(NOT_RETURNED)
        if request.if_version and request.if_version != case.version:
            raise Refusal(VERSION_MISMATCH)
        dossier = prepare(convert.dossier_from(request.dossier))
        wrong = [
            *check(dossier, self._parts.rules(today(), local_date(case.submitted_at), counter=bool(caller.assistance))),
            *changed_place((case.district, case.street), dossier),
        ]
        if wrong:
            raise invalid_dossier(wrong)
        self._oneself(caller, dossier)
        dossier = applicant_first(dossier)
        visit = await typing_in(session, caller, dossier.street)
        row = self._row(case.no, case.round + 1, dossier, caller.sub, word_id, visit)
        await self._enter_row(session, caller, row, dossier, visit)
        found = await store.declared(session, case.no)
        first = found.applicants if found is not None else None
        if first is None:
            raise Refusal(NO_CONSENT)
        # The text he has agreed to names the minors of the household, whoever they turn out to be.
        agreed = (first.text_version, list(first.registers), now())
        return row, await self._consents(session, case, dossier, row, agreed, visit)


def _given_at(consent: pb.Consent) -> datetime:
    """When the household agreed; a clock that runs ahead is not believed."""
    instant = now()
    return min(utc(consent.given_at), instant) if consent.HasField("given_at") else instant
