"""Privacy: what people are known by stands nowhere in the clear, and public lists show masks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

from anju_contracts import application
from anju_terms import terms

from anju_verify.canaries import MAX_CANARIES, Canary, Scanner
from anju_verify.check import Findings, Register, UnreachableError
from anju_verify.kept import never_rewritten
from anju_verify.people import Household
from anju_verify.sources import Sources

check: Final = Register()

# The engine's files in a box: the database with its write-ahead log.
_TEMPORAL_FILES: Final = "temporal/temporal.db*"
_TYPES: Final = ("text", "character varying", "character", "json", "jsonb", "bytea", "ARRAY", "xml", "name")
_BATCH_BYTES: Final = 1 << 20
_ID_NUMBER: Final = re.compile(r"(?<!\d)[1-9]\d{5}(?:18|19|20)?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]?(?!\d)")
_PHONE: Final = re.compile(r"(?<!\d)1\d{10}(?!\d)")
# 张*, 张*明, 欧*******娜: at most the first and the last character are shown.
_MASKED: Final = re.compile(r".?\*+.?")


# --- P1 ------------------------------------------------------------------------------------------------------------------------------------


async def canaries_of(sources: Sources) -> tuple[list[Canary], int]:
    """Everybody in the dossiers on record, and what was given by hand; and how many values were left out because there are too many."""
    given = [Canary(value, "given value", f"number {number}") for number, value in enumerate(sources.canaries, start=1)]
    known = [canary for household in (await sources.households()).values() for canary in _of(household)]
    public = await _public_words(sources)
    # A name which is also a word of the city's own public texts proves nothing where it is found.
    unique = {canary.value: canary for canary in known if canary.kind != "name" or not _stands_in(canary.value, public)}
    ordered = sorted(unique.values(), key=lambda canary: hashlib.sha256(canary.value.encode()).digest())
    return given + ordered[:MAX_CANARIES], max(0, len(ordered) - MAX_CANARIES)


def _of(household: Household) -> Iterable[Canary]:
    for index, member in enumerate(household.members):
        about = f"member {index + 1} of {household.application_no}"
        yield Canary(member.id_number, "identity number", about)
        if len(member.name) >= 2:
            yield Canary(member.name, "name", about)
    yield Canary(household.phone, "phone number", household.application_no)
    if len(household.address) >= 6:
        yield Canary(household.address, "address", household.application_no)


def _stands_in(name: str, public: str) -> bool:
    return name in public


async def _public_words(sources: Sources) -> str:
    words = []
    folder = sources.deployment.profile_dir
    if folder is not None:
        words += [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*")) if path.suffix in (".csv", ".yaml", ".md")]
    if sources.has("housing"):
        words += [f"{row['name']}{row['address']}" for row in await sources.rows("housing", "SELECT name, address FROM estates")]
    return "\n".join(words)


@check("P1", "canary values stand in no log, no history and no plain column")
async def p1(sources: Sources, found: Findings) -> None:
    canaries, left_out = await canaries_of(sources)
    scanner = Scanner(canaries)
    if not scanner:
        found.note("nobody is on record and no canary was given")
        return
    found.note(f"{len(canaries)} values searched for" + (f", {left_out} more left out" if left_out else ""))
    await _files(sources, scanner, found)
    for service in sources.deployment.databases:
        await _columns(sources, service, scanner, found)


async def _files(sources: Sources, scanner: Scanner, found: Findings) -> None:
    folder = sources.deployment.files_dir
    engine = list(folder.glob(_TEMPORAL_FILES)) if folder is not None else []
    logs = [*folder.glob("logs/**/*"), *folder.glob("*.log"), *folder.glob("*/*.log")] if folder is not None else []
    for path in sorted({path for path in [*engine, *logs] if path.is_file()}):
        found.looked()
        for canary in await asyncio.to_thread(scanner.search_file, path):
            found.violation(f"{_named(path, folder)} holds the {canary.kind} of {canary.about}")
    if not engine and sources.deployment.temporal.address:
        await _histories(sources, scanner, found)


def _named(path: Path, folder: Path | None) -> str:
    return str(path.relative_to(folder)) if folder is not None else path.name


async def _histories(sources: Sources, scanner: Scanner, found: Findings) -> None:
    """A cluster's files are out of reach: its histories are read as it gives them, without opening anything."""
    for execution in await sources.executions():
        history = await sources.history(execution)
        for event in history.events if history is not None else ():
            found.looked()
            for canary in scanner.search(event.SerializeToString()):
                found.violation(f"the history of {execution.id} holds the {canary.kind} of {canary.about} in event {event.event_id}")


async def _columns(sources: Sources, service: str, scanner: Scanner, found: Findings) -> None:
    """All columns that can hold words, the sealed ones too: sealed, they hold no value in the clear."""
    columns = await sources.rows(
        service,
        """
        SELECT columns.table_name, columns.column_name, columns.data_type FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = ANY($1)
        ORDER BY columns.table_name, columns.ordinal_position
        """,
        list(_TYPES),
    )
    for row in columns:
        table, column = row["table_name"], row["column_name"]
        hits: set[tuple[str, str]] = set()
        async for batch, count in _values(sources, service, table, column, binary=row["data_type"] == "bytea"):
            found.looked(count)
            hits |= {(canary.kind, canary.about) for canary in scanner.search(batch)}
        for kind, about in sorted(hits):
            found.violation(f"{service}: column {table}.{column} holds the {kind} of {about}")


