"""Registers: what was asked, on which grounds, what came back, and that no decision rests on anything else.

Three records are compared which nobody can change together: casework's consent and dossiers, the gateway's access log with its receipts, and the book
which the departments keep themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
from anju_people.index import PERSON_KEYS, PersonIndex
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing

from anju_verify.check import Findings, Register, UnreachableError
from anju_verify.people import Household
from anju_verify.sources import Sources

check: Final = Register()

_GENESIS: Final = "0" * 64
_ASKED: Final = "registry-request"
# Calls which only fetch a key, and are about nobody.
_KEY_OPERATIONS: Final = ("/auth/token", "/sysapi/auth/refreshappsecret")
# Switches after which an answer is somebody else's, an old one, unsigned or none at all: nothing may be believed of it.
_NOT_TO_BELIEVE: Final = frozenset(
    {"wrong_person", "bad_signature", "garbage", "inner_failure", "null_data", "quota", "status", "down", "timeout"}
)
# Which register each criterion rests on, by our own knowledge. A criterion we do not know is taken at its word.
_RESTS_ON: Final = {
    "housing_area": "real_estate",
    "income": "social_insurance",
    "insured_months": "social_insurance",
    "vehicle_count": "vehicles",
    "vehicle_value": "vehicles",
    "marriage": "marriage",
}
_RELIABLE: Final = ("found", "no_record")
# A question that was on its way when its consent was taken back: as long as a gateway's try lasts, and one answer of casework's.
_ON_ITS_WAY: Final = timedelta(minutes=1)
# What no question may be without.
_NEEDED: Final = ("purpose", "legal_basis", "application_no", "operator", "consent_id", "consent_channel", "consent_version", "fields")
_PEOPLE: Final = ("street", "district", "city", "citizen", "public")

Row = asyncpg.Record


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_instant).encode()


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(type(value).__name__)


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


async def _log(sources: Sources) -> list[Row]:
    return await sources.once("access log", lambda: sources.rows("registry-gateway", "SELECT * FROM access_log ORDER BY seq"))


async def _receipts(sources: Sources) -> list[Row]:
    return await sources.once("receipts", lambda: sources.rows("registry-gateway", "SELECT * FROM receipt ORDER BY id"))


def _server(row: Row) -> str:
    """The department's own name for where a question went."""
    return f"real_estate_{row['endpoint']}" if row["register_name"] == "real_estate" else row["register_name"]


# --- R1 ------------------------------------------------------------------------------------------------------------------------------------


@check("R1", "purpose, basis, case, operator, consent and subject on every query; the departments' books = our log")
async def r1(sources: Sources, found: Findings) -> None:
    questions = [row for row in await _log(sources) if row["kind"] == "question"]
    await _grounds(sources, questions, found)
    try:
        await _departments_agree(sources, questions, found)
    except UnreachableError as error:
        found.note(f"the departments' own books were not compared: {error}")


async def _grounds(sources: Sources, questions: list[Row], found: Findings) -> None:
    """The consents of everybody of the household, before anything was asked about anybody of it; the one a question names is the person's own."""
    consents: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in await sources.rows("casework", "SELECT * FROM consent WHERE agrees ORDER BY given_at"):
        consents[row["application_no"]][row["blind"]].append(row)
    households = {
        (row["application_no"], row["round"]): row["blinds"]
        for row in await sources.rows("casework", "SELECT application_no, round, blinds FROM dossier")
    }
    found.looked(len(questions))
    for row in questions:
        named = f"question {row['request_id']} ({row['register_name']}, {row['application_no']})"
        missing = [name for name in _NEEDED if not row[name].strip()]
        found.unless(not missing, f"{named} has no {', '.join(missing)}")
        given = consents.get(row["application_no"])
        if given is None:
            found.violation(f"{named}: there is no such case with a consent")
            continue
        household = households.get((row["application_no"], row["round"]), ())
        theirs = [_stood(given[blind], row["recorded_at"]) for blind in household if blind in given]
        found.unless(len(theirs) == len(household), f"{named}: somebody of the household had not confirmed")
        found.unless(
            all(row["register_name"] in each["registers"] for each in theirs), f"{named}: the household did not agree to this register"
        )
        own = [(each["id"], each["channel"], each["text_version"], each["given_at"]) for each in given.get(row["person"], ())]
        if own:
            found.unless(_named(row) in own, f"{named} names another consent than the person has given")
        found.unless(
            all(each["given_at"] <= row["recorded_at"] for each in theirs), f"{named}: it was asked before everybody had confirmed"
        )
        found.unless(
            all(each["withdrawn_at"] is None or row["recorded_at"] < each["withdrawn_at"] + _ON_ITS_WAY for each in theirs),
            f"{named}: it was asked after somebody had taken his consent back",
        )
        found.unless(0 <= row["subject_index"] < len(household), f"{named} is about nobody of the household")


