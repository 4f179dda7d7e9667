"""Who said it: every step of a person on record against what that person has asked the service for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
from anju_contracts import application, lease, waiting
from anju_contracts.base import Word
from anju_terms import terms
from casekit.words import REFUSED, digest
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing
from chassis.identity import accounts_of

from anju_verify.check import Findings, Register
from anju_verify.marks import Since
from anju_verify.sources import Sources

check: Final = Register()

_EVENT: Final = {
    "approve": application.approved,
    "return": application.returned,
    "refuse": application.refused,
    "hand_on": application.handed_on,
}
_MODELS: Final[dict[str, type[Word]]] = {
    application.DECIDE: application.ReviewDecision,
    application.CORRECT: application.Correction,
    application.CONFIRM: application.Confirmation,
    application.WITHDRAW_CONSENT: application.ConsentWithdrawn,
    application.WITHDRAW: application.Withdrawal,
    application.RAISE_OBJECTION: application.ObjectionRaised,
    application.DECIDE_OBJECTION: application.ObjectionDecision,
    waiting.ANSWER_OFFER: waiting.OfferAnswer,
    waiting.LEAVE: waiting.Leaving,
    lease.SIGN: lease.SignLease,
}
# What an official has done to a level, or to a confirmation at its counter.
_ACT: Final = {
    application.DECIDE: "decided",
    application.DECIDE_OBJECTION: "decided",
    application.CONFIRM: "told of a confirmation",
    application.WITHDRAW_CONSENT: "told of a consent taken back",
}
# In whose name an answer to an objection is said; which level that is the case says.
_OBJECTION: Final = "objection"


@check("I1", "every step of a person has the request of that person on record, saying the same")
async def i1(sources: Sources, found: Findings) -> None:
    ring = sources.keys(FIELD_KEYS)
    if ring is None:
        found.note("no keys: what people wrote was not compared")
    before = sources.mark("I1", keys=ring is not None)
    # A look without the keys has not seen what people wrote.
    whole = before is not None and ring is not None and not before.more.get("keys")
    if whole:
        sources.mark("I1", everything=True)
    await _cases(sources, found, ring, await _since(sources, "casework", whole=whole))
    if sources.has("housing"):
        await _households(sources, found, ring, await _since(sources, "housing", whole=whole))
    else:
        found.note("no database of housing is known: answers, leaves and signatures were not looked at")


# What somebody had declared that counted at an instant: the newest, and what another one had taken the place of within the time that one was good for.
_COUNTED: Final = """
    SELECT {columns} FROM recusal_declaration AS stood
    WHERE (stood.sub = {sub} OR ({person} <> '' AND stood.person = {person})) AND stood.declared_at <= {at} AND NOT EXISTS (
        SELECT FROM recusal_declaration AS later WHERE (later.sub = {sub} OR ({person} <> '' AND later.person = {person}))
        AND later.declared_at > stood.declared_at AND later.renew_by <= {at}
    )
