"""The marriage register on the national platform, asked by one person. Public: the query fields by sex. Assumed schema: the path."""

from __future__ import annotations

from registry_gateway.connectors import Question
from registry_gateway.connectors.http import Door
from registry_gateway.connectors.national import NationalAccess, NationalPlatform
from registry_gateway.domain.facts import Answer
from registry_gateway.domain.people import knows
from registry_gateway.registers.marriage import answers

QUERY_PATH = "/api/hydj/query"
ENDPOINT = "marriage"


FIELDS = frozenset({"name_man", "cert_num_man", "name_woman", "cert_num_woman"})


class MarriageConnector:
    endpoints: tuple[str, ...] = (ENDPOINT,)

    def __init__(self, access: NationalAccess, door: Door) -> None:
        self._platform = NationalPlatform(access, QUERY_PATH, door)

    async def ask(self, question: Question) -> Answer:
        person, replies = question.person, list[str]()
        who = "man" if person.male else "woman"
        body = {f"name_{who}": person.name, f"cert_num_{who}": person.id_number}
        data = await self._platform.query(question, body, frozenset(body), replies)
        found = answers.facts(data, person, question.household)
        spouse = answers.spouse_outside(data, person, question.household)
        return Answer((found,) if found else (), tuple(replies), confirmed=knows(data), kin=(spouse,) if spouse else ())