def _stood(given: list[Row], at: datetime) -> Row:
    """Of what one person has agreed to, in order, what stood at an instant; his first where none did yet."""
    return next((each for each in reversed(given) if each["given_at"] <= at), given[0])


def _named(question: Row) -> tuple[Any, ...]:
    return question["consent_id"], question["consent_channel"], question["consent_version"], question["consent_given_at"]


async def _departments_agree(sources: Sources, questions: list[Row], found: Findings) -> None:
    credentials = (await sources.control("GET", "/credentials"))["credentials"]
    book = [entry for entry in await sources.book("/book") if entry["server"] in credentials["departments"]]
    business = [entry for entry in book if entry["operation"] not in _KEY_OPERATIONS and (entry["request_id"] or entry["subject_hash"])]
    found.looked(len(business))
    by_id = {row["request_id"]: row for row in questions}
    key = bytes.fromhex(credentials["book_key"])
    households = await sources.households()
    seen: dict[str, int] = defaultdict(int)
    for entry in business:
        named = f"entry {entry['seq']} of the book of {entry['server']}"
        row = by_id.get(entry["request_id"])
        if row is None:
            found.violation(f"{named}: asked without a line in our log")
            continue
        seen[entry["request_id"]] += 1
        found.unless(entry["server"] == _server(row), f"{named}: our log has question {row['request_id']} at {_server(row)}")
        expected = _subject_hash(key, households.get((row["application_no"], row["round"])), row["subject_index"])
        if expected and entry["subject_hash"]:
            found.unless(
                entry["subject_hash"] == expected, f"{named}: question {row['request_id']} was about somebody else than our log says"
            )
    for request_id, count in seen.items():
        found.unless(count == 1, f"question {request_id} arrived {count} times: one line of the log, one question")
    # Answered means that it arrived. (A question without an answer may have been lost on its way.)
    oldest = min((datetime.fromisoformat(entry["at"]) for entry in book), default=None)
    answered = {row["attempt_id"] for row in await _log(sources) if row["kind"] == "answer" and row["outcome"] != "unavailable"}
    for row in questions:
        kept = oldest is not None and (row["recorded_at"] >= oldest or book[0]["seq"] == 1)
        if kept and row["attempt_id"] in answered:
            found.unless(row["request_id"] in seen, f"question {row['request_id']} was answered, and {_server(row)} never got it")


def _subject_hash(key: bytes, household: Household | None, index: int) -> str:
    if household is None or not 0 <= index < len(household.members):
        return ""
    return hmac.new(key, household.members[index].id_number.upper().encode(), hashlib.sha256).hexdigest()


# --- R2 ------------------------------------------------------------------------------------------------------------------------------------


