"""Rows to messages: what of a case a reader gets to see."""

from __future__ import annotations

from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju_calendar import local_date
from anju_contracts.application import START, Decision
from anju_profile import Profile
from anju_terms import Title, laws
from casekit.words import Words
from chassis.identity import Caller
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from casework import convert, store
from casework.domain import remedies
from casework.domain.progress import CONFIRMING_STAGES
from casework.reach import View
from casework.store import Declared, Listed
from casework.tables import Application, Consent, Notice, Objection, Proposal, Recusal, Signature, Timeline, Word
from casework.vault import Vault

_DECISIONS: Final = {
    Decision.APPROVE: pb.DECISION_APPROVE,
    Decision.RETURN: pb.DECISION_RETURN,
    Decision.REFUSE: pb.DECISION_REFUSE,
    Decision.HAND_ON: pb.DECISION_HAND_ON,
}


async def whole_case(session: AsyncSession, vault: Vault, profile: Profile, found: Declared, view: View) -> pb.Application:
    """The case with its timeline and objections, and with the dossier where ``view`` allows it."""
    case, consent = found.case, found.applicants
    message = summary(vault, case, words=view.words)
    if consent is not None:
        message.consent.text_version = consent.text_version
        message.consent.registers.extend(consent.registers)
        message.consent.given_at.FromDatetime(consent.given_at)
    first = found.dossier if case.round == 1 else await store.dossier(session, case.no, 1)
    at_counter = first is not None and first.assistance_id is not None
    message.timeline.append(
        pb.TimelineEntry(at=stamp(case.submitted_at), event=START, stage=START, actor_kind="citizen", assisted=at_counter)
    )
    steps = await store.timeline(session, case.no)
    message.timeline.extend(_entry(vault, row, words=view.words, assisted=assisted) for row, assisted in steps)
    if view.words and case.stage == "rejected":
        message.refusal.CopyFrom(_refusal(profile, case, message.reason, steps[-1][0]))
    message.objections.extend(objection(vault, row, view) for row in await store.objections(session, case.no))
    if view.dossier and found.dossier is not None:
        dossier = vault.open_dossier(found.dossier.sealed, case.no, case.round)
        message.dossier.CopyFrom(convert.dossier_to(dossier))
        blinds = [vault.people.of(member.id_number) for member in dossier.members]
        elsewhere = await store.named_elsewhere(session, case.no, blinds) if view.conflicts else frozenset()
        said = {each.blind: each for each in found.consents if counts(each, case)}
        for index, blind in enumerate(blinds):
            message.members.append(_member(vault, index, said.get(blind), view, named_elsewhere=blind in elsewhere))
    return message


def _refusal(profile: Profile, case: Application, reason: str, decided: Timeline) -> pb.Refusal:
    """What the household is told beside the reason; the rules of procedure are those of the day of the decision (Order 11, article 9)."""
    day, level = local_date(decided.at), decided.actor_kind
    basis, bodies, known = profile.refusal.basis.entry_on(day), profile.refusal.bodies.entry_on(day), profile.refusal.remedies.entry_on(day)
    places = {
        "city": profile.name_of(profile.city_code),
        "district": profile.name_of(case.district),
        "street": profile.name_of(case.street),
    }
    told = pb.Refusal(
        reason=reason,
        basis=_text(laws.reference(basis.value)),
        decided_on=day.isoformat(),
        confirmed=not (basis.sample or bodies.sample or known.sample),
    )
    for body in bodies.value:
        if body.level == level:
            told.body.CopyFrom(_text(remedies.named(body.name, places)))
    for remedy in remedies.against(known.value, level, day, places):
        told.remedies.add(
            code=remedy.code,
            body=_text(remedy.body),
            where=_text(remedy.where),
            until=remedy.until.isoformat() if remedy.until else "",
            online=remedy.online,
            basis=_text(laws.reference(remedy.basis)),
        )
    return told


def _text(title: Title) -> common.Text:
    return common.Text(zh=title.zh, en=title.en)


def _member(vault: Vault, index: int, said: Consent | None, view: View, *, named_elsewhere: bool) -> pb.MemberConsent:
    message = pb.MemberConsent(index=index, state=state_of(said), named_elsewhere=named_elsewhere)
    if said is not None:
        message.channel = said.channel
        message.given_at.FromDatetime(said.given_at)
        if said.withdrawn_at is not None:
            message.withdrawn_at.FromDatetime(said.withdrawn_at)
        if view.conflicts:
            seen = "withdrawal_sealed" if said.withdrawal_sealed else "document_sealed"
            message.document = vault.open_text(getattr(said, seen), "consent", seen, said.id)
    return message


