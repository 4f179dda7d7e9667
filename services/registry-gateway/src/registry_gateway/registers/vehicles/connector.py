"""The vehicle register on the national platform, asked by owner. Assumed schema: path and query fields."""

from __future__ import annotations

from registry_gateway.connectors import Question
from registry_gateway.connectors.http import Door
from registry_gateway.connectors.national import NationalAccess, NationalPlatform
from registry_gateway.connectors.paging import collect
from registry_gateway.domain.facts import Answer
from registry_gateway.registers.vehicles import answers

QUERY_PATH = "/api/jdc/query"
ENDPOINT = "vehicles"
_ROWS = 50
FIELDS = frozenset({"sfzmhm", "xm"})


class VehicleConnector:
    endpoints: tuple[str, ...] = (ENDPOINT,)

    def __init__(self, access: NationalAccess, door: Door) -> None:
        self._platform = NationalPlatform(access, QUERY_PATH, door)

    async def ask(self, question: Question) -> Answer:
        person, replies = question.person, list[str]()

        async def page(index: int) -> answers.Page:
            body: dict[str, str | int] = {"sfzmhm": person.id_number, "xm": person.name, "start": index * _ROWS, "limit": _ROWS}
            return answers.page(await self._platform.query(question, body, FIELDS, replies), person)

        rows, confirmed = await collect(page, _ROWS)
        return Answer(answers.facts(rows), tuple(replies), confirmed)