@check("R2", "each question once, at most one accepted answer to it, bound by hash")
async def r2(sources: Sources, found: Findings) -> None:
    ring = sources.keys(FIELD_KEYS)
    households = await sources.households()
    questions: dict[str, list[Row]] = defaultdict(list)
    answers: dict[str, list[Row]] = defaultdict(list)
    for row in await _log(sources):
        if row["kind"] == "question":
            questions[row["attempt_id"]].append(row)
        elif row["kind"] == "answer":
            answers[row["attempt_id"]].append(row)
    for attempt, asked in questions.items():
        found.looked(len(asked))
        found.unless(len({row["request_id"] for row in asked}) == len(asked), f"attempt {attempt} uses one request id twice")
        for row in asked:
            expected = _request_hash(row, households.get((row["application_no"], row["round"])), ring)
            found.unless(expected in ("", row["request_hash"]), f"question {row['request_id']} is not the one its hash names")
    for attempt, given in answers.items():
        found.looked(len(given))
        found.unless(len(given) == 1, f"attempt {attempt} was answered {len(given)} times")
        asked = questions.get(attempt, [])
        found.unless(asked, f"attempt {attempt} was answered and never asked")
        for row in given:
            bound = _sha256(_canonical([each["request_hash"] for each in asked]))
            found.unless(row["request_hash"] == bound, f"the answer to attempt {attempt} is not bound to its questions")
    receipts = await _receipts(sources)
    accepted: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for receipt in receipts:
        found.looked()
        _bound(receipt, answers.get(receipt["attempt_id"], []), ring, found)
        if receipt["accepted"]:
            place = ("application_no", "round", "register_name", "subject_index", "endpoint")
            accepted[tuple(receipt[name] for name in place)].append(receipt["id"])
    for ids in accepted.values():
        found.unless(len(ids) == 1, f"receipts {', '.join(ids)} answer the same question")


def _request_hash(row: Row, household: Household | None, ring: KeyRing | None) -> str:
    """Recomputed from the person in the dossier; empty when this verifier may not know the person."""
    if ring is None or household is None or not 0 <= row["subject_index"] < len(household.members):
        return ""
    subject = ring.blind_index(household.members[row["subject_index"]].id_number, _ASKED)
    parts = [row["request_id"], row["register_name"], row["endpoint"], subject, row["fields"], row["purpose"], row["consent_id"]]
    return _sha256(_canonical(parts))


def _bound(receipt: Row, answers: list[Row], ring: KeyRing | None, found: Findings) -> None:
    """A receipt is the answer the log has, and its body is what the evidence hash names."""
    named = f"receipt {receipt['id']}"
    same = ("request_hash", "evidence_hash", "outcome", "application_no", "round", "register_name", "endpoint", "subject_index")
    agrees = any(all(row[name] == receipt[name] for name in same) for row in answers)
    found.unless(agrees, f"{named} is not the answer which the log has for attempt {receipt['attempt_id']}")
    found.unless(receipt["accepted"] == (receipt["outcome"] != "mismatch"), f"{named} is a mismatch and was accepted")
    if receipt["body"] is None or receipt["salt"] is None or ring is None:
        return
    try:
        body = ring.decrypt(receipt["body"], f"receipt|body|{receipt['id']}")
    except DecryptionError:
        found.violation(f"{named} does not open in its place")
        return
    found.unless(_sha256(receipt["salt"], body) == receipt["evidence_hash"], f"{named} is not what its evidence hash names")
    inside = json.loads(body)
    pairs = {"register": "register_name"} | {
        name: name for name in ("attempt_id", "request_hash", "application_no", "round", "endpoint", "subject_index")
    }
    wrong = [name for name, column in pairs.items() if inside.get(name) != receipt[column]]
    found.unless(not wrong, f"{named} holds the answer to something else: {', '.join(wrong)}")


# --- R3, R4 --------------------------------------------------------------------------------------------------------------------------------


def _rests_on(criterion: dict[str, Any]) -> tuple[str, ...]:
    own = _RESTS_ON.get(criterion["code"])
    return (own,) if own else tuple(criterion["registers"])


