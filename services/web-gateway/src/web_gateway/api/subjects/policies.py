"""The policy shelf: what is in force, found by words, read by everybody; drafts, which one person writes and another publishes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as oversight
from chassis import logs
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "DRAFT_CHANGED", 409, "草稿已被修改", "The draft has changed",
        "请重新打开草稿，看过以后再继续。", "Open the draft again and read it before you go on.",
    ),
    Kind(
        "SECOND_READER", 409, "须由另一人发布", "Another person publishes",
        "请没有写过这份草稿的同事预览后发布。", "Ask a colleague who has not written in this draft to read and publish it.",
    ),
    Kind(
        "IN_THE_PAST", 409, "日期不能早于今天", "The day is over",
        "请把日期改为今天或以后，并晚于以前各版本的施行日期。", "Choose today or a later day, after that of every version before.",
    ),
    Kind(
        "POLICY_WITHDRAWN", 409, "政策已经废止", "The policy has been withdrawn",
        "已废止的政策不能再改；新的规定请另立一项。", "It cannot be changed any more; write the new rules as a policy of their own.",
    ),
)  # fmt: skip
api = Api("policies", "政策信息 Policies", PROBLEMS)
_log = logs.get(__name__)
EDITORS = ("city_reviewer",)
READERS = ("city_reviewer", "auditor")
# A count is a courtesy: nobody waits for it longer than for the policy itself.
_COUNT_SECONDS = 2.0

PolicyId = Annotated[
    str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60, description="Name of a policy in its address.", examples=["rent"])
]
MaybeDay = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description="YYYY-MM-DD; empty for today.")]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="YYYY-MM-DD.")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of what the draft says.")]
Channel = Annotated[str, OneOf("view_channels")]
PolicyCategory = Annotated[str, CodeOf("policy_categories")]
PolicyState = Annotated[str, CodeOf("policy_states")]
Criterion = Annotated[str, CodeOf("criteria")]


class PolicyItem(Answer):
    id: str
    version: int
    category: PolicyCategory
    title: str
    summary: str
    issuer: str
    effective_on: str
    sample: bool = Field(description="Written for trying and teaching; not the city's word.")


class PolicyArticle(Answer):
    number: str
    heading: str
    text: str
    criteria: list[Criterion] = Field(description="The conditions it is implemented by.")
    unverified: bool = Field(description="It sums up a law, and nobody has compared it with the official text.")


class PolicyVersionView(Answer):
    version: int
    effective_on: str
    published_at: datetime
    state: PolicyState


class PolicyView(Answer):
    id: str
    version: int
    state: PolicyState = Field(description="How this version stands on the day asked for.")
    category: PolicyCategory
    title: str
    summary: str = Field(description="In plain language; the articles hold.")
    issuer: str
    document_no: str
    effective_on: str
    sample: bool
    published_at: datetime
    articles: list[PolicyArticle] = Field(description="In the language in which they hold.")
    versions: list[PolicyVersionView] = Field(description="Every published version, newest first.")
    withdrawn_on: str
    withdrawal_reason: str
    superseded_by: str


class RuleArticle(Answer):
    criterion: Criterion
    policy_id: str
    title: str
    number: str


class ViewsOfDay(Answer):
    day: str
    channel: Annotated[str, CodeOf("view_channels")]
    views: int


class Visits(Answer):
    total: int
    days: list[ViewsOfDay] = Field(description="By day and channel, newest first, at most 400 of them.")


class FindPolicies(f.Paged):
    words: str = Field(default="", max_length=100, description="Every word has to be in the text; two characters are a word, and one is.")
    category: Annotated[str, Field(pattern=r"^[a-z_]{0,20}$")] = ""
    on_date: MaybeDay = ""


class OnePolicy(Params):
    id: PolicyId
    on_date: MaybeDay = ""
    channel: Channel = Field(default="web", description="By which way the reader came; it is counted, and nothing about him.")


class OfPolicy(Params):
    id: PolicyId


class OnDay(Params):
    on_date: MaybeDay = ""


class FindDrafts(f.Sorted):
    sort: str = f.sorting("changed", "effective", "id")
    words: str = Field(default="", max_length=100, description="A part of the title or of the address.")
    state: f.State = ""


class Between(Params):
    from_on: MaybeDay = Field(default="", description="First day; empty for all.")
    until_on: MaybeDay = Field(default="", description="Last day; empty for all.")


class BothTexts(Body):
    zh: Annotated[str, Field(max_length=600)]
    en: Annotated[str, Field(max_length=1200)]


class ArticleText(Body):
    number: Annotated[str, Field(max_length=20)]
    heading: Annotated[str, Field(max_length=60)] = ""
    text: Annotated[str, Field(max_length=4000)]
    criteria: Annotated[list[Annotated[str, OneOf("criteria")]], Field(max_length=10)] = []
    unverified: bool = Field(default=False, description="It sums up a law, and nobody has compared it with the official text.")


class PolicyContent(Body):
    category: Annotated[str, OneOf("policy_categories")]
    title: BothTexts
    summary: BothTexts
    issuer: Annotated[str, Field(max_length=100)]
    document_no: Annotated[str, Field(max_length=60)] = ""
    articles: Annotated[list[ArticleText], Field(min_length=1, max_length=120)]
    effective_on: Day
    sample: bool = False


class SavePolicyDraft(Body):
    content: PolicyContent
    base_digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", description="Of the draft that is replaced; empty for none.")] = ""


class PublishPolicy(Body):
    digest: Digest


class WithdrawPolicy(Body):
    from_on: Day
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    superseded_by: Annotated[str, Field(pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=60)] = ""


class TextsView(Answer):
    zh: str
    en: str


class ContentView(Answer):
    category: PolicyCategory
    title: TextsView
    summary: TextsView
    issuer: str
    document_no: str
    articles: list[PolicyArticle]
    effective_on: str
    sample: bool


class PolicyDraft(Answer):
    policy_id: str
    version: int
    content: ContentView
    digest: str
    written_by: list[str] = Field(description="Accounts which have written in it: none of them publishes it.")
    saved_at: datetime


class PolicyWork(Answer):
    id: str
    title: str
    category: PolicyCategory
    draft: int = Field(description="Number of the version in the making, 0 for none.")
    published: int = Field(description="Number of the version published last, 0 for none.")
    effective_on: str
    withdrawn_on: str
    changed_at: datetime
    state: Annotated[str, CodeOf("policy_work_states")]


class PublishedVersion(Answer):
    version: int
    content: ContentView
    state: PolicyState
    written_by: list[str] = Field(description="Accounts which have written in it.")
    published_by: str = Field(description="The account which has published it.")
    published_at: datetime


class PolicyDesk(Answer):
    id: str
    draft: PolicyDraft | None = Field(description="Of the next version; null without one.")
    published: list[PublishedVersion] = Field(description="Newest first, at most 10.")
    withdrawn_on: str
    withdrawal_reason: str
    superseded_by: str


@api.get("/policies", access=Access.PUBLIC, max_age=10)
async def list_policies(call: Call, params: FindPolicies) -> f.Page[PolicyItem]:
    """The policies in force on a day: all, of a category, or those that hold every word, with a word in the title first."""
    request = oversight.ListPoliciesRequest(page=params.page(), words=params.words, category=params.category, on_date=params.on_date)
    found = await call.rpc("oversight", call.services.oversight.ListPolicies, request)
    return f.Page[PolicyItem](
        items=[to_model(PolicyItem, each, call.locale) for each in found.policies], next_cursor=found.page.next_cursor
    )


@api.get("/policies/{id}", access=Access.PUBLIC)
async def get_policy(call: Call, params: OnePolicy) -> PolicyView:
    """One policy as it is in force on a day. It is counted by day and channel that it was opened, and nothing about who."""
    request = oversight.GetPolicyRequest(id=params.id, on_date=params.on_date)
    found = await call.rpc("oversight", call.services.oversight.GetPolicy, request)
    counting = oversight.CountViewRequest(policy_id=params.id, channel=params.channel)
    try:
        # In our own name: who has read it is not even said.
        await call.services.client("oversight").call(call.services.oversight.CountView, counting, timeout=_COUNT_SECONDS)
    except Refusal as refusal:
        _log.warning("view_not_counted", reason=refusal.problem.reason)
    return _policy(call, found.policy)


@api.get("/policy-articles", access=Access.PUBLIC, max_age=60)
async def list_rule_articles(call: Call, params: OnDay) -> f.Listing[RuleArticle]:
    """The articles in force on a day which a condition implements."""
    request = oversight.ListRuleArticlesRequest(on_date=params.on_date)
    found = await call.rpc("oversight", call.services.oversight.ListRuleArticles, request)
    return f.Listing[RuleArticle](items=[to_model(RuleArticle, each, call.locale) for each in found.articles])


@api.get("/visits", access=Access.PUBLIC, max_age=60)
async def get_visits(call: Call, params: Between) -> Visits:
    """How often the city's policies were opened, by day and channel; nobody is known by it."""
    request = oversight.GetViewsRequest(from_on=params.from_on, until_on=params.until_on)
    return to_model(Visits, await call.rpc("oversight", call.services.oversight.GetViews, request))