"""


# A wall clock may be wrong by an hour (a fault to be survived): who spoke while it was behind seems to have spoken before he declared. Casework, which
# lets nobody decide who has not, looks at what is on record and not at when.
_CLOCK_ERROR: Final = "65 minutes"


@check("I3", "nobody has decided two levels of one case, one he had typed or had to leave to others, or alone against the assessment")
async def i3(sources: Sources, found: Findings) -> None:
    """By account, and by the person the sign-on had verified. What officials had declared, and whom the case had named, counts as it stood when they
    spoke; of the first of two who approved, as it stood when the second did."""
    counted = _COUNTED.format(
        columns="array_agg(id) AS ids, array_agg(community) AS places",
        sub="spoke.sub",
        person="spoke.person",
        at="spoke.at",
    )
    spoken = await sources.rows(
        "casework",
        f"""
        WITH spoke AS (
            SELECT timeline.application_no AS no, timeline.seq, word.level, word.update_name, word.sub, word.person, word.said_at AS at, false AS first
            FROM timeline JOIN word ON word.id = timeline.word_id
            WHERE (word.update_name IN ('decide', 'decide_objection') AND timeline.event NOT LIKE '%_handed_on')
               OR (word.update_name IN ('confirm', 'withdraw_consent') AND word.kind = 'staff')
            UNION ALL
            SELECT timeline.application_no, timeline.seq, word.level, word.update_name, proposal.sub, proposal.person, word.said_at, true
            FROM timeline JOIN word ON word.id = timeline.word_id JOIN proposal ON proposal.word_id = word.id
        )
        SELECT spoke.*, application.owner,
               ARRAY(SELECT unnest(blinds) FROM dossier WHERE dossier.application_no = spoke.no AND dossier.created_at <= spoke.at) AS household,
               ARRAY(SELECT blind FROM registered_spouse WHERE registered_spouse.application_no = spoke.no) AS spouses,
               ARRAY(SELECT blind FROM declared_relative WHERE declaration_id = ANY(declared.ids)) AS relatives,
               application.community <> '' AND application.community = ANY(declared.places) AS neighbour,
               EXISTS (
                   SELECT FROM recusal_declaration AS made WHERE (made.sub = spoke.sub OR (spoke.person <> '' AND made.person = spoke.person))
                   AND made.declared_at <= spoke.at + interval '{_CLOCK_ERROR}' AND made.renew_by > spoke.at
               ) AS declared,
               EXISTS (
                   SELECT FROM recusal WHERE recusal.application_no = spoke.no AND recusal.at < spoke.at
                   AND (recusal.sub = spoke.sub OR (spoke.person <> '' AND recusal.person = spoke.person))
               ) AS recused,
               EXISTS (
                   SELECT FROM assistance AS visit
                   WHERE (visit.sub = spoke.sub OR (spoke.person <> '' AND visit.clerk_person = spoke.person)) AND (
                       EXISTS (
                           SELECT FROM dossier WHERE dossier.application_no = spoke.no AND dossier.assistance_id = visit.id
                           AND dossier.created_at <= spoke.at
                       ) OR EXISTS (
                           SELECT FROM timeline AS typed JOIN word ON word.id = typed.word_id
                           WHERE typed.application_no = spoke.no AND typed.seq < spoke.seq AND word.assistance = visit.id
                       )
                   )
               ) AS typed
        FROM spoke JOIN application ON application.no = spoke.no LEFT JOIN LATERAL ({counted}) AS declared ON true
        ORDER BY no, seq, first
        """,  # noqa: S608  # a piece of our own
    )
    levels: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in spoken:
        found.looked()
        named = f"application {row['no']}: {row['level']} was {_ACT[row['update_name']] if not row['first'] else 'proposed'} by"
        if row["update_name"] == application.DECIDE:
            for who in filter(None, (f"account {row['sub']}", row["person"] and "one person under several accounts")):
                key = who if who.startswith("account") else row["person"]
                levels[row["no"], key].add(row["level"])
                if len(levels[row["no"], key]) == 2:
                    found.violation(f"application {row['no']}: {who} has decided {', '.join(sorted(levels[row['no'], key]))}")
        found.unless(bool(row["person"]), f"{named} an account whose number nobody had verified")
        found.unless(bool(row["declared"]), f"{named} somebody who had not declared whose cases he leaves to others")
        own = row["sub"] == row["owner"] or (row["person"] and row["person"] in row["household"])
        found.unless(not own, f"{named} one of its own household")
        found.unless(not (row["person"] and row["person"] in row["spouses"]), f"{named} a member's registered spouse")
        found.unless(not set(row["relatives"]) & set(row["household"]), f"{named} somebody who had declared a member as his relative")
        found.unless(not row["neighbour"], f"{named} somebody who had declared its community as his own")
        decided = row["update_name"] in (application.DECIDE, application.DECIDE_OBJECTION)
        found.unless(not (decided and row["typed"]), f"{named} somebody who had typed for the household at a counter")
        found.unless(not row["recused"], f"{named} somebody who had left it to others")

    await _handed_on(sources, found)
    await _two_persons(sources, found)


async def _handed_on(sources: Sources, found: Findings) -> None:
    """A level has passed a case on when each of those known to hold its duty had left it to others, or may not decide it."""
    counted = _COUNTED.format(columns="id, community", sub="holder", person="duty_holder.person", at="recusal.at")
    passed = await sources.rows(
        "casework",
        f"""
        SELECT timeline.application_no AS no, word.level, recusal.id IS NOT NULL AS kept, ARRAY(
            SELECT DISTINCT holder FROM unnest(recusal.holders) AS holder LEFT JOIN duty_holder ON duty_holder.sub = holder
            WHERE NOT EXISTS (
                SELECT FROM recusal AS other WHERE other.application_no = application.no AND other.at <= recusal.at
                AND (other.sub = holder OR (duty_holder.person <> '' AND other.person = duty_holder.person))
            ) AND holder <> application.owner AND NOT EXISTS (
                SELECT FROM dossier WHERE dossier.application_no = application.no AND duty_holder.person = ANY(dossier.blinds)
            ) AND NOT EXISTS (
                SELECT FROM registered_spouse WHERE registered_spouse.application_no = application.no AND blind = duty_holder.person
            ) AND NOT EXISTS (
                SELECT FROM ({counted}) AS declared LEFT JOIN declared_relative ON declaration_id = declared.id
                LEFT JOIN dossier ON dossier.application_no = application.no AND declared_relative.blind = ANY(dossier.blinds)
                WHERE dossier.round IS NOT NULL OR (application.community <> '' AND declared.community = application.community)
            ) AND NOT EXISTS (
                SELECT FROM word AS elsewhere WHERE elsewhere.workflow_id = word.workflow_id AND elsewhere.update_name = 'decide'
                AND elsewhere.level <> word.level
                AND (elsewhere.sub = holder OR (duty_holder.person <> '' AND elsewhere.person = duty_holder.person))
            ) AND NOT EXISTS (
                SELECT FROM proposal WHERE proposal.application_no = application.no AND proposal.level <> word.level
                AND (proposal.sub = holder OR (duty_holder.person <> '' AND proposal.person = duty_holder.person))
            ) AND NOT EXISTS (
                SELECT FROM assistance AS visit WHERE (visit.sub = holder OR (duty_holder.person <> '' AND visit.clerk_person = duty_holder.person)) AND (
                    EXISTS (SELECT FROM dossier WHERE dossier.application_no = application.no AND dossier.assistance_id = visit.id) OR EXISTS (
                        SELECT FROM timeline AS typed JOIN word AS told ON told.id = typed.word_id
                        WHERE typed.application_no = application.no AND told.assistance = visit.id
                    )
                )
            )
        ) AS passed_over
        FROM timeline JOIN word ON word.id = timeline.word_id JOIN application ON application.no = timeline.application_no
        LEFT JOIN recusal ON recusal.word_id = word.id AND recusal.sub = word.sub AND recusal.level = word.level
        WHERE timeline.event LIKE '%_handed_on' ORDER BY no, timeline.seq
        """,  # noqa: S608  # a piece of our own
    )
    for row in passed:
        found.looked()
        found.unless(row["kept"], f"application {row['no']}: {row['level']} passed it on, and nobody on record has left it to others")
        found.unless(
            not row["passed_over"],
            f"application {row['no']}: {row['level']} passed it on although {', '.join(row['passed_over'])} could decide it",
        )


async def _two_persons(sources: Sources, found: Findings) -> None:
    """Whatever was approved against what the assessment of that round had found was approved by two. The assessment is eligibility's own book."""
    approved = await sources.rows(
        "casework",
        """
        SELECT timeline.application_no AS no, word.level, word.sub, word.person, proposal.sub AS first, proposal.person AS first_person,
               1 + (SELECT count(*) FROM timeline AS earlier WHERE earlier.application_no = timeline.application_no
                    AND earlier.seq < timeline.seq AND earlier.event IN ('corrected', 'corrected_with_new_adult')) AS round
        FROM timeline JOIN word ON word.id = timeline.word_id LEFT JOIN proposal ON proposal.word_id = word.id AND proposal.void = ''
        WHERE word.update_name = 'decide' AND word.said->>'decision' = 'approve' ORDER BY no, timeline.seq
        """,
    )
    if not sources.has("eligibility"):
        found.note("no database of eligibility is known: approvals against the assessment were not looked at")
        return
    judged = {
        (row["application_no"], row["round"]): row["verdict"]
        for row in await sources.rows("eligibility", "SELECT application_no, round, verdict FROM assessment")
    }
    for row in approved:
        if judged.get((row["no"], row["round"]), "met") == "met":
            continue
        found.looked()
        two = row["first"] is not None and row["first"] != row["sub"] and not (row["person"] and row["person"] == row["first_person"])
        found.unless(two, f"application {row['no']}: {row['level']} approved it against the assessment, and one person alone")