async def _judgements(sources: Sources, found: Findings, which: str = "true") -> list[tuple[Row, list[dict[str, Any]]]]:
    """Every assessment, or those of which the condition holds, with its criteria. Raises UnreachableError without the field keys: judgements are sealed."""
    ring = sources.keys(FIELD_KEYS)
    if ring is None:
        raise UnreachableError("judgements are sealed, and the field keys are not there")
    opened = []
    sql = f"SELECT id, application_no, round, verdict, judgement FROM assessment WHERE {which}"  # noqa: S608  # a condition of ours
    for row in await sources.rows("eligibility", sql):
        found.looked()
        try:
            judgement = json.loads(ring.decrypt(row["judgement"], f"assessment|judgement|{row['id']}"))
        except DecryptionError:
            found.violation(f"assessment {row['id']} does not open in its place")
            continue
        found.unless(judgement["verdict"] == row["verdict"], f"assessment {row['id']}: the verdict on record is not the one judged")
        opened.append((row, judgement["criteria"]))
    return opened


@check("R3", "no decision rests on a reply about another subject, to another request, stale or unsigned")
async def r3(sources: Sources, found: Findings) -> None:
    judged = await sources.since("R3", "eligibility", grows=("assessment",))
    answered = await sources.since("R3", "registry-gateway", grows=("receipt",))
    everything = None in (judged.before, answered.before)
    receipts = {row["id"]: row for row in await _receipts(sources)}
    for row, criteria in await _judgements(sources, found, "true" if everything else judged.new("assessment")):
        for criterion in criteria:
            for receipt_id in criterion["receipt_ids"]:
                named = f"assessment {row['id']}, {criterion['code']}: receipt {receipt_id}"
                receipt = receipts.get(receipt_id)
                if receipt is None or not receipt["accepted"]:
                    found.violation(f"{named} was not accepted")
                    continue
                same = (receipt["application_no"], receipt["round"]) == (row["application_no"], row["round"])
                found.unless(same, f"{named} is about another case or round")
                rests_on = _rests_on(criterion)
                found.unless(
                    receipt["register_name"] in rests_on, f"{named} is of {receipt['register_name']}, not of {', '.join(rests_on) or 'any'}"
                )
    if not everything:
        fresh = {row["id"] for row in await sources.rows("registry-gateway", f"SELECT id FROM receipt WHERE {answered.new('receipt')}")}  # noqa: S608  # a condition of ours
        receipts = {id_: row for id_, row in receipts.items() if id_ in fresh}
    try:
        await _nothing_false_accepted(sources, receipts, found)
    except UnreachableError as error:
        found.note(f"the departments' own books were not compared: {error}")


async def _nothing_false_accepted(sources: Sources, receipts: Mapping[str, Row], found: Findings) -> None:
    """The department knows which of its answers were false; none of them may be an accepted receipt."""
    by_request = {entry["request_id"]: entry for entry in await sources.book("/book") if entry["request_id"]}
    asked: dict[str, list[str]] = defaultdict(list)
    for row in await _log(sources):
        if row["kind"] == "question":
            asked[row["attempt_id"]].append(row["request_id"])
    earlier = _answered_before(by_request.values())
    for receipt in receipts.values():
        if not receipt["accepted"]:
            continue
        found.looked()
        for request_id in asked[receipt["attempt_id"]]:
            entry = by_request.get(request_id)
            if entry is None:
                continue
            replayed = entry["fault"] == "replay" and earlier.get((entry["server"], entry["operation"]), entry["seq"]) < entry["seq"]
            false = entry["fault"] in _NOT_TO_BELIEVE or replayed
            found.unless(not false, f"receipt {receipt['id']} was accepted, though {entry['server']} sent {entry['fault']} to {request_id}")


def _answered_before(entries: Any) -> dict[tuple[str, str], int]:
    """The first real answer at each office: before it there was nothing to send again, and a replay switch did nothing."""
    first: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry["outcome"] in _RELIABLE:
            place = (entry["server"], entry["operation"])
            first[place] = min(first.get(place, entry["seq"]), entry["seq"])
    return first


