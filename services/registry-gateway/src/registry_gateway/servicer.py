"""gRPC surface of registry-gateway: proto in, domain, proto out; nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC
from typing import Any

import grpc
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.common.v1 import common_pb2 as common
from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from anju_contracts.application import LookupOutcome
from chassis import paging
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, FieldViolation, Refusal, invalid
from chassis.grpc_client import Client
from chassis.grpc_server import DEFAULT_DEADLINE_SECONDS
from chassis.identity import current_caller
from sqlalchemy import Row

from registry_gateway import store
from registry_gateway.domain import purposes
from registry_gateway.domain.people import Consent, Person
from registry_gateway.errors import NO_CONSENT, PURPOSE_NOT_ALLOWED, REGISTER_UNAVAILABLE, WHO_IS_NOT_KNOWN
from registry_gateway.lookups import Case, Lookups, open_body
from registry_gateway.objections import Objections, query_about
from registry_gateway.outcomes import OUTCOME_TO_PROTO, outcome_to_proto
from registry_gateway.standing import Standing

Context = grpc.aio.ServicerContext[Any, Any]

MAX_LOOKUP_SECONDS = 40.0
# Kept back from the caller's deadline to record what has come.
_CLOSING_SECONDS = 1.5


class RegistryGatewayServicer(rpc.RegistryGatewayServiceServicer):
    def __init__(
        self, database: Database, lookups: Lookups, casework: Client, keys: KeyRing, objections: Objections, standing: Standing
    ) -> None:
        self._standing = standing
        self._database = database
        self._lookups = lookups
        self._casework = casework
        self._casework_stub = casework_rpc.CaseworkServiceStub(casework.channel)
        self._keys = keys
        self._objections = objections

    # --- workflow ------------------------------------------------------------------------------------------------------------------------

    async def Lookup(self, request: pb.LookupRequest, context: Context) -> pb.LookupResponse:
        register = self._register(request)
        key = (request.application_no, request.round, register)
        async with self._lookups.one_at_a_time(*key):
            async with self._database.statements() as session:
                state = await store.lookup(session, *key)
                rows = await store.receipts(session, *key) if state is not None and state.finished else ()
            if state is None or not state.finished:
                case = await self._case(request, register)
                remaining = context.time_remaining()
                seconds = min(DEFAULT_DEADLINE_SECONDS if remaining is None else remaining, MAX_LOOKUP_SECONDS) - _CLOSING_SECONDS
                state, rows = await self._lookups.run(case, max(seconds, 0.1), again=state is not None)
        if state is None or not state.finished:
            raise Refusal(REGISTER_UNAVAILABLE, metadata={"register": register})
        return _answer(state, rows)

    def _register(self, request: pb.LookupRequest) -> str:
        """The code of the register to be asked. Raises Refusal(INVALID_FIELDS)."""
        wrong = []
        if request.register not in self._lookups.connectors:
            wrong.append(FieldViolation("/register", "unknown", "请指定要核验的登记种类。", "Name the register to be asked."))
        if not request.application_no or request.round < 1:
            wrong.append(
                FieldViolation("/application_no", "required", "请给出受理编号和轮次。", "Give the application number and its round.")
            )
        if request.as_of.seconds <= 0:
            wrong.append(FieldViolation("/as_of", "required", "请给出业务时间。", "Give the business instant."))
        if wrong:
            raise invalid(wrong)
        return request.register

    async def _case(self, request: pb.LookupRequest, register: str) -> Case:
        """The persons and the grounds, as casework knows them. Raises Refusal; a refusal for want of grounds is logged."""
        grounds = Case(
            application_no=request.application_no,
            round=request.round,
            register=register,
            as_of=request.as_of.ToDatetime(UTC),
            operator=current_caller().sub,
            people=(),
            purpose="",
            legal_basis="",
        )
        question = casework_pb.GetSubjectsRequest(application_no=request.application_no, round=request.round, register=register)
        try:
            subjects = await self._casework.call(self._casework_stub.GetSubjects, question)
        except Refusal as refusal:
            if refusal.problem.status is grpc.StatusCode.FAILED_PRECONDITION:
                await self._lookups.refuse(grounds, refusal.problem.reason)
            raise
        case = Case(
            application_no=request.application_no,
            round=request.round,
            register=register,
            as_of=grounds.as_of,
            operator=grounds.operator,
            people=tuple(
                Person(subject.index, subject.name, subject.id_number, subject.person, _consent(subject)) for subject in subjects.subjects
            ),
            purpose=subjects.purpose,
            legal_basis=subjects.legal_basis,
        )
        # Casework has checked the consents; the last door before the outside checks again.
        each = all(person.consent is not None for person in case.people)
        if register not in subjects.consent.registers or not case.people or not each:
            await self._lookups.refuse(case, NO_CONSENT.reason)
            raise Refusal(NO_CONSENT)
        try:
            self._lookups.allowed(case)
        except purposes.NotAllowedError:
            await self._lookups.refuse(case, PURPOSE_NOT_ALLOWED.reason)
            raise Refusal(PURPOSE_NOT_ALLOWED) from None
        return case

    # --- eligibility ---------------------------------------------------------------------------------------------------------------------

    async def GetFacts(self, request: pb.GetFactsRequest, context: Context) -> pb.GetFactsResponse:
        async with self._database.statements() as session:
            # In this order: what a finished lookup rests on was there before it was finished.
            states = await store.lookups(session, request.application_no, request.round)
            rows = await store.receipts(session, request.application_no, request.round)
        response = pb.GetFactsResponse(states=self._states(states))
        for state in response.states:
            for row in rows:
                if row.register_name == state.register:
                    heard = state.receipts.add(
                        id=row.id, subject_index=row.subject_index, endpoint=row.endpoint, outcome=outcome_to_proto(row.outcome)
                    )
                    heard.received_at.FromDatetime(row.received_at)
        for code, register in self._lookups.registers.items():
            accepted = [row for row in rows if row.accepted and row.register_name == code]
            kept = [
                (row, fact)
                for row in accepted
                for fact in register.facts(open_body(self._keys, row).get("facts", ()), LookupOutcome(row.outcome))
            ]
            for row, fact in register.of_household(kept):
                found = response.facts.add(register=code, subject_index=row.subject_index, endpoint=row.endpoint, receipt_id=row.id)
                found.fact.Pack(register.to_message(fact))
        return response

    # --- operators -----------------------------------------------------------------------------------------------------------------------

    async def ListRegisters(self, request: pb.ListRegistersRequest, context: Context) -> pb.ListRegistersResponse:
        return await self._standing.now()

    # --- the household, its reviewers, operators -----------------------------------------------------------------------------------------

    async def ListLookups(self, request: pb.ListLookupsRequest, context: Context) -> pb.ListLookupsResponse:
        application = await self._reach(request.application_no)
        async with self._database.statements() as session:
            states = await store.lookups(session, request.application_no, request.round or application.round)
        return pb.ListLookupsResponse(states=self._states(states))

    async def ListAccess(self, request: pb.ListAccessRequest, context: Context) -> pb.ListAccessResponse:
        await self._reach(request.application_no)
        size = paging.limit(request.page.limit)
        key = paging.decode(request.page.cursor, int)
        async with self._database.statements() as session:
            rows = await store.accesses_of_case(session, request.application_no, size + 1, int(key[0]) if key else None)
        shown, cursor = paging.cut(rows, size, lambda row: (row.seq,))
        response = pb.ListAccessResponse(page=common.PageInfo(next_cursor=cursor))
        for row in shown:
            entry = response.entries.add(
                register=row.register_name,
                endpoint=row.endpoint,
                purpose=row.purpose,
                legal_basis=row.legal_basis,
                operator=row.operator,
                outcome=outcome_to_proto(row.answered),
                subject_index=row.subject_index,
                consent_channel=row.consent_channel,
            )
            entry.at.FromDatetime(row.as_of)
            entry.consent_given_at.FromDatetime(row.consent_given_at)
        return response

    async def ListQueriesAboutMe(self, request: pb.ListQueriesAboutMeRequest, context: Context) -> pb.ListQueriesAboutMeResponse:
        caller = current_caller()
        if not caller.person:
            raise Refusal(WHO_IS_NOT_KNOWN)
        size = paging.limit(request.page.limit)
        key = paging.decode(request.page.cursor, int)
        async with self._database.statements() as session:
            rows = await store.accesses_about(session, caller.person, size + 1, int(key[0]) if key else None)
        shown, cursor = paging.cut(rows, size, lambda row: (row.seq,))
        own, objections = await asyncio.gather(
            self._own({row.application_no for row in shown}),
            self._objections.of(caller.person, [row.request_id for row in shown]),
        )
        response = pb.ListQueriesAboutMeResponse(page=common.PageInfo(next_cursor=cursor))
        for row in shown:
            query = query_about(row, row.application_no if row.application_no in own else "")
            if (objection := objections.get(row.request_id)) is not None:
                query.objection.CopyFrom(objection)
            response.queries.append(query)
        return response

    async def ObjectToQuery(self, request: pb.ObjectToQueryRequest, context: Context) -> pb.ObjectToQueryResponse:
        return pb.ObjectToQueryResponse(objection=await self._objections.raise_(current_caller(), request))

    async def ListQueryObjections(self, request: pb.ListQueryObjectionsRequest, context: Context) -> pb.ListQueryObjectionsResponse:
        return await self._objections.page(current_caller(), request, self._own)

    async def AnswerQueryObjection(self, request: pb.AnswerQueryObjectionRequest, context: Context) -> pb.AnswerQueryObjectionResponse:
        return pb.AnswerQueryObjectionResponse(objection=await self._objections.answer(current_caller(), request, self._reach))

    async def _own(self, applications: Collection[str], purpose: str = "") -> dict[str, casework_pb.Application]:
        """Those of the cases which the caller may see; of the others he learns that they exist, and no number. ``purpose``: of a file they stand in."""

        async def reached(no: str) -> casework_pb.Application | None:
            try:
                return await self._reach(no, purpose)
            except Refusal as refusal:
                if refusal.problem.reason != NOT_FOUND.reason:
                    raise
                return None

        numbers = sorted(applications)
        found = zip(numbers, await asyncio.gather(*map(reached, numbers)), strict=True)
        return {no: case for no, case in found if case is not None}

    def _states(self, states: dict[str, Row[Any]]) -> list[pb.RegisterState]:
        """Every register of the city in a fixed order; one that was not asked yet has no outcome and no tries."""
        shown = []
        for register in self._lookups.registers:
            row = states.get(register)
            if row is None and register not in self._lookups.connectors:
                continue
            state = pb.RegisterState(register=register)
            if row is not None:
                state.outcome, state.tries = outcome_to_proto(row.outcome), row.tries
                if row.summary_zh:
                    state.summary.CopyFrom(_summary(row))
                state.last_try_at.FromDatetime(row.last_try_at)
            shown.append(state)
        return shown

    async def _reach(self, application_no: str, purpose: str = "") -> casework_pb.Application:
        """The case, asked for as the caller: who may see it there may see this here, and casework has the look on record. Raises Refusal(NOT_FOUND)
        otherwise."""
        question = casework_pb.GetApplicationRequest(no=application_no, purpose=purpose)
        response: casework_pb.GetApplicationResponse = await self._casework.call(self._casework_stub.GetApplication, question, forward=True)
        return response.application


def _consent(subject: casework_pb.Subject) -> Consent | None:
    """None unless it says everything the log has to say of it."""
    whole = subject.consent_id and subject.consent_channel and subject.consent_text_version and subject.HasField("consent_given_at")
    if not whole:
        return None
    given_at = subject.consent_given_at.ToDatetime(UTC)
    return Consent(subject.consent_id, subject.consent_channel, subject.consent_text_version, given_at)


def _answer(state: Row[Any], rows: Sequence[Row[Any]]) -> pb.LookupResponse:
    response = pb.LookupResponse(outcome=outcome_to_proto(state.outcome), summary=_summary(state))
    for row in rows:
        receipt = response.receipts.add(
            id=row.id,
            subject_index=row.subject_index,
            endpoint=row.endpoint,
            outcome=OUTCOME_TO_PROTO[LookupOutcome(row.outcome)],
            evidence_hash=row.evidence_hash,
        )
        receipt.received_at.FromDatetime(row.received_at)
    return response


def _summary(row: Any) -> common.Text:
    return common.Text(zh=row.summary_zh, en=row.summary_en)
