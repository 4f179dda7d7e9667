"""Files of more rows than one person takes away: one asks, a second one consents, and for a day the first may fetch exactly what was asked.

The service whose list it is keeps the request, because it is the one that shows the rows: at every page it compares what is asked now with what was
consented to, so nobody in between has to be believed. The second one is another verified person, of a duty of the first or an auditor, whose divisions
cover the first one's. Asking and answering stay on record, and every page is a look as any other (``casekit.reads``); a page somebody has consented to
does not count towards the number of households of one person's day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from anju.reads.v1 import reads_pb2 as pb
from anju_people import text as words
from anju_terms import is_code
from chassis import once
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, FieldViolation, Problem, Refusal, invalid
from chassis.identity import Caller
from chassis.ids import stable_id
from chassis.wire import missing, stamp, wrong
from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, LargeBinary, MetaData, String, Table, text
from sqlalchemy.dialects import postgresql

# A file is fetched within a day of the consent; who has not been answered in a week asks again.
GOOD_FOR: Final = timedelta(hours=24)
WAITS: Final = timedelta(days=7)
MAX_REASON_CHARS: Final = 500
MAX_WAITING: Final = 20
MAX_SHOWN: Final = 100
MAX_REQUEST_BYTES: Final = 2_000

EXPORT_NOT_APPROVED: Final = Problem(
    "EXPORT_NOT_APPROVED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "这份表格没有获得批准，或批准已过 24 小时，请重新申请。",
    "Nobody has consented to this file, or the day for fetching it is over. Ask again.",
)
EXPORT_ANSWERED: Final = Problem(
    "EXPORT_ANSWERED",
    grpc.StatusCode.FAILED_PRECONDITION,
    "该申请已经答复或已过期。",
    "The request has been answered, or its time is over.",
)
EXPORT_NEEDS_ANOTHER: Final = Problem(
    "EXPORT_NEEDS_ANOTHER",
    grpc.StatusCode.PERMISSION_DENIED,
    "须由同岗位或审计岗位的另一位实名人员批准，其管辖范围应包含申请人的范围。",
    "Another verified person has to consent: of the same duty or an auditor, whose divisions cover those of who asks.",
)
WHO_IS_NOT_KNOWN: Final = Problem(
    "WHO_IS_NOT_KNOWN",
    grpc.StatusCode.FAILED_PRECONDITION,
    "您的账号没有实名信息，不能申请或批准。请联系管理人员核实身份。",
    "Your account is of no verified person, so it can neither ask nor consent. Have your identity verified.",
)

_ASK: Final = text(
    """
    INSERT INTO staff_export (id, list, request, columns, rows, purpose, reason_sealed, sub, person, official_sealed, roles, divisions, asked_at, state,
                              answered_sub, answered_person, answerer_sealed)
    SELECT CAST(:id AS text), CAST(:list AS text), CAST(:request AS bytea), CAST(:columns AS text), CAST(:rows AS bigint), CAST(:purpose AS text),
           CAST(:reason_sealed AS bytea), CAST(:sub AS text), CAST(:person AS text), CAST(:official_sealed AS bytea), CAST(:roles AS text[]),
           CAST(:divisions AS text[]), CAST(:asked_at AS timestamptz), 'waiting', '', '', CAST('' AS bytea)
    WHERE (SELECT count(*) FROM staff_export WHERE sub = CAST(:sub AS text) AND state = 'waiting' AND asked_at > CAST(:since AS timestamptz)) < CAST(:at_most AS int)
    ON CONFLICT (id) DO NOTHING
    """
)
_ONE: Final = text("SELECT * FROM staff_export WHERE id = :id")
# Whose it is, and whoever may read what others have asked for: his own duties, or an auditor; divisions are compared below.
_LIST: Final = text(
    """
    SELECT * FROM staff_export
    WHERE sub = :sub OR CAST(:auditor AS bool) OR roles && CAST(:roles AS varchar[])
    ORDER BY asked_at DESC, id DESC LIMIT :most
    """
)
_ANSWER: Final = text(
    """
    UPDATE staff_export SET state = :state, answered_sub = :sub, answered_person = :person, answerer_sealed = :answerer_sealed, answered_at = CAST(:at AS timestamptz)
    WHERE id = :id AND state = 'waiting' AND asked_at > CAST(:since AS timestamptz) RETURNING *
    """
)


def define(metadata: MetaData) -> None:
    """The table, for a service's metadata; ``casekit.export_table`` makes it."""
    Table(
        "staff_export",
        metadata,
        Column("id", String, primary_key=True),
        Column("list", String, nullable=False),
        Column("request", LargeBinary, nullable=False),
        Column("columns", String, nullable=False),
        Column("rows", BigInteger, nullable=False),
        Column("purpose", String, nullable=False),
        Column("reason_sealed", LargeBinary, nullable=False),
        Column("sub", String, nullable=False),
        Column("person", String, nullable=False),
        Column("official_sealed", LargeBinary, nullable=False),
        Column("roles", postgresql.ARRAY(String), nullable=False),
        Column("divisions", postgresql.ARRAY(String), nullable=False),
        Column("asked_at", DateTime(timezone=True), nullable=False),
        Column("state", String, nullable=False),
        Column("answered_sub", String, nullable=False),
        Column("answered_person", String, nullable=False),
        Column("answerer_sealed", LargeBinary, nullable=False),
        Column("answered_at", DateTime(timezone=True), nullable=True),
        CheckConstraint("state IN ('waiting', 'approved', 'refused')", name="ck_staff_export_state"),
        CheckConstraint("(state = 'waiting') = (answered_at IS NULL)", name="ck_staff_export_answered"),
        CheckConstraint("state = 'waiting' OR (person <> '' AND answered_person <> '')", name="ck_staff_export_known"),
        CheckConstraint("person <> answered_person AND sub <> answered_sub", name="ck_staff_export_two_persons"),
        Index("ix_staff_export_asked_at", "asked_at", "id"),
    )


