from __future__ import annotations

import ast
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications.domain.templates import MAX_SMS_CHARS, PRIVATE_BLANKS, TemplateError, catalogue, parse
from notifications.domain.values import BLANKS as BLANK_KINDS
from notifications.domain.values import Fact

BLANKS = {
    "application_received": {"no"},
    "confirmation_awaited": {"no", "deadline"},
    "confirmation_expiring": {"deadline"},
    "confirmation_lapsed": set(),
    "follow_up_opened": {"item", "deadline"},
    "follow_up_reminder": {"item", "deadline"},
    "follow_up_overdue": {"item", "days"},
    "follow_up_done": {"item"},
    "member_refused": {"deadline"},
    "consent_withdrawn_awaited": {"deadline"},
    "consent_withdrawn_returned": {"deadline"},
    "consent_withdrawn_noted": set(),
    "consent_withdrawn": {"no"},
    "named_elsewhere": set(),
    "verification_waiting": {"register"},
    "verification_done": set(),
    "review_started": {"level", "deadline"},
    "returned_for_correction": {"reason", "deadline"},
    "correction_received": set(),
    "correction_expiring": {"deadline"},
    "refused": {"reason"},
    "approved_to_notice": {"closes"},
    "objection_received": set(),
    "objection_dismissed": set(),
    "objection_upheld": {"reason"},
    "registered": {"rank", "expires"},
    "withdrawn": set(),
    "lapsed": set(),
    "broadcast": {"headline", "message"},
    "broadcast_inbox": {"headline", "message"},
    "offer_made": {"unit", "expires"},
    "offer_accepted": {"lease", "sign_by"},
    "offer_declined": {"left"},
    "offer_expired": {"left"},
    "struck_off": set(),
    "left_waiting": set(),
    "waiting_alarm": {"expires"},
    "waiting_expired": set(),
    "lease_sign_reminder": {"deadline"},
    "lease_signed": {"deadline"},
    "lease_active": {"unit", "starts"},
    "lease_lapsed": set(),
    "lease_ended": set(),
    "bill_issued": {"month", "amount", "owed", "due"},
    "bill_reminder": {"month", "amount", "until"},
    "bill_paid": {"month", "amount"},
    "bill_arrears": {"month", "amount"},
    "arrears_paid": {"month", "amount"},
    "arrears_taken_back": {"month", "amount"},
    "deposit_issued": {"amount", "due"},
    "deposit_paid": {"amount"},
    "deposit_arrears": {"amount"},
    "task_opened": {"no", "level", "deadline"},
    "task_reminder": {"no", "deadline"},
    "task_escalated": {"no", "level", "days"},
    "register_silent": {"no", "register"},
    "nobody_left": {"no", "level"},
    "bulk_read": {"reader", "on"},
    "number_refused": {"no"},
    **{
        f"complaint_{event}": {"no", "deadline"}
        for event in ("received", "accepted", "investigated", "reassigned", "answered", "reopened", "escalated")
    },
    "complaint_closed": {"no"},
    "complaint_merged": {"no"},
    **{f"complaint_{event}": {"no", "deadline"} for event in ("task", "urgent", "reminder", "second", "again")},
    "complaint_overdue": {"no", "days"},
}
STAFF = {
    "task_opened",
    "task_reminder",
    "task_escalated",
    "consent_withdrawn",
    "register_silent",
    "nobody_left",
    "bulk_read",
    "number_refused",
    *(f"complaint_{event}" for event in ("task", "urgent", "reminder", "overdue", "second", "again")),
    "follow_up_opened",
    "follow_up_reminder",
    "follow_up_overdue",
}
GOOD = {"sms": False, "title_zh": "标题", "body_zh": "内容 {unit}", "title_en": "Title", "body_en": "Text {unit}"}
FACTS = {
    "text": Fact("text", "7"),
    "day": Fact("day", datetime(2026, 11, 3, tzinfo=UTC)),
    "month": Fact("month", "202612"),
    "fen": Fact("fen", 123_450),
    "count": Fact("count", 7),
    "term": Fact("term", ("stages", "street_review")),
    "words": Fact("words", ("停水通知", "No water")),
    "list": Fact("list", (("registers", "social_insurance"), ("registers", "real_estate"))),
}


def test_every_event_has_its_text_with_exactly_its_blanks() -> None:
    assert {id: set(template.blanks) for id, template in catalogue().items()} == BLANKS
    assert {id for id, template in catalogue().items() if template.audience == "staff"} == STAFF


def test_workflows_tell_only_what_has_a_text_and_all_its_facts() -> None:
    """The tellings in the workflows' source: a typo would refuse a legal notification at run time. What a service alone knows it fills in."""
    filled_in = {
        "registered": {"rank", "expires"},
        "offer_made": {"unit", "expires"},
        "offer_accepted": {"lease", "sign_by"},
        "lease_signed": {"deadline"},
        "lease_active": {"unit", "starts"},
        "bill_issued": {"owed"},
    }
    folder = Path(__file__).parents[3] / "workflows/src/anju_workflows"
    told = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("household", "self.to_level"):
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant):
                template = catalogue().get(str(first.value))
                assert template is not None, f"{file.name}: no template {first.value!r}"
                told.add(template.id)
                given_by_name = {keyword.arg for keyword in node.keywords if keyword.arg} | {"no"}
                known = (
                    given_by_name
                    | filled_in.get(template.id, set())
                    | ({"month", "amount"} if "**self.about" in ast.unparse(node) else set())
                )
                assert template.blanks <= known, f"{file.name}: {template.id} needs {set(template.blanks)}"
    assert len(told) >= 20