def counts(said: Consent, case: Application) -> bool:
    """Whether what somebody has said still says something of the case as it is: a refusal is of its own round, and who has taken his consent back
    while adults are awaited is awaited again."""
    if said.withdrawn_at is not None:
        return case.stage not in CONFIRMING_STAGES
    return said.agrees or said.round == case.round


def state_of(said: Consent | None) -> str:
    """Silence is neither consent nor refusal."""
    if said is None:
        return "awaited"
    if said.withdrawn_at is not None:
        return "withdrawn"
    return "confirmed" if said.agrees else "refused"


def bare(case: Application) -> pb.Application:
    """How far a case has come."""
    return pb.Application(
        no=case.no,
        version=case.version,
        stage=case.stage,
        waiting_on=case.waiting_on,
        deadline_at=stamp(case.deadline_at),
        overdue=case.overdue,
        district=case.district,
        street=case.street,
        submitted_at=stamp(case.submitted_at),
        updated_at=stamp(case.updated_at),
        outcome=case.outcome,
        round=case.round,
    )


def summary(vault: Vault, case: Application, *, words: bool) -> pb.Application:
    """What lists show."""
    return pb.Application(
        no=case.no,
        version=case.version,
        stage=case.stage,
        waiting_on=case.waiting_on,
        deadline_at=stamp(case.deadline_at),
        overdue=case.overdue,
        district=case.district,
        street=case.street,
        category=case.category,
        household_size=case.household_size,
        submitted_at=stamp(case.submitted_at),
        updated_at=stamp(case.updated_at),
        outcome=case.outcome,
        reason=vault.open_text(case.reason_sealed, "application", "reason_sealed", case.no) if words else "",
        masked_name=case.masked_name,
        round=case.round,
        owner=case.owner,
        profile_version=case.profile_version,
        blocked_at=stamp(case.blocked_at),
    )


def _entry(vault: Vault, row: Timeline, *, words: bool, assisted: bool) -> pb.TimelineEntry:
    return pb.TimelineEntry(
        at=stamp(row.at),
        event=row.event,
        stage=row.stage,
        actor_kind=row.actor_kind,
        note=vault.open_text(row.note_sealed, "timeline", "note_sealed", f"{row.application_no}/{row.seq}") if words else "",
        deadline_at=stamp(row.deadline_at),
        assisted=assisted,
    )


def proposal(vault: Vault, row: Proposal, caller: Caller) -> pb.Proposal:
    return pb.Proposal(
        level=row.level,
        official=vault.open_text(row.official_sealed, "proposal", "official_sealed", row.id),
        reason=vault.open_text(row.reason_sealed, "proposal", "reason_sealed", row.id),
        at=stamp(row.at),
        own=caller.sub == row.sub or bool(caller.person and caller.person == row.person),
    )


def recusal(vault: Vault, row: Recusal) -> pb.Recusal:
    return pb.Recusal(
        level=row.level,
        official=vault.open_text(row.official_sealed, "recusal", "official_sealed", row.id),
        reason=row.reason,
        words=vault.open_text(row.words_sealed, "recusal", "words_sealed", row.id),
        at=stamp(row.at),
    )


def decision(
    vault: Vault, words: Words, step: Timeline, word: Word, signed: Signature | None, proposed: Proposal | None, caller: Caller
) -> pb.LevelDecision:
    said = words.said(word).word
    return pb.LevelDecision(
        level=word.level,
        decision=_DECISIONS[said.decision],
        official=vault.open_text(signed.official_sealed, "signature", "official_sealed", word.id) if signed is not None else "",
        reason=said.reason,
        at=stamp(step.at),
        proposed=proposal(vault, proposed, caller) if proposed is not None else None,
    )


def objection(vault: Vault, row: Objection, view: View) -> pb.Objection:
    return pb.Objection(
        id=row.id,
        raised_at=stamp(row.raised_at),
        text=vault.open_text(row.text_sealed, "objection", "text_sealed", row.id) if view.objections else "",
        state=row.state,
        answer=vault.open_text(row.answer_sealed, "objection", "answer_sealed", row.id) if view.words else "",
    )


def task(listed: Listed) -> pb.Task:
    row, case = listed.task, listed.case
    return pb.Task(
        application_no=case.no,
        level=row.level,
        district=case.district,
        street=case.street,
        masked_name=case.masked_name,
        household_size=case.household_size,
        category=case.category,
        opened_at=stamp(row.opened_at),
        deadline_at=stamp(row.deadline_at),
        overdue=row.overdue,
        version=case.version,
        state=listed.state,
        recusal=listed.recusal,
    )


def notice(row: Notice, case: Application) -> pb.Notice:
    return pb.Notice(
        application_no=case.no,
        masked_name=case.masked_name,
        district=case.district,
        street=case.street,
        household_size=case.household_size,
        category=case.category,
        published_at=stamp(row.published_at),
        closes_at=stamp(row.closes_at),
    )