async def _since(sources: Sources, service: str, *, whole: bool) -> Since:
    """What is new: a step, a word, or either beside the other. A word that was taken out is missed by its step (``_fresh``)."""
    since = await sources.since("I1", service, grows=("timeline",) if service == "casework" else ())
    return Since(None, since.now) if whole else since


def _fresh(since: Since, *tables: str) -> str:
    """Rows of the first table with their words: those of which anything is new, and those whose word is not there."""
    new = " OR ".join(since.new(table) for table in (*tables, "word"))
    return f"(COALESCE({new}, false) OR ({tables[0]}.word_id <> '' AND word.id IS NULL))"


async def _as_said(sources: Sources, service: str, found: Findings, ring: KeyRing | None, since: Since) -> None:
    """Each new word as it was said: its digest is of what stands there."""
    for row in await sources.rows(service, f"SELECT * FROM word WHERE {since.new('word')}"):  # noqa: S608  # a condition of ours
        named = f"{service}: word {row['id']} ({row['update_name']})"
        said = json.loads(row["said"])
        found.unless(
            said.get("actor") == row["sub"] and said.get("request_id") == row["id"], f"{named} names another person or another request"
        )
        model = _MODELS.get(row["update_name"])
        if model is None:
            found.violation(f"{named} is nothing a person may say")
        elif ring is not None or not row["texts_sealed"]:
            texts = _texts(row, ring)
            if texts is None or digest(model.model_validate({**said, **texts})) != row["digest"]:
                found.violation(f"{named} is not what was said")


