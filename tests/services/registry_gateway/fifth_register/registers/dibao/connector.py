"""The register of minimum living allowances on the national platform."""

from __future__ import annotations

from registry_gateway.connectors import Question
from registry_gateway.connectors.http import Door
from registry_gateway.connectors.national import NationalAccess, NationalPlatform
from registry_gateway.domain.facts import Answer
from registry_gateway.domain.people import knows
from registry_gateway.registers.dibao import answers

FIELDS = frozenset({"sfzh", "xm"})


class DibaoConnector:
    endpoints: tuple[str, ...] = ("dibao",)

    def __init__(self, access: NationalAccess, door: Door) -> None:
        self._platform = NationalPlatform(access, "/api/dibao/query", door)

    async def ask(self, question: Question) -> Answer:
        person, replies = question.person, list[str]()
        data = await self._platform.query(question, {"sfzh": person.id_number, "xm": person.name}, FIELDS, replies)
        return Answer(answers.facts(data, person), tuple(replies), confirmed=knows(data))