@check("R4", "an outage or a mismatch never becomes a rejection")
async def r4(sources: Sources, found: Findings) -> None:
    lookups = {
        (row["application_no"], row["round"], row["register_name"]): row
        for row in await sources.rows("registry-gateway", "SELECT application_no, round, register_name, outcome, finished FROM lookup")
    }
    for row, criteria in await _judgements(sources, found):
        for criterion in criteria:
            if criterion["verdict"] != "not_met":
                continue
            for register in _rests_on(criterion):
                lookup = lookups.get((row["application_no"], row["round"], register))
                relied = lookup is not None and lookup["finished"] and lookup["outcome"] in _RELIABLE
                said = lookup["outcome"] or "nothing" if lookup is not None else "nothing"
                found.unless(relied, f"assessment {row['id']}: {criterion['code']} is not met, but {register} said {said}")
    rejected = await sources.rows(
        "casework",
        """
        SELECT DISTINCT ON (no) no, event, actor, actor_kind FROM application JOIN timeline ON application_no = no
        WHERE application.stage = 'rejected' ORDER BY no, timeline.seq DESC
        """,
    )
    found.looked(len(rejected))
    for row in rejected:
        by_somebody = row["actor_kind"] in _PEOPLE and row["actor"] not in ("", "system")
        found.unless(by_somebody, f"application {row['no']} was rejected by {row['event']}, and by nobody")


# --- R5 ------------------------------------------------------------------------------------------------------------------------------------


@check("R5", "every query stands in the log under the person it was about: what he sees is the log")
async def r5(sources: Sources, found: Findings) -> None:
    ring = sources.keys(PERSON_KEYS)
    people = PersonIndex(ring) if ring is not None else None
    households = await sources.households()
    blinds = {
        (row["application_no"], row["round"]): frozenset(row["blinds"])
        for row in await sources.rows("casework", "SELECT application_no, round, blinds FROM dossier")
    }
    for row in await _log(sources):
        if row["kind"] not in ("question", "answer"):
            continue
        found.looked()
        place = (row["application_no"], row["round"])
        household, index = households.get(place), row["subject_index"]
        if people is not None and household is not None and 0 <= index < len(household.members):
            right = row["person"] == people.of(household.members[index].id_number)
        else:
            # Without the keys nobody can say which member it is; one of the household it must be.
            right = row["person"] in blinds.get(place, ())
        found.unless(right, f"entry {row['seq']} of the access log does not stand under the person it was about")


# --- R6 ------------------------------------------------------------------------------------------------------------------------------------


@check("R6", "the access log is an unbroken chain")
async def r6(sources: Sources, found: Findings) -> None:
    since = await sources.since("R6", "registry-gateway", grows=("access_log",))
    last = sources.mark("R6")
    seq, before = (last.more["seq"], last.more["hash"]) if last is not None and since.before is not None else (0, _GENESIS)
    # Where the next look may begin.
    sources.mark("R6", seq=seq, hash=before)
    rows = await sources.rows(
        "registry-gateway",
        f"SELECT *, {since.unsettled('access_log')} AS unsettled FROM access_log WHERE seq > $1 ORDER BY seq",  # noqa: S608  # a condition of ours
        seq,
    )
    settled = True
    for number, row in enumerate(rows, start=seq + 1):
        found.looked()
        entry = {name: value for name, value in dict(row).items() if name not in ("hash", "prev_hash", "unsettled")}
        whole = row["seq"] == number and row["prev_hash"] == before
        if not whole or _sha256(bytes.fromhex(before), _canonical(entry)) != row["hash"]:
            found.violation(f"entry {number} of the access log was changed, moved or taken out")
            return
        before = row["hash"]
        settled = settled and not row["unsettled"]
        if settled:
            sources.mark("R6", seq=number, hash=before)