def asked_of(request: Any) -> bytes:
    """What a list is asked for, whichever page of it: filter, order and purpose."""
    whole = type(request)()
    whole.CopyFrom(request)
    whole.ClearField("page")
    whole.page.sort, whole.page.purpose = request.page.sort, request.page.purpose
    kept: bytes = whole.SerializeToString(deterministic=True)
    return kept


class Exports:
    """The requests one service keeps for its own lists."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    async def ask(self, caller: Caller, request: pb.RequestExportRequest) -> pb.Export:
        """Raises Refusal(WHO_IS_NOT_KNOWN), and for what is missing or too long."""
        _known(caller)
        reason = words.clean(request.reason)
        faults: list[FieldViolation] = []
        if not is_code("export_purposes", request.purpose):
            faults.append(wrong("/purpose", "请选择导出的用途。", "Choose what the file is for."))
        if not is_code("exports", request.list):
            faults.append(wrong("/list", "没有这个列表。", "There is no such list."))
        if not reason:
            faults.append(missing("/reason"))
        elif len(reason) > MAX_REASON_CHARS:
            faults.append(wrong("/reason", f"最多填写{MAX_REASON_CHARS}个字。", f"At most {MAX_REASON_CHARS} characters."))
        if len(request.request) > MAX_REQUEST_BYTES:
            faults.append(wrong("/request", "筛选条件过长。", "The filter is too long."))
        if faults:
            raise invalid(faults)
        row_id, now = stable_id("ex", once.request_key(caller, request)), datetime.now(UTC)
        values = {
            "id": row_id,
            "list": request.list,
            "request": request.request,
            "columns": " ".join(request.columns),
            "rows": request.rows,
            "purpose": request.purpose,
            "reason_sealed": self._seal(reason, "reason", row_id),
            "sub": caller.sub,
            "person": caller.person,
            "official_sealed": self._seal(request.official, "official", row_id),
            "roles": sorted(caller.roles),
            "divisions": sorted(caller.divisions),
            "asked_at": now,
            "since": now - WAITS,
            "at_most": MAX_WAITING,
        }
        async with self._database.statements() as session:
            await session.execute(_ASK, values)
            row = (await session.execute(_ONE, {"id": row_id})).one_or_none()
        if row is None:
            raise invalid(
                [
                    wrong(
                        "/list", "您已有多件申请在等待批准，请先等答复。", "Several of your requests are waiting; wait for an answer first."
                    )
                ]
            )
        return self._shown(caller, row)

    async def of(self, caller: Caller) -> Sequence[pb.Export]:
        """His own and those of his duty, or of everybody for an auditor, as far as his divisions cover theirs; the latest first."""
        wanted = {"sub": caller.sub, "roles": list(caller.roles), "auditor": caller.has_role("auditor"), "most": MAX_SHOWN}
        async with self._database.statements() as session:
            rows = (await session.execute(_LIST, wanted)).all()
        return [self._shown(caller, row) for row in rows if row.sub == caller.sub or _covers(caller, row)]

    async def one(self, caller: Caller, export_id: str) -> pb.Export:
        """His own. Raises Refusal(NOT_FOUND)."""
        async with self._database.statements() as session:
            row = (await session.execute(_ONE, {"id": export_id})).one_or_none()
        if row is None or row.sub != caller.sub:
            raise Refusal(NOT_FOUND)
        return self._shown(caller, row)

    async def answer(self, caller: Caller, request: pb.AnswerExportRequest) -> pb.Export:
        """The same answer of the same person again changes nothing. Raises Refusal(EXPORT_NEEDS_ANOTHER), (EXPORT_ANSWERED), (NOT_FOUND)."""
        _known(caller)
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            row = (await session.execute(_ONE, {"id": request.id})).one_or_none()
            if row is None or not (row.sub == caller.sub or _covers(caller, row)):
                raise Refusal(NOT_FOUND)
            if not _is_another(caller, row):
                raise Refusal(EXPORT_NEEDS_ANOTHER)
            state = "approved" if request.approve else "refused"
            values = {
                "id": row.id,
                "state": state,
                "sub": caller.sub,
                "person": caller.person,
                "answerer_sealed": self._seal(request.official, "answerer", row.id),
                "at": now,
                "since": now - WAITS,
            }
            answered = (await session.execute(_ANSWER, values)).one_or_none()
            if answered is None and (row.state, row.answered_sub) == (state, caller.sub):
                answered = row
        if answered is None:
            raise Refusal(EXPORT_ANSWERED)
        return self._shown(caller, answered)

    async def require(self, caller: Caller, what: str, request: Any) -> None:
        """That somebody has consented to exactly this. Raises Refusal(EXPORT_NOT_APPROVED)."""
        async with self._database.statements() as session:
            row = (await session.execute(_ONE, {"id": request.page.approval})).one_or_none()
        good = row is not None and row.state == "approved" and row.answered_at + GOOD_FOR > datetime.now(UTC)
        if row is None or not good or (row.sub, row.list, row.request) != (caller.sub, what, asked_of(request)):
            raise Refusal(EXPORT_NOT_APPROVED)

    def _shown(self, caller: Caller, row: Any) -> pb.Export:
        now, until = datetime.now(UTC), row.answered_at + GOOD_FOR if row.state == "approved" else row.asked_at + WAITS
        lapsed = row.state in ("waiting", "approved") and until <= now
        return pb.Export(
            id=row.id,
            list=row.list,
            request=row.request,
            columns=row.columns.split(),
            rows=row.rows,
            purpose=row.purpose,
            reason=self._open(row.reason_sealed, "reason", row.id),
            official=self._open(row.official_sealed, "official", row.id),
            roles=row.roles,
            asked_at=stamp(row.asked_at),
            state="lapsed" if lapsed else row.state,
            answered_by=self._open(row.answerer_sealed, "answerer", row.id),
            answered_at=stamp(row.answered_at),
            until=stamp(until),
            own=row.sub == caller.sub,
            to_answer=row.state == "waiting" and not lapsed and bool(caller.person) and _is_another(caller, row),
        )

    def _seal(self, said: str, column: str, row_id: str) -> bytes:
        return self._ring.encrypt(said.encode(), f"staff_export|{column}|{row_id}")

    def _open(self, sealed: bytes, column: str, row_id: str) -> str:
        return self._ring.decrypt(sealed, f"staff_export|{column}|{row_id}").decode() if sealed else ""


def _known(caller: Caller) -> None:
    if not caller.person:
        raise Refusal(WHO_IS_NOT_KNOWN)


def _covers(caller: Caller, row: Any) -> bool:
    return bool(row.divisions) and all(caller.covers(division) for division in row.divisions) and caller.has_role("auditor", *row.roles)


def _is_another(caller: Caller, row: Any) -> bool:
    return caller.sub != row.sub and caller.person != row.person and _covers(caller, row)
