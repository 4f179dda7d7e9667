"""Taking dossiers in: the first one, and corrections."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from anju.casework.v1 import casework_pb2 as pb
from anju_contracts import application as contract
from chassis import calendar, once
from chassis.errors import RETRYABLE, UNAVAILABLE, VERSION_MISMATCH, Refusal
from chassis.identity import Caller
from chassis.ids import mask_name
from chassis.wire import utc
from sqlalchemy.ext.asyncio import AsyncSession

from casework import again, convert, reach, store
from casework.asking import Asked, Asking, asked
from casework.domain.dossier import Consent as DeclaredConsent
from casework.domain.dossier import Dossier, applicant_first, changed_place, check, check_consent, prepare
from casework.errors import HOUSEHOLD_HAS_APPLICATION, NOT_RETURNED, invalid_dossier
from casework.parts import Parts, now, today
from casework.process import START_APPLICATION
from casework.tables import Application, Consent, Once, Outbox
from casework.tables import Dossier as DossierRow

SETTLE_CORRECTION: Final = "settle_correction"
# The call itself asks the workflow first; this is for the call that died or was left without an answer.
_SETTLE_AFTER: Final = timedelta(seconds=20)
_MAX_UNANSWERED: Final = 3


class Intake:
    def __init__(self, parts: Parts, asking: Asking) -> None:
        self._parts = parts
        self._asking = asking

    # -- the first dossier -------------------------------------------------------------------------------------------------------------------

    async def submit(self, caller: Caller, request: pb.SubmitApplicationRequest) -> pb.Application:
        caller.require_kind("citizen")
        name = asked(caller, "SubmitApplication", request.idempotency_key)
        content = pb.SubmitApplicationRequest()
        content.CopyFrom(request)
        # A phone that sends its form again stamps it anew; it is the same form.
        content.consent.ClearField("given_at")
        stored = pb.Application()
        async with self._parts.database.transaction() as session:
            if await once.find(session, name.key, content, stored) is None:
                dossier, consent = self._checked(request)
                stored.no = await self._enter(session, caller, name, dossier, consent, _given_at(request.consent))
                once.remember(session, Once, name.key, content, stored)
        return await self._asking.show(caller, stored.no, "SubmitApplication")

    def _checked(self, request: pb.SubmitApplicationRequest) -> tuple[Dossier, DeclaredConsent]:
        dossier = prepare(convert.dossier_from(request.dossier))
        consent = convert.consent_from(request.consent)
        wrong = [*check(dossier, self._parts.rules(today())), *check_consent(consent, self._parts.case_terms(today()).registers)]
        if wrong:
            raise invalid_dossier(wrong)
        return applicant_first(dossier), consent

    async def _enter(
        self, session: AsyncSession, caller: Caller, name: Asked, dossier: Dossier, consent: DeclaredConsent, given_at: datetime
    ) -> str:
        number, instant = await store.next_number(session), now()
        terms = self._parts.case_terms(calendar.local_date(instant))
        no = f"{self._parts.number_prefix}-{calendar.local_date(instant).year}-{number:06d}"
        case = Application(
            no=no,
            seq=number,
            district=dossier.district,
            street=dossier.street,
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
        row = self._row(no, 1, dossier, caller.sub, name.request_id)
        await self._claim(session, caller, no, row)
        session.add(row)
        session.add(Consent(application_no=no, text_version=consent.text_version, registers=list(consent.registers), given_at=given_at))
        given = again.workflow_input(case, name.request_id, terms, separate_queues=self._parts.separate_queues)
        self._parts.outbox.add(session, START_APPLICATION, given.model_dump(mode="json"))
        return no

    def _row(self, no: str, round_: int, dossier: Dossier, actor: str, request_id: str) -> DossierRow:
        return DossierRow(
            application_no=no,
            round=round_,
            sealed=self._parts.vault.seal_dossier(dossier, no, round_),
            blinds=self._parts.vault.blinds(dossier),
            category=dossier.category,
            household_size=len(dossier.members),
            masked_name=mask_name(dossier.applicant.name),
            request_id=request_id,
            actor=actor,
        )

    async def _claim(self, session: AsyncSession, caller: Caller, no: str, row: DossierRow) -> None:
        if not await store.claim_residents(session, no, row.blinds, row.round):
            # Only its own household learns which case it is.
            others = await store.own_case_of(session, caller.sub, row.blinds, no)
            raise Refusal(HOUSEHOLD_HAS_APPLICATION, metadata={"application_no": others} if others else {})

    # -- corrections (补正) -------------------------------------------------------------------------------------------------------------------

    async def correct(self, caller: Caller, request: pb.CorrectApplicationRequest) -> pb.Application:
        """Stores the new dossier as an unanswered round, then asks the workflow; refused, the round is gone again.

        A round left unanswered by an earlier request (a crash, an engine away) is settled first: the household did hand it in.
        """
        caller.require_kind("citizen")
        name = asked(caller, "CorrectApplication", request.idempotency_key)
        for _ in range(_MAX_UNANSWERED):
            begun, unanswered = await self._begin_correction(caller, name, request)
            if not unanswered:
                break
            await self.settle_correction({"no": request.no, "round": unanswered})
        else:
            raise Refusal(UNAVAILABLE)
        if not begun.stage:
            await self._finish_correction(name, begun)
        return await self._asking.show(caller, request.no, "CorrectApplication")

    async def settle_correction(self, payload: dict[str, Any]) -> None:
        """Outbox handler: brings a correction nobody waits for any more to its end. Raises Refusal(UNAVAILABLE) to be asked again later."""
        no, round_ = str(payload["no"]), int(payload["round"])
        async with self._parts.database.transaction() as session:
            case, row = await store.case(session, no), await store.dossier(session, no, round_)
        if case is None or row is None or row.round <= case.round:
            return
        try:
            stage = await self._ask(row)
        except Refusal as refusal:
            if refusal.problem.status in RETRYABLE:
                raise
            return
        await self._asking.landed(no, stage, case.version)

    async def _begin_correction(self, caller: Caller, name: Asked, request: pb.CorrectApplicationRequest) -> tuple[pb.Application, int]:
        """What is stored under the request's key, and the round of another request which has to be settled first (0 for none)."""
        begun = pb.Application()
        async with self._parts.database.transaction() as session:
            known = await once.find(session, name.key, request, begun) is not None
            if begun.stage:
                return begun, 0
            case = reach.own_case(caller, await store.lock_case(session, request.no))
            unanswered = await store.dossier(session, case.no, case.round + 1)
            if unanswered is not None:
                return begun, 0 if unanswered.request_id == name.request_id else unanswered.round
            if known:
                current = await store.dossier(session, case.no, case.round)
                if current is not None and current.request_id == name.request_id:
                    begun.stage = case.stage
                    return begun, 0
                # It was refused while nobody waited for the answer; this is a new try.
                await store.forget(session, name.key)
            row = await self._enter_correction(session, caller, name, case, request)
            begun = pb.Application(no=case.no, version=case.version, round=row.round)
            once.remember(session, Once, name.key, request, begun)
            return begun, 0

    async def _enter_correction(
        self, session: AsyncSession, caller: Caller, name: Asked, case: Application, request: pb.CorrectApplicationRequest
    ) -> DossierRow:
        if case.stage != "correction":
            raise Refusal(NOT_RETURNED)
        if request.if_version and request.if_version != case.version:
            raise Refusal(VERSION_MISMATCH)
        dossier = prepare(convert.dossier_from(request.dossier))
        wrong = [*check(dossier, self._parts.rules(today())), *changed_place((case.district, case.street), dossier)]
        if wrong:
            raise invalid_dossier(wrong)
        row = self._row(case.no, case.round + 1, applicant_first(dossier), caller.sub, name.request_id)
        await self._claim(session, caller, case.no, row)
        session.add(row)
        session.add(Outbox(kind=SETTLE_CORRECTION, payload={"no": case.no, "round": row.round}, next_try_at=now() + _SETTLE_AFTER))
        return row

    async def _finish_correction(self, name: Asked, begun: pb.Application) -> None:
        async with self._parts.database.transaction() as session:
            row = await store.dossier(session, begun.no, begun.round)
        if row is None:
            raise Refusal(UNAVAILABLE)
        try:
            stage = await self._ask(row)
        except Refusal as refusal:
            if refusal.problem.status not in RETRYABLE:
                async with self._parts.database.transaction() as session:
                    await store.forget(session, name.key)
            raise
        await self._asking.done(name, begun, stage)
        await self._asking.landed(begun.no, stage, begun.version)

    async def _ask(self, row: DossierRow) -> str:
        """Asks the workflow to take an unanswered round, and removes the round when it refuses."""
        said = contract.Correction(round=row.round, actor=row.actor, request_id=row.request_id)
        # The workflow takes a correction only when it knows of the return.
        await self._asking.confirm(row.application_no)
        try:
            return await self._parts.process.ask(row.application_no, contract.CORRECT, said, row.request_id)
        except Refusal as refusal:
            if refusal.problem.status not in RETRYABLE:
                async with self._parts.database.transaction() as session:
                    case = await store.lock_case(session, row.application_no)
                    if case is not None:
                        await store.drop_correction(session, case, row.request_id)
            raise


def _given_at(consent: pb.Consent) -> datetime:
    """When the household agreed; a clock that runs ahead is not believed."""
    instant = now()
    return min(utc(consent.given_at), instant) if consent.HasField("given_at") else instant
