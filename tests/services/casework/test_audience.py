"""For which households a notice to many is: each once, by its newest case, page by page, and nobody of elsewhere."""

from __future__ import annotations

from typing import Any

from anju.casework.v1 import casework_pb2 as pb

from tests.services.casework.conftest import Office
from tests.services.casework.support import TO_NOTICE, TO_STREET, dossier, reason_of, someone, system

# Streets nobody else's case of this run is in.
DISTRICT, STREET, OTHER = "410212", "410212001", "410212101"


async def audience(office: Office, **asked: Any) -> pb.ListAudienceResponse:
    request = pb.ListAudienceRequest(**{"audience": "all", "division": DISTRICT, **asked})
    answer: pb.ListAudienceResponse = await office.desk.call(system("notifications"), "ListAudience", request)
    return answer


async def everybody(office: Office, limit: int, **asked: Any) -> list[str]:
    found, cursor = [], ""
    while True:
        page = await audience(office, limit=limit, cursor=cursor, **asked)
        found += [each.application_no for each in page.households]
        cursor = page.next_cursor
        if not cursor:
            return found


async def test_each_household_once_by_its_newest_case(office: Office) -> None:
    desk = office.desk

    async def submit(owner: Any, street: str = STREET) -> str:
        household = dossier(district=DISTRICT, street=street)
        household.community = ""
        return (await desk.submit(owner, household)).no

    twice, other = someone(), someone()
    old = await submit(twice)
    await desk.bring_to(old, *TO_NOTICE, "notice_closed")
    open_ = await submit(someone())
    elsewhere = await submit(other, OTHER)
    lapsed = await submit(someone())
    await desk.bring_to(lapsed, *TO_STREET, "street_refused")
    new = await submit(twice)

    assert await everybody(office, 1) == await everybody(office, 200) == [open_, elsewhere, new]
    assert await everybody(office, 2, audience="open_cases") == [open_, elsewhere, new]
    assert await everybody(office, 2, audience="registered") == [old]
    assert await everybody(office, 2, division=STREET) == [open_, new]
    assert await everybody(office, 2, division="410206") == []
    assert (await audience(office)).total == 3
    contact = (await audience(office, limit=200, division=OTHER)).households[0].contact
    assert (contact.owner, contact.phone, contact.street, contact.locale) == (other.sub, "19999012345", OTHER, "zh-CN")


async def test_an_audience_there_is_not(office: Office) -> None:
    for asked in ({"audience": "everybody"}, {"audience": "all", "division": ""}):
        assert await reason_of(audience(office, **asked)) == "INVALID_FIELDS"
