"""The shelf: found by words, in force on a day, published by two people, counted without anybody."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as pb
from chassis.errors import Refusal
from oversight import store
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from tests.services.oversight.shelf import SECOND, WRITER, Shelf, content, editor, on

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def refused(call: object) -> str:
    with pytest.raises(Refusal) as refusal:
        await call  # type: ignore[misc]  # a coroutine of any of the calls
    return refusal.value.problem.reason


async def test_words_of_two_characters_are_found_and_those_in_titles_first(shelf: Shelf) -> None:
    await shelf.publish("rent", content(title="租金缴纳办法", effective_on=on(-300)))
    await shelf.publish("notice", content(title="公示须知", text="公示期内可以提出异议，租金另行规定。", effective_on=on(-3)))
    assert await shelf.found("租金") == ["rent", "notice"]
    assert await shelf.found("异议") == ["notice"]
    assert await shelf.found("租金 异议") == ["notice"]
    assert await shelf.found("议") == ["notice"]
    # Its pairs stand in the text, and the word does not.
    assert await shelf.found("租金缴纳规定") == []
    assert await shelf.found("RENT standard") == ["notice", "rent"]
    assert await shelf.found() == ["notice", "rent"]
    assert await shelf.found("%_，") == []
    assert await shelf.found(category="news") == []
    assert await refused(shelf.found(category="no such")) == "INVALID_FIELDS"
    assert await refused(shelf.found("租" * 101)) == "INVALID_FIELDS"


async def test_a_list_is_turned_page_by_page(shelf: Shelf) -> None:
    for number in range(5):
        await shelf.publish(f"p-{number}", content(effective_on=on(-number - 1)))
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await shelf.ask("ListPolicies", pb.ListPoliciesRequest(words="租金", page={"limit": 2, "cursor": cursor}))
        seen += [each.id for each in answer.policies]
        cursor = answer.page.next_cursor
        if not cursor:
            break
    assert seen == [f"p-{number}" for number in range(5)]


async def test_a_search_goes_by_the_index(shelf: Shelf) -> None:
    """Ten thousand articles of other words around one of ours."""
    await shelf.publish("rent")
    await shelf.sql(
        "INSERT INTO policy (id, begun_at, withdrawn_by, withdrawn_by_person, withdrawal_reason, superseded_by)"
        " SELECT 'filler-' || n, now(), '', '', '', '' FROM generate_series(1, 10000) n"
    )
    await shelf.sql(
        "INSERT INTO policy_version (policy_id, number, state, category, effective_on, content, digest, title, plain, pairs, writers, saved_at,"
        " published_at, published_by, published_by_person) SELECT 'filler-' || n, 1, 'published', 'news', '2026-01-01', '{}', '', '', '',"
        " ARRAY['物业', chr(20000 + n), chr(20000 + n) || '业'], '[]', now(), now(), '', '' FROM generate_series(1, 10000) n"
    )
    for table in ("policy", "policy_version"):
        await shelf.sql(f"ANALYZE {table}")
    for asked in (["租金"], ["租"], ["建筑面积", "租金"]):
        statement = store.finding(asked, "", date(2026, 11, 27)).compile(
            dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join(row[0] for row in await shelf.sql(f"EXPLAIN {statement}"))
        assert "ix_policy_version_pairs" in plan
        assert "Seq Scan" not in plan, plan
    assert await shelf.found("建筑面积") == ["rent"]


async def test_what_was_in_force_on_a_day_stays_when_a_new_version_comes(shelf: Shelf) -> None:
    first = await shelf.publish("rent", content(effective_on=on(-10), text="每平方米三元。"))
    assert (first.version, first.state) == (1, "in_force")
    await shelf.publish("rent", content(effective_on=on(5), text="每平方米四元。"))
    assert (await shelf.read("rent")).content.articles[0].text == "每平方米三元。"
    later = await shelf.read("rent", on(5))
    assert (later.version, later.state, later.content.articles[0].text) == (2, "in_force", "每平方米四元。")
    assert [(each.version, each.state) for each in later.versions] == [(2, "in_force"), (1, "superseded")]
    assert (await shelf.read("rent", on(-11))).state == "upcoming"
    assert await shelf.found("四元") == []
    assert await shelf.found("四元", on_date=on(5)) == ["rent"]
    assert await shelf.found("三元", on_date=on(5)) == []
    assert await shelf.found(on_date=on(-11)) == []
    again = await shelf.save("rent", content(effective_on=on(4)))
    assert (
        await refused(shelf.ask("PublishPolicy", pb.PublishPolicyRequest(policy_id="rent", digest=again.digest), SECOND)) == "IN_THE_PAST"
    )


async def test_a_withdrawn_policy_stays_readable_and_leaves_the_shelf(shelf: Shelf) -> None:
    await shelf.publish("old")
    await shelf.publish("new")
    asked = pb.WithdrawPolicyRequest(policy_id="old", from_on=on(), reason="由新办法取代", superseded_by="new")
    assert (
        await refused(shelf.ask("WithdrawPolicy", pb.WithdrawPolicyRequest(policy_id="old", from_on=on(-1), reason="旧"), WRITER))
        == "IN_THE_PAST"
    )
    unknown = pb.WithdrawPolicyRequest(policy_id="old", from_on=on(), reason="旧", superseded_by="nowhere")
    assert await refused(shelf.ask("WithdrawPolicy", unknown, WRITER)) == "INVALID_FIELDS"
    for _ in range(2):
        gone = (await shelf.ask("WithdrawPolicy", asked, WRITER)).policy
    assert (gone.state, gone.withdrawn_on, gone.superseded_by, gone.withdrawal_reason) == ("withdrawn", on(), "new", "由新办法取代")
    assert await shelf.found() == ["new"]
    assert (await shelf.read("old")).content.title.zh == "公租房租金标准"
    assert (await shelf.read("old", on(-1))).state == "in_force"
    assert await refused(shelf.save("old", content())) == "POLICY_WITHDRAWN"
    other = pb.WithdrawPolicyRequest(policy_id="old", from_on=on(9), reason="改期")
    assert await refused(shelf.ask("WithdrawPolicy", other, WRITER)) == "POLICY_WITHDRAWN"


async def test_who_has_written_in_a_draft_does_not_publish_it(shelf: Shelf) -> None:
    draft = await shelf.save("rent", content())
    assert await refused(shelf.read("rent")) == "NOT_FOUND"
    assert await shelf.found() == []
    asked = pb.PublishPolicyRequest(policy_id="rent", digest=draft.digest)
    assert await refused(shelf.ask("PublishPolicy", asked, WRITER)) == "SECOND_READER"
    # Another account of the same person is the same person.
    assert await refused(shelf.ask("PublishPolicy", asked, editor("writer-2", person="person of writer"))) == "SECOND_READER"
    edited = await shelf.save("rent", content(text="改过的。"), draft.digest, SECOND)
    assert list(edited.written_by) == ["writer", "second"]
    asked = pb.PublishPolicyRequest(policy_id="rent", digest=edited.digest)
    for each in (WRITER, SECOND):
        assert await refused(shelf.ask("PublishPolicy", asked, each)) == "SECOND_READER"
    third = editor("third")
    assert (
        await refused(shelf.ask("PublishPolicy", pb.PublishPolicyRequest(policy_id="rent", digest=draft.digest), third)) == "DRAFT_CHANGED"
    )
    for _ in range(2):
        policy = (await shelf.ask("PublishPolicy", asked, third)).policy
    assert (policy.version, policy.content.articles[0].text) == (1, "改过的。")


async def test_two_who_write_at_once_do_not_write_over_each_other(shelf: Shelf) -> None:
    first = await shelf.save("rent", content())
    assert (await shelf.save("rent", content())).digest == first.digest
    assert await refused(shelf.save("rent", content(text="另一稿"), caller=SECOND)) == "DRAFT_CHANGED"
    answers = await asyncio.gather(
        shelf.save("rent", content(text="甲"), first.digest),
        shelf.save("rent", content(text="乙"), first.digest, SECOND),
        return_exceptions=True,
    )
    assert [isinstance(each, Refusal) for each in answers].count(True) == 1


async def test_a_text_that_is_not_fit_to_be_read_is_refused_where_it_is_wrong(shelf: Shelf) -> None:
    wrong = content(
        title=" ", category="gossip", articles=[pb.Article(number="一", text="甲", criteria=["luck"]), pb.Article(number="一", text="")]
    )
    with pytest.raises(Refusal) as refusal:
        await shelf.save("rent", wrong)
    assert {each.pointer for each in refusal.value.fields} == {
        "/content/category",
        "/content/title/zh",
        "/content/articles/0/criteria",
        "/content/articles/1/number",
        "/content/articles/1/text",
    }
    assert await refused(shelf.save("Rent/1", content())) == "INVALID_FIELDS"
    assert await refused(shelf.save("rent", content(effective_on="2026-02-30"))) == "INVALID_FIELDS"


async def test_only_editors_write_and_only_they_and_auditors_see_drafts(shelf: Shelf) -> None:
    await shelf.publish("old")
    draft = await shelf.save("rent", content())
    for role in ("street_clerk", "operator", "auditor"):
        assert await refused(shelf.save("other", content(), caller=editor("else", role=role))) == "NOT_ALLOWED"
    asked = pb.GetPolicyDraftRequest(policy_id="rent")
    assert (await shelf.ask("GetPolicyDraft", asked, editor("a", role="auditor"))).draft.digest == draft.digest
    assert await refused(shelf.ask("GetPolicyDraft", asked)) == "NOT_ALLOWED"
    assert await refused(shelf.ask("GetPolicyDraft", pb.GetPolicyDraftRequest(policy_id="nobodys"), SECOND)) == "NOT_FOUND"
    works = (await shelf.ask("ListPolicyDrafts", pb.ListPolicyDraftsRequest(), SECOND)).policies
    assert [(each.id, each.draft, each.published) for each in works] == [("rent", 1, 0), ("old", 0, 1)]


async def test_an_editor_finds_what_waits_and_sees_who_wrote_and_who_published(shelf: Shelf) -> None:
    await shelf.publish("old", content("旧办法"))
    first = await shelf.publish("rent")
    await shelf.save("rent", content(text="新的一稿。", effective_on=on(5)))
    asked = pb.WithdrawPolicyRequest(policy_id="old", from_on=on(), reason="不再适用")
    await shelf.ask("WithdrawPolicy", asked, SECOND)

    async def works(**more: Any) -> list[tuple[str, str]]:
        answer = await shelf.ask("ListPolicyDrafts", pb.ListPolicyDraftsRequest(**more), SECOND)
        return [(each.id, each.state) for each in answer.policies]

    assert await works() == [("old", "withdrawn"), ("rent", "draft")]
    assert await works(state="draft") == [("rent", "draft")]
    assert await works(state="published") == []
    assert await works(words="旧办") == await works(words="OLD") == [("old", "withdrawn")]
    assert await works(page=common.PageRequest(sort="-id")) == [("rent", "draft"), ("old", "withdrawn")]
    with pytest.raises(Refusal):
        await works(state="lost")
    desk = await shelf.ask("GetPolicyDraft", pb.GetPolicyDraftRequest(policy_id="rent"), SECOND)
    assert (desk.draft.version, desk.draft.content.articles[0].text) == (2, "新的一稿。")
    seen = [(each.version, each.state, list(each.written_by), each.published_by) for each in desk.published]
    assert seen == [(1, "in_force", ["writer"], "second")]
    assert desk.published[0].content == first.content
    gone = await shelf.ask("GetPolicyDraft", pb.GetPolicyDraftRequest(policy_id="old"), SECOND)
    assert not gone.HasField("draft")
    assert (gone.withdrawn_on, gone.published[0].state) == (on(), "withdrawn")


async def test_views_are_counted_by_day_and_channel_and_nothing_else_is_kept(shelf: Shelf) -> None:
    await shelf.publish("rent")
    await shelf.save("draft-only", content())
    await asyncio.gather(*(shelf.view("rent", "web") for _ in range(5)))
    await shelf.view("rent", "elder")
    for nowhere in ("draft-only", "nothing"):
        assert await refused(shelf.view(nowhere, "web")) == "NOT_FOUND"
    assert await refused(shelf.view("rent", "13800138000")) == "INVALID_FIELDS"
    # Nobody counts himself.
    assert await refused(shelf.ask("CountView", pb.CountViewRequest(policy_id="rent", channel="web"))) == "NOT_ALLOWED"
    seen = await shelf.ask("GetViews", pb.GetViewsRequest())
    assert (seen.total, [(each.day, each.channel, each.views) for each in seen.days]) == (6, [(on(), "elder", 1), (on(), "web", 5)])
    assert (await shelf.ask("GetViews", pb.GetViewsRequest(until_on=on(-1)))).total == 0
    columns = await shelf.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'policy_view'")
    assert {row[0] for row in columns} == {"policy_id", "day", "channel", "views"}


async def test_articles_know_the_conditions_they_set(shelf: Shelf) -> None:
    await shelf.publish("rent")
    found = (await shelf.ask("ListRuleArticles", pb.ListRuleArticlesRequest())).articles
    assert [(each.criterion, each.policy_id, each.number, each.title.zh) for each in found] == [
        ("income", "rent", "第一条", "公租房租金标准")
    ]
    assert not (await shelf.ask("ListRuleArticles", pb.ListRuleArticlesRequest(on_date=on(-11)))).articles


async def test_what_was_published_is_kept_by_the_database_itself(shelf: Shelf) -> None:
    await shelf.publish("rent")
    await shelf.view("rent", "web")
    await shelf.ask("WithdrawPolicy", pb.WithdrawPolicyRequest(policy_id="rent", from_on=on(), reason="废止"), WRITER)
    for statement in (
        "UPDATE policy_version SET content = '{}'",
        "UPDATE policy_version SET effective_on = '2020-01-01'",
        "UPDATE policy_version SET state = 'draft'",
        "DELETE FROM policy_version",
        "UPDATE policy SET withdrawn_on = NULL",
        "UPDATE policy_view SET views = 1, day = '2020-01-01'",
        "UPDATE policy_view SET views = views - 1",
    ):
        with pytest.raises(IntegrityError):
            await shelf.sql(statement)