async def _words_of(sources: Sources, service: str, rows: Sequence[asyncpg.Record]) -> dict[str, asyncpg.Record]:
    """The words of these rows, by id. Read after them: a word is there before its step."""
    wanted = sorted({row["word_id"] for row in rows} - {""})
    return {row["id"]: row for row in await sources.rows(service, "SELECT * FROM word WHERE id = ANY($1)", wanted)}


def _texts(row: asyncpg.Record, ring: KeyRing | None) -> Mapping[str, str] | None:
    """What the person wrote; None when it does not open."""
    if not row["texts_sealed"] or ring is None:
        return {}
    try:
        texts: Mapping[str, str] = json.loads(ring.decrypt(row["texts_sealed"], f"word|texts_sealed|{row['id']}"))
    except DecryptionError:
        return None
    return texts


def _pair(
    found: Findings, named: str, words: Mapping[str, asyncpg.Record], word_id: str, workflow_id: str, sub: str, kinds: Sequence[str]
) -> Mapping[str, Any] | None:
    """What was said, when there is such a word of this person to this workflow."""
    found.looked()
    word = words.get(word_id) if word_id else None
    if word is None:
        found.violation(f"{named}: nobody has asked for it")
        return None
    found.unless(word["workflow_id"] == workflow_id, f"{named}: it was asked for in another matter")
    # What stands in the name of a counter, its person may have said under an account of his own.
    found.unless(sub in accounts_of(word["sub"], word["person"]), f"{named}: somebody else has asked for it")
    found.unless(word["state"] != REFUSED, f"{named}: what was asked for was refused")
    found.unless(word["kind"] in kinds, f"{named}: it was asked for by a {word['kind']}")
    said: Mapping[str, Any] = json.loads(word["said"])
    return {**said, "update": word["update_name"], "level": word["level"], "roles": word["roles"], "step_id": word["step_id"]}


async def _cases(sources: Sources, found: Findings, ring: KeyRing | None, since: Since) -> None:
    rows = await sources.rows(
        "casework",
        f"""
        SELECT application_no AS no, timeline.seq, timeline.step_id, word_id, event, actor, actor_kind, note_sealed, objection_id, objection_level
        FROM timeline JOIN application ON application.no = timeline.application_no LEFT JOIN word ON word.id = word_id
        WHERE {_fresh(since, "timeline", "application")} ORDER BY application_no, timeline.seq
        """,  # noqa: S608  # a condition of ours
    )
    words = await _words_of(sources, "casework", rows)
    await _as_said(sources, "casework", found, ring, since)
    for row in rows:
        named = f"application {row['no']}, step {row['seq']} ({row['event']})"
        if row["actor_kind"] == "system":
            found.looked()
            found.unless(not row["word_id"] and row["actor"] in ("", "system"), f"{named}: a clock has no person behind it")
            continue
        kinds = (
            ("citizen",)
            if row["actor_kind"] == "citizen"
            else ("citizen", "staff")
            if row["actor_kind"] in ("public", "member")
            else ("staff",)
        )
        said = _pair(found, named, words, row["word_id"], application.workflow_id(row["no"]), row["actor"], kinds)
        if said is None:
            continue
        found.unless(said["step_id"] == row["step_id"], f"{named}: its request was for another step")
        found.unless(row["event"] in _events(said), f"{named}: something else was asked for")
        if "objection_id" in said:
            found.unless(said["objection_id"] == row["objection_id"], f"{named}: it was asked for about another objection")
        if kinds == ("staff",):
            level = row["objection_level"] if said["level"] == _OBJECTION else said["level"]
            duty = terms("levels").get(level)
            found.unless(level == row["actor_kind"], f"{named}: it was asked for in the name of another level")
            found.unless(duty is not None and duty.role in said["roles"], f"{named}: who asked for it has not that duty")
        if ring is not None:
            found.unless(_same_reason(row, words[row["word_id"]], ring), f"{named}: its reason is not the one that was given")


