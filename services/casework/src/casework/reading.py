"""Lists, reports, and what the other services may know of a household."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju_calendar import start_of_day
from anju_contracts.application import ENDS
from anju_people import phones
from anju_terms import is_code
from casekit.reads import TOO_MANY_READS, Reads, of_list
from chassis import bounds, paging
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import Caller, current_carrier
from chassis.ids import mask_id_number
from chassis.wire import stamp, wrong
from sqlalchemy.ext.asyncio import AsyncSession

from casework import convert, reach, store, views
from casework.domain.dossier import Dossier
from casework.errors import ALREADY_ENDED, NO_CONSENT, NO_SUCH_ROUND, NOT_REGISTERED, TYPED_CASE
from casework.parts import Parts, now
from casework.store import Declared
from casework.tables import Application, Notice

# Why the registers are asked (vocabulary `purposes`), and what that stands on (`legal_bases`).
PURPOSE: Final = "admission"
LEGAL_BASIS: Final = "own_consent"
# Households of one page of a broadcast's audience.
MAX_AUDIENCE: Final = 200
# Who asks in an official's name shows him no case: only whether he may see it decides what he is shown of theirs.
_ASKED_FOR: Final = {"eligibility": "assessment", "notifications": "letter", "registry-gateway": "lookups", "oversight": "evaluation"}


class Act:
    """What an official does in a case, and the look at it which the answer is: on record in the transaction of the act."""

    def __init__(self, reading: Reading, reads: Reads, caller: Caller, no: str) -> None:
        self._reading = reading
        self._reads = reads
        self._caller = caller
        self._no = no
        self._noted = False

    async def noted(self, session: AsyncSession, what: str = "dossier") -> None:
        """In the transaction of the act, which is none when the look is refused."""
        await self._reads.note(self._caller, what, [self._no], session)
        self._noted = True

    async def answer(self) -> pb.Application:
        """The case as the act has left it. A repeat is a look of its own; above the limit of its day it shows what became of the act alone."""
        if self._noted:
            return (await self._reading.seen(self._caller, self._no))[0]
        try:
            return await self._reading.case(self._caller, self._no)
        except Refusal as refusal:
            if refusal.problem is not TOO_MANY_READS:
                raise
            return await self._reading.bare(self._no)


class Reading:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # -- one case ----------------------------------------------------------------------------------------------------------------------------

    async def case(self, caller: Caller, no: str, purpose: str = "") -> pb.Application:
        """The case as the caller may see it now; a look by staff is on record before it is given, or not given. ``purpose``: of a file it is taken away in."""
        whole, what = await self.seen(caller, no)
        what = of_list(_ASKED_FOR.get(current_carrier(), what), common.PageRequest(purpose=purpose))
        await self._parts.reads.note(caller, what, [no])
        return whole

    async def seen(self, caller: Caller, no: str) -> tuple[pb.Application, str]:
        """The case as the caller may see it now, and what a look at that is; for who writes the look down."""
        async with self._parts.database.statements() as session:
            found = await store.declared(session, no)
            view, recusal = await self._view(session, caller, found.case if found else None)
            if found is None:
                raise Refusal(NOT_FOUND)
            whole = await views.whole_case(session, self._parts.vault, self._parts.profile, found, view)
        whole.recusal = recusal
        return whole, "dossier" if view.dossier else "progress"

    async def _view(self, session: AsyncSession, caller: Caller, case: Application | None) -> tuple[reach.View, str]:
        """What the caller reads of a case, and why he does not act in it where that makes a difference. Raises Refusal(NOT_FOUND)."""
        view = reach.view_of(caller, case)
        if case is None or caller.kind != "staff" or not view.words:
            return view, ""
        recusal = await store.recusal(session, case.no, caller)
        return reach.as_far_as(view, recusal), recusal

    def act(self, caller: Caller, no: str) -> Act:
        return Act(self, self._parts.reads, caller, no)

    async def bare(self, no: str) -> pb.Application:
        """What the case has come to, and nothing of the household."""
        async with self._parts.database.statements() as session:
            case = await store.case(session, no)
        if case is None:
            raise Refusal(NOT_FOUND)
        return views.bare(case)

    async def may_see_reads(self, session: AsyncSession, caller: Caller, no: str) -> None:
        """The household may know who has looked (PIPL, articles 44 and 45), and whoever may read the reasons of the case. Raises Refusal(NOT_FOUND)."""
        view, _ = await self._view(session, caller, await store.case(session, no))
        if not view.words:
            raise Refusal(NOT_FOUND)

    # -- lists -------------------------------------------------------------------------------------------------------------------------------

    async def cases(self, caller: Caller, request: pb.ListApplicationsRequest) -> pb.ListApplicationsResponse:
        since = _since(request.changed_since)
        async with self._parts.database.statements() as session:
            shown, info = await store.list_cases(
                session,
                caller,
                stage=request.stage,
                district=request.district,
                blocked=request.blocked,
                overdue=request.overdue,
                changed_since=since,
                asked=request.page,
                typed_by_me=request.typed_by_me,
            )
        if not request.page.only_count:
            await self._parts.reads.note_page(caller, "applications", request, [case.no for case in shown])
        return pb.ListApplicationsResponse(
            applications=[views.summary(self._parts.vault, case, words=caller.kind == "citizen") for case in shown], page=info
        )

    async def tasks(self, caller: Caller, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        if request.state and not is_code("task_states", request.state):
            raise invalid([wrong("/state", "没有这种待办状态。", "There is no such state of a task.")])
        async with self._parts.database.statements() as session:
            await store.see_duties(session, caller, reach.REVIEWERS, now())
            levels = reach.levels_of(caller)
            shown, info = await store.list_tasks(session, caller, levels, request.state, request.page, overdue=request.overdue)
        if not request.page.only_count:
            await self._parts.reads.note_page(caller, "tasks", request, [listed.case.no for listed in shown])
        return pb.ListTasksResponse(tasks=[views.task(listed) for listed in shown], page=info)

    async def notices(self, request: pb.ListNoticesRequest) -> pb.ListNoticesResponse:
        size = paging.limit(request.page.limit)
        before = _number(request.page.cursor)
        async with self._parts.database.statements() as session:
            rows = await store.list_notices(session, request.district, before, size)
        shown, cursor = paging.cut(rows, size, _notice_key)
        return pb.ListNoticesResponse(
            notices=[views.notice(notice, case) for notice, case in shown], page=common.PageInfo(next_cursor=cursor)
        )

    async def counters(self, caller: Caller, request: pb.GetCountersRequest) -> pb.GetCountersResponse:
        async with self._parts.database.statements() as session:
            rows = await store.counters(session, caller.divisions, request.district, _since(request.changed_since))
        return pb.GetCountersResponse(
            counters=[
                pb.Counter(district=district, street=street, stage=stage, count=count, changed=changed)
                for district, street, stage, count, changed in rows
            ]
        )

    async def review(self, caller: Caller, no: str) -> pb.GetReviewResponse:
        """What stands against an approval, the approval one of two has proposed, and what was decided before, by whom and in which words. Who leaves the
        case to others is told why, and no word of it."""
        vault = self._parts.vault
        async with self._parts.database.statements() as session:
            case = await store.case(session, no)
            reach.view_of(caller, case)
            if case is None:
                raise Refusal(NOT_FOUND)
            standing = await store.standing(session, no, caller)
            recusal = standing.recusal or (TYPED_CASE.reason if standing.typed else "")
            if recusal:
                return pb.GetReviewResponse(recusal=recusal)
            doubts = await store.against(session, case)
            proposals = {row.task_id: row for row in await store.proposals(session, no)}
            open_ = await store.proposal(session, no)
            decided = await store.decisions(session, no)
            recusals = await store.recusals(session, no)
        await self._parts.reads.note(caller, "review", [no])
        seconded = {row.word_id: row for row in proposals.values() if row.word_id}
        return pb.GetReviewResponse(
            declaration_due=not standing.declared,
            doubts=doubts,
            proposal=views.proposal(vault, open_, caller) if open_ is not None else None,
            recusals=[views.recusal(vault, row) for row in recusals],
            decisions=[views.decision(vault, self._parts.words, *row, seconded.get(row[1].id), caller) for row in decided],
        )

    # -- other services ----------------------------------------------------------------------------------------------------------------------

    async def subjects(self, request: pb.GetSubjectsRequest) -> pb.GetSubjectsResponse:
        """The persons to look up in one register, as far as the household agreed to it and the case is open."""
        if not is_code("registers", request.register):
            raise invalid([wrong("/register", "没有这个登记种类。", "There is no such register.")])
        found, dossier = await self._dossier(request.application_no, request.round)
        case, consent, given = found.case, found.applicants, found.given()
        if case.stage in ENDS:
            raise Refusal(ALREADY_ENDED)
        theirs = [given.get(self._parts.vault.people.of(member.id_number)) for member in dossier.members]
        consents = [each for each in theirs if each is not None and request.register in each.registers]
        # Nobody is asked about who has not agreed himself, nor anybody of his household before.
        if consent is None or len(consents) < len(dossier.members):
            raise Refusal(NO_CONSENT)
        return pb.GetSubjectsResponse(
            subjects=[
                pb.Subject(
                    index=index,
                    name=member.name,
                    id_number=member.id_number,
                    relation=member.relation,
                    person=self._parts.vault.people.of(member.id_number),
                    consent_id=own.id,
                    consent_channel=own.channel,
                    consent_text_version=own.text_version,
                    consent_given_at=stamp(own.given_at),
                )
                for index, (member, own) in enumerate(zip(dossier.members, consents, strict=True))
            ],
            consent=pb.Consent(
                text_version=consent.text_version,
                registers=consent.registers,
                given_at=stamp(consent.given_at),
            ),
            purpose=PURPOSE,
            legal_basis=LEGAL_BASIS,
            district=case.district,
        )

    async def declaration(self, request: pb.GetDeclarationRequest) -> pb.GetDeclarationResponse:
        found, dossier = await self._dossier(request.application_no, request.round)
        case = found.case
        return pb.GetDeclarationResponse(
            category=dossier.category,
            marital_status=dossier.marital_status,
            members=[
                pb.DeclaredMember(
                    index=index,
                    relation=member.relation,
                    birth_date=member.birth_date,
                    annual_income_fen=member.annual_income_fen,
                    employed=bool(member.employer),
                )
                for index, member in enumerate(dossier.members)
            ],
            homes=[self._parts.vault.unnamed(home) for home in dossier.homes],
            vehicles=convert.vehicles_to(dossier.vehicles, plates=False),
            district=case.district,
            profile_version=case.profile_version,
        )

    async def registered_applicant(self, request: pb.GetRegisteredApplicantRequest) -> pb.GetRegisteredApplicantResponse:
        async with self._parts.database.statements() as session:
            case = await store.case(session, request.application_no)
        if case is None:
            raise Refusal(NOT_FOUND)
        if case.stage != "registered":
            raise Refusal(NOT_REGISTERED)
        return pb.GetRegisteredApplicantResponse(
            owner=case.owner,
            masked_name=case.masked_name,
            district=case.district,
            street=case.street,
            household_size=case.household_size,
            category=case.category,
            accepted_at=stamp(case.submitted_at),
        )

    async def tenant(self, request: pb.GetTenantRequest) -> pb.GetTenantResponse:
        found, dossier = await self._dossier(request.application_no, 0)
        if found.case.stage != "registered":
            raise Refusal(NOT_REGISTERED)
        return pb.GetTenantResponse(name=dossier.applicant.name, masked_id_number=mask_id_number(dossier.applicant.id_number))

    async def contact(self, request: pb.GetContactRequest) -> pb.GetContactResponse:
        found, dossier = await self._dossier(request.application_no, 0)
        return _contact(found.case, dossier)

    async def audience(self, request: pb.ListAudienceRequest) -> pb.ListAudienceResponse:
        """Raises Refusal for an audience there is not."""
        if not is_code("broadcast_audiences", request.audience) or not request.division:
            raise invalid([wrong("/audience", "没有这样的对象范围。", "There is no such audience.")])
        limit = min(request.limit, MAX_AUDIENCE)
        async with self._parts.database.snapshot() as session:
            if limit <= 0:
                return pb.ListAudienceResponse(total=await store.audience_size(session, request.audience, request.division))
            rows = await store.audience(session, request.audience, request.division, _number(request.cursor) or 0, limit)
        opened = [(case, self._parts.vault.open_dossier(row.sealed, case.no, row.round)) for case, row in rows]
        return pb.ListAudienceResponse(
            households=[
                pb.ListAudienceResponse.Household(application_no=case.no, contact=_contact(case, dossier)) for case, dossier in opened
            ],
            next_cursor=paging.encode(rows[-1][0].seq) if len(rows) == limit else "",
        )

    async def _dossier(self, no: str, round_: int) -> tuple[Declared, Dossier]:
        """The case with the dossier of a round, 0 for the newest. A correction which the workflow has not taken yet does not exist for anybody."""
        async with self._parts.database.statements() as session:
            found = await store.declared(session, no, round_)
        if found is None:
            raise Refusal(NOT_FOUND)
        if found.dossier is None:
            raise Refusal(NO_SUCH_ROUND)
        return found, self._parts.vault.open_dossier(found.dossier.sealed, no, found.dossier.round)


def _contact(case: Application, dossier: Dossier) -> pb.GetContactResponse:
    # A landline, which a counter takes, gets no text messages.
    phone = "" if phones.fault(dossier.phone) else dossier.phone
    return pb.GetContactResponse(owner=case.owner, phone=phone, locale=case.locale, street=case.street)


def _number(cursor: str) -> int | None:
    key = paging.decode(cursor, int)
    return key[0] if key else None


def _notice_key(row: tuple[Notice, Application]) -> tuple[paging.Part, ...]:
    return (row[0].id or 0,)


def _since(day: str) -> datetime | None:
    """Its beginning in China. Raises Refusal(INVALID_FIELDS)."""
    try:
        return start_of_day(bounds.day(day)) if day else None
    except ValueError:
        raise invalid([wrong("/changed_since", "请写成 2026-11-26 这样的日期。", "Write a day as 2026-11-26.")]) from None