async def _values(sources: Sources, service: str, table: str, column: str, *, binary: bool) -> AsyncIterator[tuple[bytes, int]]:
    """The column's values in batches, apart from each other by a byte that is in no pattern."""
    quoted = '"' + column.replace('"', '""') + '"'
    expression = quoted if binary else f"{quoted}::text"
    relation = '"' + table.replace('"', '""') + '"'
    parts: list[bytes] = []
    size = 0
    async for (value,) in sources.stream(service, f"SELECT {expression} FROM {relation} WHERE {quoted} IS NOT NULL"):  # noqa: S608  # names from the catalogue
        parts.append(value if binary else value.encode())
        size += len(parts[-1])
        if size > _BATCH_BYTES:
            yield b"\xff\xff".join(parts), len(parts)
            parts, size = [], 0
    if parts:
        yield b"\xff\xff".join(parts), len(parts)


# --- P2 ------------------------------------------------------------------------------------------------------------------------------------

# Each knows what it shows to staff itself.
_SHOW: Final = ("casework", "housing", "payments")
_LOOKS: Final = ("staff_read", "staff_read_household")
# What an official says about a case is answered with the case; an objection with itself.
_SEEN_WITH: Final = (application.DECIDE, application.DECIDE_OBJECTION, application.CONFIRM)


# Looks into a case by somebody who, as the record stood at that moment, did not act in it: of his own household's he reads the dossier as it does. Of a
# spouse the register names it is not on record since when. People under several accounts are one.
_LOOKS_OF_THE_NEAR: Final = """
    WITH person AS (
        SELECT sub, person FROM duty_holder WHERE person <> '' UNION SELECT sub, person FROM word WHERE kind = 'staff' AND person <> ''
        UNION SELECT sub, person FROM recusal_declaration WHERE person <> ''
    ), official AS (
        SELECT sub, person AS same FROM person
    ), look AS (
        SELECT staff_read.id, reader, what, at, application.no, application.owner, application.community, dossier.blinds, dossier.created_at
        FROM staff_read JOIN application ON application.no = ANY(households)
        JOIN dossier ON dossier.application_no = application.no AND dossier.round = application.round
        WHERE what IN ('dossier', 'review') AND dossier.created_at <= staff_read.at
    ), judged AS (
        SELECT look.*, CASE
            WHEN reader = owner OR EXISTS (SELECT FROM official WHERE sub = reader AND same = ANY(blinds)) THEN 'OWN_CASE'
            WHEN EXISTS (SELECT FROM declared_relative WHERE declaration_id = newest.id AND blind = ANY(blinds)) THEN 'RELATIVE_CASE'
            WHEN newest.community <> '' AND newest.community = look.community THEN 'OWN_COMMUNITY'
            WHEN EXISTS (
                SELECT FROM recusal WHERE application_no = look.no AND recusal.at < look.at
                AND (recusal.sub = reader OR recusal.person IN (SELECT same FROM official WHERE sub = reader))
            ) THEN 'RECUSED'
        END AS why
        FROM look LEFT JOIN LATERAL (
            SELECT id, community FROM recusal_declaration
            WHERE declared_at <= look.at AND (sub = reader OR person IN (SELECT same FROM official WHERE sub = reader))
            ORDER BY declared_at DESC, id LIMIT 1
        ) AS newest ON true
    )
    SELECT id, no, reader, what, why FROM judged WHERE why IS NOT NULL AND NOT (why = 'OWN_CASE' AND what = 'dossier') ORDER BY id
"""


@check(
    "P2",
    "looks of staff are on record and stay: nobody has decided on a case without a look at it or read what is in one he leaves to others, and no look was"
    " rewritten",
)
async def p2(sources: Sources, found: Findings) -> None:
    for service in filter(sources.has, _SHOW):
        await never_rewritten(sources, service, _LOOKS, found)
        for row in await sources.rows(
            service,
            """
            SELECT id FROM staff_read
            WHERE reader = '' OR roles = '' OR what <> ALL($1) OR day <> (at AT TIME ZONE 'Asia/Shanghai')::date ORDER BY id
            """,
            list(terms("reads")),
        ):
            found.violation(f"{service}: look {row['id']} does not say who it was, with which duty, at what and on its day")
    if sources.has("housing"):
        unseen = """
            SELECT application_no, id FROM offers
            WHERE NOT EXISTS (SELECT FROM staff_read WHERE what = 'offers' AND households @> ARRAY[application_no::varchar]) ORDER BY id
        """
        for row in await sources.rows("housing", unseen):
            found.violation(f"{row['application_no']}: offer {row['id']} was made, and nobody is on record as having seen it")
    if not sources.has("casework"):
        found.note("no database of casework is known: decisions were not compared with looks")
        return
    for row in await sources.rows("casework", _LOOKS_OF_THE_NEAR):
        found.violation(f"{row['no']}: {row['reader']} has read it ({row['what']}, look {row['id']}) and does not act in it ({row['why']})")
    said = await sources.rows(
        "casework",
        """
        SELECT word.sub, application.no,
               EXISTS (
                   SELECT FROM staff_read
                   WHERE reader = word.sub AND households @> ARRAY[application.no::varchar] AND staff_read.at <= word.said_at
               ) AS looked
        FROM word JOIN application ON word.workflow_id = $2::text || application.no
        WHERE word.kind = 'staff' AND word.state = 'taken' AND word.update_name = ANY($1) ORDER BY application.no, word.said_at
        """,
        list(_SEEN_WITH),
        application.workflow_id(""),
    )
    for row in said:
        found.looked()
        found.unless(row["looked"], f"{row['no']}: {row['sub']} has decided on it, and no look of his is on record")