@pytest.mark.parametrize("id", sorted(BLANKS))
def test_texts_render_in_both_languages(id: str) -> None:
    template = catalogue()[id]
    rendered = template.render({name: FACTS[BLANK_KINDS[name]] for name in template.blanks})
    for text in (rendered.zh, rendered.en):
        assert "{" not in text.title + text.body + text.sms
    english_text = rendered.en.title + rendered.en.body + rendered.en.sms
    assert not any("\u4e00" <= char <= "\u9fff" for char in english_text), "Chinese left in the English text"
    if template.sms:
        assert len(rendered.zh.sms) <= MAX_SMS_CHARS


@pytest.mark.parametrize("id", sorted(id for id in BLANKS if id not in STAFF))
def test_no_sms_carries_what_a_person_typed(id: str) -> None:
    template = catalogue()[id]
    canary = "张三丰410202199001011234"
    facts = {name: FACTS[BLANK_KINDS[name]] for name in template.blanks}
    rendered = template.render(facts | {name: Fact("text", canary) for name in PRIVATE_BLANKS})
    if template.sms:
        assert canary not in rendered.zh.sms
        assert canary not in rendered.en.sms
    if template.blanks & PRIVATE_BLANKS:
        assert canary in rendered.zh.body


def test_values_with_braces_are_text_and_not_a_format() -> None:
    rendered = catalogue()["refused"].render({"reason": Fact("text", "{0.__class__} {no} %s")})
    assert "{0.__class__} {no} %s" in rendered.zh.body


@given(st.text(string.printable + "年月日元社会保险、", max_size=200))
def test_what_a_person_wrote_reads_the_same_in_every_language(value: str) -> None:
    assert Fact("text", value).zh() == Fact("text", value).en() == value


@pytest.mark.parametrize(
    ("fact", "zh", "en"),
    [
        (Fact("day", datetime(2026, 11, 2, 16, 0, tzinfo=UTC)), "2026年11月3日", "3 November 2026"),
        (Fact("month", "202601"), "2026年1月", "January 2026"),
        (Fact("fen", 123_450), "1,234.50 元", "1,234.50 yuan"),
        (Fact("count", 7), "7", "7"),
        (Fact("term", ("stages", "street_review")), "街道初审", "street review"),
        (
            Fact("list", (("registers", "social_insurance"), ("registers", "marriage"))),
            "社会保险、婚姻登记",
            "the social insurance register, the marriage register",
        ),
    ],
)
def test_facts_are_worded_in_each_language(fact: Fact, zh: str, en: str) -> None:
    assert (fact.zh(), fact.en()) == (zh, en)


@pytest.mark.parametrize(
    "change",
    [
        {"body_en": "Text"},
        {"sms": True, "body_zh": "内容 {reason}", "body_en": "Text {reason}"},
        {"surprise": 1},
        {"title_en": "Title {lease}"},
        {"body_zh": "内容 {surprise}", "body_en": "Text {surprise}"},
    ],
)
def test_a_text_that_must_not_be_sent_is_refused_at_load(change: dict[str, object]) -> None:
    parse("good", "citizen", GOOD)
    with pytest.raises(TemplateError):
        parse("bad", "citizen", {**GOOD, **change})


def test_officials_get_no_sms() -> None:
    with pytest.raises(TemplateError):
        parse("bad", "staff", {**GOOD, "sms": True})


def test_what_is_told_about_money_leads_to_the_bills() -> None:
    about_money = {id for id, each in catalogue().items() if "“房租”" in each.zh.body or id.startswith(("bill_", "deposit_", "arrears_"))}
    assert about_money
    assert {id for id in about_money if catalogue()[id].leads_to != "bills"} == set()


def test_a_message_about_one_bill_leads_to_that_bill() -> None:
    every, month = catalogue(), {"month": FACTS["month"]}
    led = {id: each.bill(month if "month" in each.blanks else {}) for id, each in every.items()}
    assert {id for id, bill in led.items() if bill == "202612"} == {id for id, each in every.items() if "month" in each.blanks}
    assert {id for id, bill in led.items() if bill == "deposit"} == {"lease_signed", "deposit_issued", "deposit_arrears", "deposit_paid"}


def test_a_message_leads_to_a_place_there_is() -> None:
    raw = {"sms": False, "title_zh": "一", "body_zh": "二", "title_en": "a", "body_en": "b"}
    assert parse("x", "citizen", raw).leads_to == "case"
    with pytest.raises(TemplateError, match="leads to"):
        parse("x", "citizen", raw | {"leads_to": "nowhere"})
