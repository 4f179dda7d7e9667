"""A list that three services keep is one list: sorted, counted, gone on with and turned as if one had it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as reads
from chassis import paging
from chassis.wire import stamp

from tests.services.web_gateway.world import API, World

SINCE = datetime(2026, 11, 26, tzinfo=UTC)
SERVICES = ("casework", "housing", "payments")
# Three looks a minute, one of each service, of three readers in turn; equal instants and equal readers are told apart all the same.
LOOKS = [
    reads.Look(
        id=number, at=stamp(SINCE + timedelta(minutes=number // 3)), reader=f"st-{number % 4}", roles=["auditor"], what="tasks", service=SERVICES[number % 3]
    )
    for number in range(250)
]  # fmt: skip


def place(look: reads.Look, sort: str) -> tuple[Any, ...]:
    own = f"{look.id:019d} {look.service}"
    return (look.reader, own) if sort.endswith("reader") else (look.at.ToDatetime(UTC), own)


def kept_by(service: str) -> Any:
    """As ``casekit.reads`` gives them."""

    def page(request: reads.ListLooksRequest) -> reads.ListLooksResponse:
        sort = request.page.sort or "-at"
        mine = sorted((look for look in LOOKS if look.service == service), key=lambda look: place(look, sort), reverse=sort.startswith("-"))
        total = len(mine) if request.page.count else 0
        if request.page.cursor:
            after = tuple(paging.decode(request.page.cursor, str if sort.endswith("reader") else datetime, str) or ())
            mine = [look for look in mine if (place(look, sort) < after if sort.startswith("-") else place(look, sort) > after)]
        shown, cursor = paging.cut(mine[: request.page.limit + 1], request.page.limit, lambda look: place(look, sort))
        return reads.ListLooksResponse(looks=shown, page=common.PageInfo(next_cursor=cursor, total=total))

    return page


@pytest.mark.parametrize("sort", ["", "at", "-at", "reader", "-reader"])
async def test_every_look_comes_once_whichever_way_one_goes_on(gateway: World, sort: str) -> None:
    for service in SERVICES:
        gateway.backstage.on(f"{service}/ListLooks", kept_by(service))
    person = await gateway.official("auditor")

    async def ask(**query: Any) -> Any:
        reply = await person.get(f"{API}/looks", params={"sort": sort, **{name: str(value) for name, value in query.items()}})
        assert reply.status == 200, reply.text
        return reply.json

    def known(items: list[Any]) -> list[str]:
        return [f"{item['at']} {item['reader']} {item['service']}" for item in items]

    order = sort or "-at"
    expected = sorted(LOOKS, key=lambda look: place(look, order), reverse=order.startswith("-"))
    wanted = [(look.reader, look.service) for look in expected]
    by_cursor, cursor = [], ""
    while True:
        page = await ask(limit=70, cursor=cursor)
        by_cursor += page["items"]
        if not (cursor := page["next_cursor"]):
            break
    assert [(item["reader"], item["service"]) for item in by_cursor] == wanted
    turned = [item for skip in range(0, 250, 60) for item in (await ask(limit=60, skip=skip))["items"]]
    assert known(turned) == known(by_cursor)
    assert (await ask(limit=1, count="true"))["total"] == len(LOOKS)
