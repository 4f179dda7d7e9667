"""Views of lists: one's own, as many as are allowed, and nobody else's."""

from __future__ import annotations

import asyncio

import pytest
from anju.organisation.v1 import organisation_pb2 as pb
from chassis.errors import Refusal
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.services.organisation.office import Office, who


def view(id: str, name: str = "", *, of: str = "/cases", query: str = "stage=street_review", default: bool = False) -> pb.View:
    return pb.View(id=id, list=of, name=name or f"视图{id}", query=query, default=default)


async def keep(town: Office, account: str, each: pb.View) -> pb.View:
    kept: pb.View = (await town.ask("KeepView", pb.KeepViewRequest(view=each), who(account))).view
    return kept


async def views(town: Office, account: str) -> list[pb.View]:
    return list((await town.ask("ListViews", pb.ListViewsRequest(), who(account))).views)


async def test_a_view_is_kept_renamed_and_removed(town: Office) -> None:
    assert await views(town, "clerk") == []
    await keep(town, "clerk", view("a", " 等街道的 "))
    await keep(town, "clerk", view("a", "等街道的"))
    assert await views(town, "clerk") == [view("a", "等街道的")]
    await keep(town, "clerk", view("a", "街道", query="sort=-no"))
    assert await views(town, "clerk") == [view("a", "街道", query="sort=-no")]
    for _ in range(2):
        await town.ask("RemoveView", pb.RemoveViewRequest(id="a"), who("clerk"))
    assert await views(town, "clerk") == []


async def test_nobody_reads_changes_or_removes_anothers(town: Office) -> None:
    await keep(town, "clerk", view("a", default=True))
    assert await views(town, "colleague") == []
    # Under the same id it is another view.
    await keep(town, "colleague", view("a", "另一个", of="/leases", default=True))
    await town.ask("RemoveView", pb.RemoveViewRequest(id="a"), who("elsewhere"))
    assert await views(town, "clerk") == [view("a", default=True)]
    await town.ask("RemoveView", pb.RemoveViewRequest(id="a"), who("colleague"))
    assert await views(town, "clerk") == [view("a", default=True)]


async def test_a_list_opens_with_one_of_them(town: Office) -> None:
    await keep(town, "clerk", view("a", default=True))
    await keep(town, "clerk", view("b", default=True))
    await keep(town, "clerk", view("c", of="/leases", default=True))
    await keep(town, "colleague", view("d", default=True))
    assert [each.id for each in await views(town, "clerk") if each.default] == ["b", "c"]
    await keep(town, "clerk", view("b"))
    assert [each.id for each in await views(town, "clerk") if each.default] == ["c"]


async def test_a_name_is_good_once_in_a_list(town: Office) -> None:
    await keep(town, "clerk", view("a", "我的"))
    with pytest.raises(Refusal, match="VIEW_NAME_TAKEN"):
        await keep(town, "clerk", view("b", "我的"))
    await keep(town, "clerk", view("b", "我的", of="/leases"))
    await keep(town, "colleague", view("b", "我的"))


async def test_there_is_an_end_to_them_also_for_two_at_once(town: Office) -> None:
    for number in range(49):
        await keep(town, "clerk", view(f"v{number}"))
    # Nobody's is written before all have come as far as they get.
    engine = create_async_engine(town.database_url)
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE list_view IN SHARE MODE"))
        asked = [asyncio.create_task(keep(town, "clerk", view(each))) for each in ("x", "y", "z")]
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while (await connection.execute(waiting)).scalar_one() < len(asked):
            await asyncio.sleep(0.02)
    await engine.dispose()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers].count(Refusal) == 2
    assert len(await views(town, "clerk")) == 50
    # What is there can still be changed, and another has room for his own.
    await keep(town, "clerk", view("v0", "改过的"))
    await keep(town, "colleague", view("x"))


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (view("a b"), "/view/id"),
        (view(""), "/view/id"),
        (view("a", of="cases"), "/list"),
        (view("a", of="//elsewhere"), "/list"),
        (pb.View(id="a", list="/cases", name=" "), "/name"),
        (view("a", "长" * 21), "/name"),
        (view("a", query="q" * 501), "/query"),
    ],
)
async def test_what_is_wrong_is_named(town: Office, wrong: pb.View, pointer: str) -> None:
    with pytest.raises(Refusal, match="INVALID_FIELDS") as refused:
        await keep(town, "clerk", wrong)
    assert [each.pointer for each in refused.value.fields] == [pointer]


async def test_what_somebody_has_typed_is_sealed(town: Office) -> None:
    await keep(town, "clerk", view("a", "张三家", query="no=KF-2026-000123"))
    row = str(await town.sql("SELECT * FROM list_view"))
    assert "KF-2026" not in row
    assert "张三" not in row
