"""Real estate: every district and county keeps its own register, so each person is asked about at every one of them. One that is silent is the normal
case; the others' answers are kept.

Public: request and envelope. Assumed schema: the path, the serial number LSH, RYHY (人员核验) and the bdc_* headers of answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from registry_gateway.connectors import Question
from registry_gateway.connectors.access import Access
from registry_gateway.connectors.http import Door, now_ms
from registry_gateway.domain.facts import Answer
from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.people import knows
from registry_gateway.domain.reading import code, optional_text
from registry_gateway.domain.signing import check_reply
from registry_gateway.registers.real_estate import answers

QUERY_PATH = "/bdc/gxcx/query"
_ID_CARD = "1"
FIELDS = frozenset({"QLRMC", "QLRZJHM", "QLRZJZL"})


class CountyAccess(Access):
    """The real estate register of one district or county; ``reply_key`` verifies its answers."""

    yhm: str
    mm: str = Field(repr=False)
    reply_key: str = Field(repr=False)


class RealEstateConnector:
    def __init__(self, counties: Mapping[str, CountyAccess], door: Door) -> None:
        self._counties = dict(counties)
        self._door = door

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(sorted(self._counties))

    async def ask(self, question: Question) -> Answer:
        access = self._counties[question.endpoint]
        request_id = await question.permit(FIELDS)
        body = {
            "QLRMC": question.person.name,
            "QLRZJHM": question.person.id_number,
            "QLRZJZL": _ID_CARD,
            "BDCQZH": "",
            "BDCDYH": "",
            "YHM": access.yhm,
            "MM": access.mm,
            "LSH": request_id,
        }
        reply = await self._door.post(access.url(QUERY_PATH), {}, body)
        payload = reply.json()
        if code(payload, "Result") == "1":
            check_reply(reply.headers, "bdc", request_id=request_id, key=access.reply_key, body=reply.body, now_ms=now_ms())
            if optional_text(payload, "LSH") != request_id:
                raise RegisterFaultError(Fault.NOT_BOUND)
        return Answer(
            answers.facts(answers.rows(payload), question.person, question.index), (reply.sha256,), confirmed=knows(payload, "RYHY")
        )