# --- P3 ------------------------------------------------------------------------------------------------------------------------------------


@check("P3", "public lists show masked names and no number of a person")
async def p3(sources: Sources, found: Findings) -> None:
    names = {
        (household.application_no, member.name)
        for household in (await sources.households()).values()
        for member in household.members
        if len(member.name) >= 2
    }
    by_case: dict[str, set[str]] = {}
    for no, name in names:
        by_case.setdefault(no, set()).add(name)
    lists = {"notices": "/notices"}
    try:
        divisions = (await sources.public("/divisions"))["items"]
    except UnreachableError:
        divisions = []
        found.note("the divisions are not published: no waiting list was looked at")
    for division in divisions:
        if division["level"] == "district":
            lists[f"waiting list of {division['code']}"] = f"/districts/{division['code']}/waiting-list"
    for named, path in lists.items():
        for entry in await sources.public_list(path):
            found.looked()
            _masked(named, entry, by_case, found)


def _masked(named: str, entry: dict[str, Any], by_case: dict[str, set[str]], found: Findings) -> None:
    no = entry.get("application_no", "?")
    shown = f"{named}, {no}"
    found.unless(_MASKED.fullmatch(entry.get("masked_name", "")), f"{shown}: the name is not masked")
    text = json.dumps({key: value for key, value in entry.items() if key != "application_no"}, ensure_ascii=False)
    found.unless(not _ID_NUMBER.search(text), f"{shown}: there is an identity number in it")
    found.unless(not _PHONE.search(text), f"{shown}: there is a phone number in it")
    found.unless(not any(name in text for name in by_case.get(no, ())), f"{shown}: there is a whole name in it")


# --- P4 ------------------------------------------------------------------------------------------------------------------------------------

# What everybody may read without signing on is on record and does not count.
_PUBLIC: Final = ("waiting",)


@check("P4", "looks at many households in a day are counted as they were, alarmed once and limited")
async def p4(sources: Sources, found: Findings) -> None:
    for service in filter(sources.has, _SHOW):
        days = await sources.rows(
            service,
            """
            WITH counted AS (
                SELECT reader, day, count(DISTINCT household) FILTER (WHERE what <> ALL($1)) AS households,
                       count(*) FILTER (WHERE what = 'search' AND household IS NULL) AS missed
                FROM staff_read LEFT JOIN LATERAL unnest(households) AS household ON true GROUP BY reader, day
            )
            SELECT reader, day, coalesce(counted.households, 0) AS seen, kept.households, alarm_above, at_most, alarmed_at,
                   coalesce(counted.missed, 0) AS missed, misses, misses_alarm_above, misses_at_most
            FROM counted FULL JOIN staff_read_day AS kept USING (reader, day) ORDER BY day, reader
            """,
            list(_PUBLIC),
        )
        for row in days:
            found.looked()
            who = f"{service}: {row['reader']} on {row['day'].isoformat()}"
            seen = row["seen"]
            if row["households"] is None:
                found.violation(f"{who}: looks are on record and no count of them")
                continue
            found.unless(
                seen == row["households"], f"{who}: {row['households']} households are counted, and the looks show {seen}", f"{who}: count"
            )
            missed = row["missed"]
            found.unless(
                missed == row["misses"], f"{who}: {row['misses']} searches that found nobody are counted, and {missed} are on record"
            )
            # The number may have been changed during the day: who was above it once stays alarmed.
            above = seen > row["alarm_above"]
            found.unless(row["alarmed_at"] is not None or not above, f"{who}: {seen} households, and no alarm", f"{who}: alarm")
            probing = missed > row["misses_alarm_above"]
            found.unless(
                row["alarmed_at"] is not None or not probing,
                f"{who}: {missed} searches found nobody, and no alarm",
                f"{who}: alarm of searches",
            )
            found.unless(
                seen <= row["at_most"], f"{who}: {seen} households were shown, more than the limit of {row['at_most']}", f"{who}: limit"
            )
            found.unless(
                missed <= row["misses_at_most"],
                f"{who}: {missed} searches found nobody, more than the limit of {row['misses_at_most']}",
                f"{who}: limit of searches",
            )
