"""Objections of people to queries about themselves (Personal Information Protection Law, articles 44, 50 and 65), and the auditors' answers.

An objection is of the person the query was about and of nobody else; it stands at one entry of the log, has a day by which it is answered, and at most one
is open at an entry. The same ground is answered once. Nobody reads or answers one out of a case which he would not decide either. What people wrote is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import anju_calendar as calendar
from anju.casework.v1 import casework_pb2 as casework
from anju.registry.v1 import registry_pb2 as pb
from anju_people import grounds, text
from chassis import once
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import IDEMPOTENCY_KEY_REUSED, NOT_FOUND, FieldViolation, Refusal, invalid
from chassis.identity import Caller
from chassis.ids import stable_id
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from registry_gateway import store
from registry_gateway.errors import ALREADY_ANSWERED, GROUND_ANSWERED, NOT_YOURS_TO_ANSWER, OBJECTION_OPEN, WHO_IS_NOT_KNOWN
from registry_gateway.outcomes import outcome_to_proto
from registry_gateway.tables import ONE_OPEN

MAX_CHARS: Final = 2000
_STATES: Final = ("", "open", "founded", "unfounded")

# The working days in which an objection raised on that day is answered.
AnswerDays = Callable[[datetime], int]


class Objections:
    def __init__(self, database: Database, keys: KeyRing, answer_days: AnswerDays) -> None:
        self._database = database
        self._keys = keys
        self._answer_days = answer_days

    async def raise_(self, caller: Caller, request: pb.ObjectToQueryRequest) -> pb.QueryObjection:
        """Raises Refusal: NOT_FOUND also for a query about somebody else, OBJECTION_OPEN for another one while one waits for its answer,
        GROUND_ANSWERED for what this person has said about this query before, and was answered."""
        if not caller.person:
            raise Refusal(WHO_IS_NOT_KNOWN)
        said = _written(
            request.text, "/text", "请写明哪里不对，例如“我没有同意过”。", "Say what is wrong, for instance that you never agreed."
        )
        key = once.request_key(caller, request)
        row_id = stable_id("qo", key)
        fingerprint = hashlib.sha256(f"{request.query_id}\n{said}".encode()).hexdigest()
        now = datetime.now(UTC)
        try:
            async with self._database.transaction() as session:
                known = await store.objection(session, row_id)
                if known is None:
                    if not await store.was_asked_about(session, request.query_id, caller.person):
                        raise Refusal(NOT_FOUND)
                    answered = await store.answered_objections(session, request.query_id, caller.person)
                    if answered and grounds.answered_already(said, (self._text(row, "text_sealed") for row in answered)):
                        raise Refusal(GROUND_ANSWERED)
                    values = {
                        "id": row_id,
                        "fingerprint": fingerprint,
                        "request_id": request.query_id,
                        "person": caller.person,
                        "text_sealed": self._keys.encrypt(said.encode(), f"query_objection|text_sealed|{row_id}"),
                        "raised_at": now,
                        "due_at": calendar.working_days_after(now, self._answer_days(now)),
                    }
                    # None: the same request has just been served elsewhere.
                    known = await store.add_objection(session, values) or await store.objection(session, row_id)
        except IntegrityError as error:
            if ONE_OPEN not in str(error.orig):
                raise
            raise Refusal(OBJECTION_OPEN) from None
        if known is None or known.fingerprint != fingerprint:
            raise Refusal(IDEMPOTENCY_KEY_REUSED)
        return self.shown(known)

    async def of(self, person: str, request_ids: Collection[str]) -> dict[str, pb.QueryObjection]:
        """The latest of this person at each of these entries."""
        async with self._database.statements() as session:
            return {row.request_id: self.shown(row) for row in await store.objections_of(session, person, request_ids)}

    async def page(
        self,
        caller: Caller,
        request: pb.ListQueryObjectionsRequest,
        own: Callable[[Collection[str], str], Awaitable[Mapping[str, casework.Application]]],
    ) -> pb.ListQueryObjectionsResponse:
        """Those he may answer: whose case he may see and would decide. ``own`` gives the cases he may see, for the purpose of a file. What is due first
        comes first."""
        if request.state not in _STATES:
            raise _invalid("/state", "UNKNOWN", "没有这种状态。", "There is no such state.")
        async with self._database.statements() as session:
            page, info = await store.objections(session, request.state, request.page)
        reached = await own({row.application_no for row in page}, request.page.purpose)
        response = pb.ListQueryObjectionsResponse(page=info)
        for row in page:
            case = reached.get(row.application_no)
            if case is not None and not case.recusal and not (caller.person and caller.person == row.person):
                response.objections.add(objection=self.shown(row), query=query_about(row, row.application_no))
        return response

    async def answer(
        self, caller: Caller, request: pb.AnswerQueryObjectionRequest, case_of: Callable[[str], Awaitable[casework.Application]]
    ) -> pb.QueryObjection:
        """By an auditor who may see the case, would decide it, and whom the query was not about. A repeat of the same answer changes nothing. Raises
        Refusal."""
        answer = _written(request.answer, "/answer", "请写明核查结果。", "Write what you have found.")
        state = "founded" if request.founded else "unfounded"
        async with self._database.statements() as session:
            row = await store.objection(session, request.id)
        if row is None:
            raise Refusal(NOT_FOUND)
        case = await case_of(row.application_no)
        if case.recusal or (caller.person and caller.person == row.person):
            raise Refusal(NOT_YOURS_TO_ANSWER)
        sealed = self._keys.encrypt(answer.encode(), f"query_objection|answer_sealed|{row.id}")
        async with self._database.statements() as session:
            answered = await store.answer_objection(session, row.id, state, caller.sub, sealed, datetime.now(UTC))
            row = answered or await store.objection(session, request.id)
        if row is None or (row.state, row.answered_by, self._text(row, "answer_sealed")) != (state, caller.sub, answer):
            raise Refusal(ALREADY_ANSWERED)
        return self.shown(row)

    def shown(self, row: Row[Any]) -> pb.QueryObjection:
        shown = pb.QueryObjection(
            id=row.id,
            query_id=row.request_id,
            state=row.state,
            text=self._text(row, "text_sealed"),
            answer=self._text(row, "answer_sealed"),
        )
        shown.raised_at.FromDatetime(row.raised_at)
        shown.due_at.FromDatetime(row.due_at)
        if row.answered_at is not None:
            shown.answered_at.FromDatetime(row.answered_at)
        return shown

    def _text(self, row: Row[Any], column: str) -> str:
        sealed = getattr(row, column)
        return self._keys.decrypt(sealed, f"query_objection|{column}|{row.id}").decode() if sealed else ""


def query_about(row: Row[Any], application_no: str) -> pb.QueryAboutMe:
    """An entry of the log as it is told; ``application_no`` is empty for who may not know the case."""
    query = pb.QueryAboutMe(
        id=row.request_id,
        register=row.register_name,
        endpoint=row.endpoint,
        purpose=row.purpose,
        legal_basis=row.legal_basis,
        fields=row.fields.split(","),
        outcome=outcome_to_proto(row.answered),
        application_no=application_no,
        consent_channel=row.consent_channel,
    )
    query.at.FromDatetime(row.as_of)
    query.consent_given_at.FromDatetime(row.consent_given_at)
    return query


def _written(value: str, pointer: str, zh: str, en: str) -> str:
    """Text of a person in one form, lines kept. Raises Refusal for a missing or oversized one."""
    lines: Sequence[str] = [text.clean(line) for line in value.replace("\r\n", "\n").split("\n")]
    result = "\n".join(lines).strip()
    if not result:
        raise _invalid(pointer, "REQUIRED", zh, en)
    if len(result) > MAX_CHARS:
        raise _invalid(pointer, "TOO_LONG", f"最多填写{MAX_CHARS}个字。", f"At most {MAX_CHARS} characters.")
    if any(text.has_control(line) for line in lines):
        raise _invalid(pointer, "CONTROL_CHARACTERS", "内容中有不能识别的字符，请重新输入。", "There are unreadable characters.")
    return result


def _invalid(pointer: str, code: str, zh: str, en: str) -> Refusal:
    return invalid([FieldViolation(pointer, code, zh, en)])
