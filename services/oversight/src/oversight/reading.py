"""What everybody may read, and how often it is read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import anju_calendar as calendar
from anju.oversight.v1 import oversight_pb2 as pb
from anju_terms import is_code
from chassis import wire
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from sqlalchemy.ext.asyncio import AsyncSession

from oversight import store
from oversight.convert import to_item, to_policy
from oversight.domain import words
from oversight.domain.content import of_json


def today() -> date:
    """The day in China: what is in force changes at midnight there."""
    return calendar.local_date(datetime.now(UTC))


class Reading:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, request: pb.ListPoliciesRequest) -> pb.ListPoliciesResponse:
        """Nothing for words of which none is left: what is asked for is not there, rather than everything."""
        if request.category and not is_code("policy_categories", request.category):
            raise invalid([wire.wrong("/category", "没有这个分类。", "There is no such category.")])
        if len(request.words) > words.MAX_CHARS:
            text = f"搜索内容不超过 {words.MAX_CHARS} 字。", f"Search for at most {words.MAX_CHARS} characters."
            raise invalid([wire.wrong("/words", *text)])
        on = _day(request.on_date, "/on_date") or today()
        asked = words.words(request.words)
        if request.words.strip() and not asked:
            return pb.ListPoliciesResponse()
        async with self._database.snapshot() as session:
            rows, page = await store.find(session, asked, request.category, on, request.page)
        return pb.ListPoliciesResponse(policies=[to_item(row) for row in rows], page=page)

    async def one(self, request: pb.GetPolicyRequest) -> pb.GetPolicyResponse:
        """Raises Refusal(NOT_FOUND)."""
        async with self._database.snapshot() as session:
            return pb.GetPolicyResponse(policy=await policy_on(session, request.id, _day(request.on_date, "/on_date") or today()))

    async def rule_articles(self, request: pb.ListRuleArticlesRequest) -> pb.ListRuleArticlesResponse:
        on = _day(request.on_date, "/on_date") or today()
        async with self._database.statements() as session:
            rows = await store.in_force_with_criteria(session, on)
        answer = pb.ListRuleArticlesResponse()
        for row in rows:
            title = to_item(row).title
            for article in of_json(row.content).articles:
                for criterion in article.criteria:
                    answer.articles.add(criterion=criterion, policy_id=row.policy_id, title=title, number=article.number)
        return answer

    async def count_view(self, request: pb.CountViewRequest) -> pb.CountViewResponse:
        """Raises Refusal(NOT_FOUND) for what nobody can have opened."""
        if not is_code("view_channels", request.channel):
            raise invalid([wire.wrong("/channel", "没有这个渠道。", "There is no such channel.")])
        async with self._database.transaction() as session:
            if not await store.published(session, request.policy_id):
                raise Refusal(NOT_FOUND)
            await store.count_view(session, request.policy_id, today(), request.channel)
        return pb.CountViewResponse()

    async def views(self, request: pb.GetViewsRequest) -> pb.GetViewsResponse:
        since, until = _day(request.from_on, "/from_on"), _day(request.until_on, "/until_on")
        async with self._database.snapshot() as session:
            total, days = await store.views(session, since, until, request.policy_id)
        return pb.GetViewsResponse(
            total=total, days=[pb.ViewsOfDay(day=on.isoformat(), channel=channel, views=int(count)) for on, channel, count in days]
        )


async def policy_on(session: AsyncSession, id: str, on: date) -> pb.Policy:
    """Raises Refusal(NOT_FOUND) for one that was never published."""
    policy = await store.policy(session, id)
    found = None if policy is None else to_policy(policy, await store.published(session, id), on)
    if found is None:
        raise Refusal(NOT_FOUND)
    return found


def _day(text: str, pointer: str) -> date | None:
    return wire.day(text, pointer) if text else None