def _events(said: Mapping[str, Any]) -> Sequence[str]:
    """The steps which carry out what was said."""
    match said["update"]:
        case application.DECIDE:
            return (_EVENT[said["decision"]](said["level"]),)
        case application.DECIDE_OBJECTION:
            return ("objection_upheld",) if said["upheld"] else ("objection_dismissed", "one_objection_dismissed")
        case application.RAISE_OBJECTION:
            return ("objection_raised",)
        case application.CORRECT:
            return ("corrected_with_new_adult",) if said["awaited"] else ("corrected",)
        case application.WITHDRAW_CONSENT:
            return ("consent_withdrawn",)
        case application.CONFIRM:
            return ("member_confirmed", "all_confirmed") if said["agrees"] else ("member_refused",)
        case application.WITHDRAW:
            return ("withdrawn",)
    return ()


def _same_reason(row: asyncpg.Record, word: asyncpg.Record, ring: KeyRing) -> bool:
    """The note of a step is what the person wrote. A remark to an approval stays with the word, and a withdrawal needs no reason."""
    texts = _texts(word, ring) or {}
    written = texts.get("reason", "") or texts.get("answer", "")
    if row["event"].endswith("_approved") or (row["event"] == "withdrawn" and not written):
        return True
    try:
        note = ring.decrypt(row["note_sealed"], f"timeline|note_sealed|{row['no']}/{row['seq']}").decode() if row["note_sealed"] else ""
    except DecryptionError:
        return False
    return note == written


async def _households(sources: Sources, found: Findings, ring: KeyRing | None, since: Since) -> None:
    async def with_words(table: str, columns: str, where: str) -> list[asyncpg.Record]:
        return await sources.rows(
            "housing",
            f"SELECT {columns}, {table}.owner, word_id FROM {table} LEFT JOIN word ON word.id = word_id WHERE {where} AND {_fresh(since, table)}",  # noqa: S608  # ours
        )

    offers = await with_words("offers", "offers.id, application_no, offers.state", "offers.state <> 'open'")
    entries = await with_words("waiting", "application_no AS no, waiting.state", "closed_at IS NOT NULL")
    leases = await with_words("leases", "no", "signed_at IS NOT NULL")
    words = await _words_of(sources, "housing", [*offers, *entries, *leases])
    await _as_said(sources, "housing", found, ring, since)
    for row in offers:
        named = f"offer {row['id']} ({row['state']})"
        if row["state"] == "expired":
            found.looked()
            found.unless(not row["word_id"], f"{named}: a clock has no person behind it")
            continue
        workflow_id = waiting.workflow_id(row["application_no"])
        said = _pair(found, named, words, row["word_id"], workflow_id, row["owner"], ("citizen",))
        if said is not None:
            answered = said["update"] == waiting.ANSWER_OFFER and (said["offer_id"], said["accept"]) == (
                row["id"],
                row["state"] == "accepted",
            )
            left = said["update"] == waiting.LEAVE and row["state"] == "declined"
            found.unless(answered or left, f"{named}: something else was asked for")
    for row in entries:
        named = f"household of {row['no']} ({row['state']})"
        if row["state"] != "left":
            found.looked()
            found.unless(not row["word_id"], f"{named}: a clock has no person behind it")
            continue
        said = _pair(found, named, words, row["word_id"], waiting.workflow_id(row["no"]), row["owner"], ("citizen",))
        found.unless(said is None or said["update"] == waiting.LEAVE, f"{named}: something else was asked for")
    for row in leases:
        named = f"lease {row['no']} (signed)"
        said = _pair(found, named, words, row["word_id"], lease.workflow_id(row["no"]), row["owner"], ("citizen",))
        found.unless(said is None or said["update"] == lease.SIGN, f"{named}: something else was asked for")
