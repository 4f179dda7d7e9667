"""Which services were finished, for whom and by whom: what the other services record about it (their facts) is read on, and casework is asked who it was.

Nothing of it is a client's word. Whoever is away is read on when he is back; a fact read twice is one service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.facts.v1 import facts_pb2 as facts
from anju.facts.v1 import facts_pb2_grpc as facts_rpc
from casekit.facts import FACTS_BEGIN_AGAIN
from chassis import logs
from chassis.db import Database
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.ids import stable_id
from chassis.wire import utc

from oversight.domain.finished import Finished, finished
from oversight.evaluations import store

_log = logs.get(__name__)
# Facts of one call; as many steps are asked about at once.
PAGE: Final = 200
# The services that finish something for somebody; of the household casework is asked.
SERVICES: Final = ("casework", "housing", "payments")


class Books(Protocol):
    """What the other services have on record."""

    async def facts(self, service: str, cursor: str) -> facts.ListFactsResponse:
        """Raises Refusal."""
        ...

    async def served(self, steps: Sequence[casework.ServedStep]) -> casework.GetServedResponse:
        """Raises Refusal."""
        ...


class ServiceBooks:
    """``clients`` by service."""

    def __init__(self, clients: Mapping[str, Client]) -> None:
        self._clients = clients
        self._facts = {name: facts_rpc.FactsServiceStub(client.channel) for name, client in clients.items()}
        self._casework = casework_rpc.CaseworkServiceStub(clients["casework"].channel)

    async def facts(self, service: str, cursor: str) -> facts.ListFactsResponse:
        request = facts.ListFactsRequest(cursor=cursor, limit=PAGE)
        found: facts.ListFactsResponse = await self._clients[service].call(self._facts[service].ListFacts, request)
        return found

    async def served(self, steps: Sequence[casework.ServedStep]) -> casework.GetServedResponse:
        request = casework.GetServedRequest(steps=steps)
        found: casework.GetServedResponse = await self._clients["casework"].call(self._casework.GetServed, request)
        return found


class Following:
    def __init__(self, database: Database, books: Books) -> None:
        self._database = database
        self._books = books

    async def round(self) -> None:
        """Reads every service on to the end of what it has. A service that does not answer keeps none of the others from being read."""
        for service in SERVICES:
            try:
                while await self._page(service):
                    pass
            except Refusal as refusal:
                _log.warning("finished_services_not_read", service=service, reason=refusal.problem.reason)

    async def _page(self, service: str) -> bool:
        """Whether there may be more."""
        async with self._database.statements() as session:
            known = await store.cursor(session, service)
        try:
            found = await self._books.facts(service, known)
        except Refusal as refusal:
            if refusal.problem.reason != FACTS_BEGIN_AGAIN.reason or not known:
                raise
            _log.warning("finished_services_read_again", service=service)
            async with self._database.transaction() as session:
                await store.go_on(session, service, known, "")
            return True
        rows = await self._rows(service, found.facts)
        if found.next_cursor != known:
            async with self._database.transaction() as session:
                if await store.go_on(session, service, known, found.next_cursor):
                    await store.add_finished(session, rows)
        return len(found.facts) == PAGE

    async def _rows(self, service: str, found: Sequence[facts.Fact]) -> list[dict[str, Any]]:
        told = [(fact, each) for fact in found for each in finished(fact.id, fact.code, fact.codes) if fact.application_no]
        if not told:
            return []
        steps = [casework.ServedStep(application_no=fact.application_no, step_id=each.step_id) for fact, each in told]
        known = {(one.step.application_no, one.step.step_id): one for one in (await self._books.served(steps)).served}
        rows = []
        for fact, each in told:
            served = known.get((fact.application_no, each.step_id))
            if served is None:
                _log.warning("finished_service_of_nobody", service=service, item=each.item)
                continue
            rows.append(_row(service, fact, each, served))
        return rows


def _row(service: str, fact: facts.Fact, what: Finished, served: casework.Served) -> dict[str, Any]:
    whom = served.objector if what.by_objector else served.household
    return {
        "id": stable_id("sv-", service, what.item, fact.id),
        "item": what.item,
        "source": service,
        "fact_id": fact.id,
        # Who objected has no business with the household's number beyond the notice he has read.
        "application_no": "" if what.by_objector else fact.application_no,
        "subject": fact.subject,
        "division": fact.division,
        "at": utc(fact.at),
        "owner": whom.sub,
        "person": whom.person,
        "handlers": [{"sub": each.sub, "person": each.person} for each in served.handlers],
        "code_digest": None,
    }
