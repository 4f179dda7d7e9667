"""Between the messages and the domain's words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as pb
from chassis.errors import invalid
from chassis.wire import day, stamp, wrong

from oversight.domain.content import Article, Content, check, of_json
from oversight.domain.versions import History, Version, history
from oversight.tables import Policy, PolicyVersion

# Enough to compare with; a long text ten times stays within one message.
MAX_VERSIONS: Final = 10


def content(said: pb.Content) -> Content:
    """Raises Refusal(INVALID_FIELDS) for what no version may say."""
    made = Content(
        category=said.category,
        title_zh=said.title.zh.strip(),
        title_en=said.title.en.strip(),
        summary_zh=said.summary.zh.strip(),
        summary_en=said.summary.en.strip(),
        issuer=said.issuer.strip(),
        document_no=said.document_no.strip(),
        articles=tuple(
            Article(each.number.strip(), each.heading.strip(), each.text.strip(), tuple(each.criteria), each.unverified)
            for each in said.articles
        ),
        effective_on=day(said.effective_on, "/content/effective_on"),
        sample=said.sample,
    )
    found = check(made)
    if found:
        raise invalid([wrong(each.pointer, each.zh, each.en) for each in found])
    return made


def to_content(said: Content) -> pb.Content:
    return pb.Content(
        category=said.category,
        title=common.Text(zh=said.title_zh, en=said.title_en),
        summary=common.Text(zh=said.summary_zh, en=said.summary_en),
        issuer=said.issuer,
        document_no=said.document_no,
        articles=[
            pb.Article(number=each.number, heading=each.heading, text=each.text, criteria=each.criteria, unverified=each.unverified)
            for each in said.articles
        ],
        effective_on=said.effective_on.isoformat(),
        sample=said.sample,
    )


def history_of(policy: Policy, published: Sequence[PolicyVersion]) -> History:
    return history([Version(each.number, each.effective_on) for each in published], policy.withdrawn_on)


def to_policy(policy: Policy, published: Sequence[PolicyVersion], on: date) -> pb.Policy | None:
    """As it is read on a day; None when nothing was published."""
    past = history_of(policy, published)
    shown = past.shown(on)
    if shown is None:
        return None
    rows = {each.number: each for each in published}
    row = rows[shown.number]
    return pb.Policy(
        id=policy.id,
        version=shown.number,
        state=past.state(shown, on),
        content=to_content(of_json(row.content)),
        published_at=stamp(row.published_at),
        versions=[
            pb.PolicyVersion(
                version=each.number,
                effective_on=each.effective_on.isoformat(),
                published_at=stamp(rows[each.number].published_at),
                state=past.state(each, on),
            )
            for each in reversed(past.versions)
        ],
        withdrawn_on=policy.withdrawn_on.isoformat() if policy.withdrawn_on else "",
        withdrawal_reason=policy.withdrawal_reason,
        superseded_by=policy.superseded_by,
    )


def to_item(row: PolicyVersion) -> pb.PolicyItem:
    said = to_content(of_json(row.content))
    return pb.PolicyItem(
        id=row.policy_id,
        version=row.number,
        category=said.category,
        title=said.title,
        summary=said.summary,
        issuer=said.issuer,
        effective_on=said.effective_on,
        sample=said.sample,
    )


def to_draft(row: PolicyVersion) -> pb.Draft:
    return pb.Draft(
        policy_id=row.policy_id,
        version=row.number,
        content=to_content(of_json(row.content)),
        digest=row.digest,
        written_by=[each["account"] for each in row.writers],
        saved_at=stamp(row.saved_at),
    )


def to_work(policy: Policy, newest: PolicyVersion) -> pb.PolicyWork:
    said = of_json(newest.content)
    draft = newest.state == "draft"
    changed = max(each for each in (newest.saved_at, newest.published_at, policy.withdrawn_at) if each is not None)
    return pb.PolicyWork(
        id=policy.id,
        title=common.Text(zh=said.title_zh, en=said.title_en),
        category=said.category,
        draft=newest.number if draft else 0,
        published=newest.number - 1 if draft else newest.number,
        effective_on=said.effective_on.isoformat(),
        withdrawn_on=policy.withdrawn_on.isoformat() if policy.withdrawn_on else "",
        changed_at=stamp(changed),
        state="withdrawn" if policy.withdrawn_on else newest.state,
    )


def to_desk(policy: Policy, draft: PolicyVersion | None, published: Sequence[PolicyVersion], on: date) -> pb.GetPolicyDraftResponse:
    past = history_of(policy, published)
    return pb.GetPolicyDraftResponse(
        draft=None if draft is None else to_draft(draft),
        published=[
            pb.PublishedVersion(
                version=row.number,
                content=to_content(of_json(row.content)),
                state=past.state(Version(row.number, row.effective_on), on),
                written_by=[each["account"] for each in row.writers],
                published_by=row.published_by,
                published_at=stamp(row.published_at),
            )
            for row in reversed(published[-MAX_VERSIONS:])
        ],
        withdrawn_on=policy.withdrawn_on.isoformat() if policy.withdrawn_on else "",
        withdrawal_reason=policy.withdrawal_reason,
        superseded_by=policy.superseded_by,
    )