@api.get("/policy-drafts", access=Access.STAFF, roles=READERS)
async def list_policy_drafts(call: Call, params: FindDrafts) -> f.Page[PolicyWork]:
    """Every policy as its editors see it, drafts among them; what was touched last first."""
    request = oversight.ListPolicyDraftsRequest(page=params.page(), words=params.words, state=params.state)
    found = await call.rpc("oversight", call.services.oversight.ListPolicyDrafts, request)
    items = [to_model(PolicyWork, each, call.locale) for each in found.policies]
    return f.Page[PolicyWork](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.get("/policy-drafts/{id}", access=Access.STAFF, roles=READERS)
async def get_policy_draft(call: Call, params: OfPolicy) -> PolicyDesk:
    """A policy as its editors see it: the draft of its next version, and what was published. 404 for one nobody has begun."""
    found = await call.rpc("oversight", call.services.oversight.GetPolicyDraft, oversight.GetPolicyDraftRequest(policy_id=params.id))
    published = [to_model(PublishedVersion, each, content=_both(each.content)).model_dump() for each in found.published]
    draft = _draft(found.draft).model_dump() if found.HasField("draft") else None
    return to_model(PolicyDesk, found, id=params.id, draft=draft, published=published)


@api.put("/policy-drafts/{id}", access=Access.STAFF, roles=EDITORS, idempotent=False)
async def save_policy_draft(call: Call, params: OfPolicy, body: SavePolicyDraft) -> PolicyDraft:
    """Writes the draft of a policy's next version, or of a new policy. Saving the same again changes nothing."""
    request = oversight.SavePolicyDraftRequest(policy_id=params.id, content=_content(body.content), base_digest=body.base_digest)
    return _draft((await call.rpc("oversight", call.services.oversight.SavePolicyDraft, request)).draft)


@api.post("/policy-drafts/{id}/publication", access=Access.STAFF, roles=EDITORS, idempotent=False)
async def publish_policy(call: Call, params: OfPolicy, body: PublishPolicy) -> PolicyView:
    """Publishes the draft that was read, by its digest; never by who has written in it. Publishing the same again changes nothing."""
    request = oversight.PublishPolicyRequest(policy_id=params.id, digest=body.digest)
    return _policy(call, (await call.rpc("oversight", call.services.oversight.PublishPolicy, request)).policy)


@api.post("/policies/{id}/withdrawal", access=Access.STAFF, roles=EDITORS, idempotent=False)
async def withdraw_policy(call: Call, params: OfPolicy, body: WithdrawPolicy) -> PolicyView:
    """Takes a policy out of force from a day on; it stays readable, with the reason. Saying the same again changes nothing."""
    request = oversight.WithdrawPolicyRequest(policy_id=params.id, **body.model_dump())
    return _policy(call, (await call.rpc("oversight", call.services.oversight.WithdrawPolicy, request)).policy)


def _policy(call: Call, said: oversight.Policy) -> PolicyView:
    content = said.content
    return to_model(
        PolicyView,
        said,
        call.locale,
        **{name: getattr(content, name) for name in ("category", "issuer", "document_no", "effective_on", "sample")},
        title=_in(content.title, call.locale),
        summary=_in(content.summary, call.locale),
        articles=[to_model(PolicyArticle, each).model_dump() for each in content.articles],
    )


def _in(said: common.Text, locale: str) -> str:
    return said.en if locale == "en" else said.zh


def _both(content: oversight.Content) -> dict[str, object]:
    """Both languages, whichever the editor reads."""
    both = {name: {"zh": getattr(content, name).zh, "en": getattr(content, name).en} for name in ("title", "summary")}
    shown = {name: getattr(content, name) for name in ("category", "issuer", "document_no", "effective_on", "sample")}
    return {**shown, **both, "articles": [to_model(PolicyArticle, each).model_dump() for each in content.articles]}


def _draft(said: oversight.Draft) -> PolicyDraft:
    return to_model(PolicyDraft, said, content=_both(said.content))


def _content(body: PolicyContent) -> oversight.Content:
    said = body.model_dump()
    title, summary, articles = common.Text(**said.pop("title")), common.Text(**said.pop("summary")), said.pop("articles")
    return oversight.Content(title=title, summary=summary, articles=[oversight.Article(**each) for each in articles], **said)
