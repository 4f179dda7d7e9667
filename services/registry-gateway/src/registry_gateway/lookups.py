"""One lookup: every person of a case at every office of a register, each question logged before it leaves, each answer kept as a receipt.

It makes one try. Trying again is the workflow's business; what has been answered is not asked again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from anju_calendar import local_date
from anju_contracts.application import LookupOutcome
from anju_terms import Title
from chassis import logs
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import UNAVAILABLE, Refusal
from chassis.ids import new_id
from sqlalchemy import Row

from registry_gateway import store
from registry_gateway.access_log import AccessLogWriter
from registry_gateway.connectors import Connector, Question
from registry_gateway.connectors.http import CONNECTIONS_PER_REGISTER
from registry_gateway.domain import chain, purposes
from registry_gateway.domain.breaker import Breaker
from registry_gateway.domain.facts import Answer, aggregate, to_json
from registry_gateway.domain.faults import Fault, RegisterFaultError, WrongPersonError
from registry_gateway.domain.people import Person
from registry_gateway.domain.summaries import summarise
from registry_gateway.errors import PURPOSE_NOT_ALLOWED
from registry_gateway.register import Register

_log = logs.get(__name__)

# Bulkhead: questions of one office which may be on their way at once. The others wait their turn, before they are logged and before the clock of their
# try runs; other registers do not notice, and neither do the other offices of the same register.
PER_OFFICE = 8


@dataclass(frozen=True, slots=True)
class Case:
    """What a lookup is about and on which grounds, as casework gave it."""

    application_no: str
    round: int
    register: str
    as_of: datetime
    operator: str
    people: tuple[Person, ...]
    purpose: str
    legal_basis: str

    def entry(self, kind: str, attempt_id: str, endpoint: str, person: Person | None, **more: str) -> dict[str, Any]:
        """A row of the access log but for its place in the chain; about one person and on his own consent, or about nobody."""
        consent = person.consent if person is not None else None
        blank = dict.fromkeys(("request_id", "fields", "request_hash", "outcome", "code", "evidence_hash"), "")
        return {
            "kind": kind,
            "attempt_id": attempt_id,
            "application_no": self.application_no,
            "round": self.round,
            "register_name": self.register,
            "endpoint": endpoint,
            "subject_index": person.index if person is not None else -1,
            "person": person.blind if person is not None else "",
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "consent_id": consent.id if consent is not None else "",
            "consent_channel": consent.channel if consent is not None else "",
            "consent_version": consent.text_version if consent is not None else "",
            "consent_given_at": consent.given_at if consent is not None else None,
            "operator": self.operator,
            "as_of": self.as_of,
            "recorded_at": datetime.now(UTC),
            **blank,
            **more,
        }


@dataclass(frozen=True, slots=True)
class Silence:
    """An office that has failed ``count`` times in a row, the last time ``at``."""

    count: int
    at: datetime
    fault: Fault


class _Attempt:
    """One person at one office: numbers its questions and binds the answer to them."""

    def __init__(self, case: Case, person: Person, endpoint: str, allowed: frozenset[str], log: AccessLogWriter, keys: KeyRing) -> None:
        self.id = new_id("rq_")
        self.case, self.person, self.endpoint = case, person, endpoint
        self.request_hashes: list[str] = []
        self._log, self._keys, self._allowed = log, keys, allowed

    async def permit(self, fields: frozenset[str]) -> str:
        """The id of the next question, once it is in the log. Raises NotAllowedError for a field the purpose does not cover."""
        purposes.check(fields, self._allowed)
        request_id = f"{self.id}.{len(self.request_hashes) + 1}"
        asked = ",".join(sorted(fields))
        # The person enters the hash as a blind index: the hash can be checked by us, and nobody can find the person by trying numbers.
        subject = self._keys.blind_index(self.person.id_number, "registry-request")
        consent_id = self.person.consent.id if self.person.consent is not None else ""
        request = [request_id, self.case.register, self.endpoint, subject, asked, self.case.purpose, consent_id]
        request_hash = chain.evidence_hash(b"", chain.canonical(request))
        entry = self.case.entry(
            "question",
            self.id,
            self.endpoint,
            self.person,
            request_id=request_id,
            fields=asked,
            request_hash=request_hash,
        )
        await self._log.write(entry)
        self.request_hashes.append(request_hash)
        return request_id

    @property
    def request_hash(self) -> str:
        """The hash over the hashes of all questions of the attempt."""
        return chain.evidence_hash(b"", chain.canonical(self.request_hashes))

    async def unanswered(self, fault: Fault) -> None:
        if self.request_hashes:
            await self._log.write(self._answer(LookupOutcome.UNAVAILABLE, code=fault.value))

    async def answered(self, outcome: LookupOutcome, answer: Answer | None) -> None:
        """Keeps the receipt. A mismatch has no body: what came is about somebody else."""
        receipt_id, salt = new_id("rc_"), secrets.token_bytes(32)
        body = chain.canonical(
            {
                "attempt_id": self.id,
                "request_hash": self.request_hash,
                "application_no": self.case.application_no,
                "round": self.case.round,
                "register": self.case.register,
                "endpoint": self.endpoint,
                "subject_index": self.person.index,
                "outcome": outcome.value,
                "facts": to_json(answer.facts) if answer else [],
                "replies": list(answer.replies) if answer else [],
            }
        )
        evidence = chain.evidence_hash(salt, body)
        receipt = {
            "id": receipt_id,
            "application_no": self.case.application_no,
            "round": self.case.round,
            "register_name": self.case.register,
            "subject_index": self.person.index,
            "endpoint": self.endpoint,
            "outcome": outcome.value,
            "accepted": answer is not None,
            "attempt_id": self.id,
            "request_hash": self.request_hash,
            "evidence_hash": evidence,
            "salt": salt,
            "body": self._keys.encrypt(body, f"receipt|body|{receipt_id}") if answer else None,
            "received_at": datetime.now(UTC),
        }
        await self._log.write(self._answer(outcome, evidence_hash=evidence), receipt)

    def _answer(self, outcome: LookupOutcome, **more: str) -> dict[str, Any]:
        return self.case.entry(
            "answer",
            self.id,
            self.endpoint,
            self.person,
            request_hash=self.request_hash,
            outcome=outcome.value,
            **more,
        )


def open_body(keys: KeyRing, receipt: Row[Any]) -> dict[str, Any]:
    """The body of a receipt, {} when it was erased or never kept. Raises DecryptionError, or ValueError when it is not what the evidence hash says."""
    if receipt.body is None or receipt.salt is None:
        return {}
    body = keys.decrypt(receipt.body, f"receipt|body|{receipt.id}")
    if chain.evidence_hash(receipt.salt, body) != receipt.evidence_hash:
        raise ValueError(f"receipt {receipt.id} does not match its evidence hash")
    opened: dict[str, Any] = json.loads(body)
    return opened


NoteKin = Callable[[str, Sequence[str]], Awaitable[None]]


class Lookups:
    """``registers`` are known, ``connectors`` reach those of them the city has given us access to. ``note_kin`` tells casework whom an answer names as
    kin of the household; raises Refusal."""

    def __init__(
        self,
        database: Database,
        registers: Mapping[str, Register],
        connectors: Mapping[str, Connector],
        log: AccessLogWriter,
        keys: KeyRing,
        note_kin: NoteKin,
    ) -> None:
        self._database = database
        self._note_kin = note_kin
        self.registers = registers
        self.connectors = connectors
        self._log = log
        self._keys = keys
        self._breakers: defaultdict[tuple[str, str], Breaker] = defaultdict(Breaker)
        # As this replica has seen it: a question that did not come so far as to be logged is a failure too.
        self.silences: dict[tuple[str, str], Silence] = {}
        self._registers = {register: asyncio.Semaphore(CONNECTIONS_PER_REGISTER) for register in connectors}
        self._offices: defaultdict[tuple[str, str], asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_OFFICE))
        self._running: WeakValueDictionary[tuple[str, int, str], asyncio.Lock] = WeakValueDictionary()

    def paused_until(self, register: str, endpoint: str, now: datetime, tick: float) -> datetime | None:
        """Until when nothing is asked of an office, by this replica; ``tick``: the monotonic clock at ``now``."""
        breaker = self._breakers.get((register, endpoint))
        left = breaker.open_until - tick if breaker is not None else 0.0
        return now + timedelta(seconds=left) if left > 0 else None

    def one_at_a_time(self, application_no: str, round_: int, register: str) -> asyncio.Lock:
        """A call repeated while the first still runs waits for it, so that a department is not asked twice."""
        return self._running.setdefault((application_no, round_, register), asyncio.Lock())

    def allowed(self, case: Case) -> frozenset[str]:
        """The personal fields the case's purpose may send. Raises NotAllowedError."""
        return purposes.fields_for(case.purpose, case.legal_basis, self.registers[case.register].fields)

    async def refuse(self, case: Case, reason: str) -> None:
        """Logs that a question was not asked, and why."""
        await self._log.write(case.entry("refusal", new_id("rq_"), "", None, code=reason))

    async def run(self, case: Case, seconds: float, *, again: bool) -> tuple[Row[Any] | None, Sequence[Row[Any]]]:
        """Asks what is still open; gives what the lookup has come to and its receipts. ``again``: there was a try before, which may have left some.

        Raises Refusal(UNAVAILABLE) when the log or the receipts cannot be written."""
        connector, key = self.connectors[case.register], (case.application_no, case.round, case.register)
        async with self._database.statements() as session:
            kept = await store.receipts(session, *key) if again else ()
            await store.begin_try(session, *key, case.as_of)
        have = {(row.subject_index, row.endpoint) for row in kept if row.accepted}
        open_ = [(person, office) for person in case.people for office in connector.endpoints if (person.index, office) not in have]
        await self._ask_all(connector, case, open_, seconds)
        async with self._database.statements() as session:
            rows = await store.receipts(session, *key)
            return await store.end_try(session, *key, *self._result(case, connector, rows)), rows

    def _result(self, case: Case, connector: Connector, rows: Sequence[Row[Any]]) -> tuple[LookupOutcome, Title]:
        said = {(row.subject_index, row.endpoint): LookupOutcome(row.outcome) for row in rows}
        wanted = [(person.index, office) for person in case.people for office in connector.endpoints]
        outcomes = [said.get(key, LookupOutcome.UNAVAILABLE) for key in wanted]
        silent = {office for index, office in wanted if (index, office) not in said}
        facts = sum(len(open_body(self._keys, row).get("facts", ())) for row in rows if row.accepted)
        outcome = aggregate(outcomes)
        register = self.registers[case.register]
        return outcome, summarise(outcome, register.found, register.no_record, facts, len(silent), len(connector.endpoints))

    async def _ask_all(self, connector: Connector, case: Case, open_: Sequence[tuple[Person, str]], seconds: float) -> None:
        tasks = [asyncio.create_task(self._ask(connector, case, person, office)) for person, office in open_]
        if not tasks:
            return
        try:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            # The caller may have gone away; nothing may be sent in the name of a call that is over, and whoever repeats it must find what it left.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        failures = [result for result in results if isinstance(result, Exception)]
        if any(isinstance(failure, purposes.NotAllowedError) for failure in failures):
            await self.refuse(case, PURPOSE_NOT_ALLOWED.reason)
            raise Refusal(PURPOSE_NOT_ALLOWED)
        if failures:
            _log.error("lookup_not_recorded", register=case.register, error=type(failures[0]).__name__, failed=len(failures))
            raise Refusal(UNAVAILABLE) from failures[0]

    def _index(self, text: str, purpose: str) -> str:
        return self._keys.blind_index(text, purpose) if text else ""

    async def _ask(self, connector: Connector, case: Case, person: Person, endpoint: str) -> None:
        """One attempt. Raises only when it could not be recorded."""
        breaker = self._breakers[case.register, endpoint]
        async with self._offices[case.register, endpoint], self._registers[case.register]:
            if not breaker.allows(time.monotonic()):
                return
            attempt = _Attempt(case, person, endpoint, self.allowed(case), self._log, self._keys)
            try:
                answer = await connector.ask(Question(person, case.people, endpoint, local_date(case.as_of), attempt.permit, self._index))
            except RegisterFaultError as fault:
                if fault.trips:
                    breaker.failed(time.monotonic(), fault.retry_after_seconds)
                else:
                    breaker.succeeded()
                before = self.silences.get((case.register, endpoint))
                self.silences[case.register, endpoint] = Silence(before.count + 1 if before else 1, datetime.now(UTC), fault.fault)
                _log.warning("register_fault", register=case.register, endpoint=endpoint, attempt=attempt.id, fault=fault.fault.value)
                await attempt.unanswered(fault.fault)
            except WrongPersonError:
                breaker.succeeded()
                self.silences.pop((case.register, endpoint), None)
                _log.error("register_answered_about_somebody_else", register=case.register, endpoint=endpoint, attempt=attempt.id)
                await attempt.answered(LookupOutcome.MISMATCH, None)
            except asyncio.CancelledError:
                await asyncio.shield(attempt.unanswered(Fault.OUT_OF_TIME))
                raise
            else:
                breaker.succeeded()
                self.silences.pop((case.register, endpoint), None)
                # First: once the answer is kept nobody asks again, and whoever is named in it would decide the case.
                if answer.kin:
                    await self._note_kin(case.application_no, answer.kin)
                await attempt.answered(answer.outcome, answer)
