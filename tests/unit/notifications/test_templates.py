from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications.domain import blanks
from notifications.domain.templates import MAX_SMS_CHARS, PRIVATE_BLANKS, TemplateError, catalogue, parse

BLANKS = {
    "application_received": {"no"},
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
    "bill_issued": {"month", "amount", "due"},
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
}
STAFF = {"task_opened", "task_reminder", "task_escalated", "register_silent"}
GOOD = {"sms": False, "title_zh": "标题", "body_zh": "内容 {a}", "title_en": "Title", "body_en": "Text {a}"}


def test_every_event_has_its_text_with_exactly_its_blanks() -> None:
    assert {id: set(template.blanks) for id, template in catalogue().items()} == BLANKS
    assert {id for id, template in catalogue().items() if template.audience == "staff"} == STAFF


def test_workflows_name_only_templates_that_exist() -> None:
    """The names in the workflows' ``tell`` calls, read from their source: a typo would refuse a legal notification at run time."""
    folder = Path(__file__).parents[3] / "workflows/src/anju_workflows"
    told = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("tell", "tell_staff"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    template = catalogue().get(str(first.value))
                    assert template is not None, f"{file.name}: no template {first.value!r}"
                    told.add(template.id)
                    given_by_name = {keyword.arg for keyword in node.keywords if keyword.arg} | {"no"}
                    assert template.blanks <= given_by_name, f"{file.name}: {template.id} needs {set(template.blanks)}"
    assert len(told) >= 20


@pytest.mark.parametrize("id", sorted(BLANKS))
def test_texts_render_in_both_languages(id: str) -> None:
    template = catalogue()[id]
    values = {
        "deadline": "2026年11月3日",
        "month": "2026年12月",
        "amount": "1,234.50 元",
        "level": "街道初审",
        "register": "社会保险、不动产",
        "no": "KF-2026-000123",
    }
    rendered = template.render({name: values.get(name, "7") for name in template.blanks})
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
    rendered = template.render({name: canary if name in PRIVATE_BLANKS else "x" for name in template.blanks})
    if template.sms:
        assert canary not in rendered.zh.sms
        assert canary not in rendered.en.sms
    if template.blanks & PRIVATE_BLANKS:
        assert canary in rendered.zh.body


def test_values_with_braces_are_text_and_not_a_format() -> None:
    rendered = catalogue()["refused"].render({"reason": "{0.__class__} {no} %s"})
    assert "{0.__class__} {no} %s" in rendered.zh.body


@given(st.text(string.printable + "年月日元社会保险、", max_size=200))
def test_english_never_fails_and_keeps_what_it_does_not_know(value: str) -> None:
    said = blanks.english(value)
    assert isinstance(said, str)
    if "年" not in value and "元" not in value and "、" not in value and value not in ("社会保险",):
        assert said == value


@pytest.mark.parametrize(
    ("chinese", "said"),
    [
        ("2026年11月3日", "2026-11-03"),
        ("2026年1月", "2026-01"),
        ("1,234.50 元", "CNY 1,234.50"),
        ("350.00元", "CNY 350.00"),
        ("社会保险、婚姻", "the social insurance register, the marriage register"),
        ("3号楼2单元501", "3号楼2单元501"),
    ],
)
def test_english_values(chinese: str, said: str) -> None:
    assert blanks.english(chinese) == said


@pytest.mark.parametrize(
    "change",
    [
        {"body_en": "Text"},
        {"sms": True, "body_zh": "内容 {reason}", "body_en": "Text {reason}"},
        {"surprise": 1},
        {"title_en": "Title {b}"},
    ],
)
def test_a_text_that_must_not_be_sent_is_refused_at_load(change: dict[str, object]) -> None:
    parse("good", "citizen", GOOD)
    with pytest.raises(TemplateError):
        parse("bad", "citizen", {**GOOD, **change})


def test_officials_get_no_sms() -> None:
    with pytest.raises(TemplateError):
        parse("bad", "staff", {**GOOD, "sms": True})
