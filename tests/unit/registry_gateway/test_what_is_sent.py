"""The page of one's queries says what was sent about one: name and identity number. That is all a register may be sent, and a further one has to be said there."""

from __future__ import annotations

from pathlib import Path

from registry_gateway.registers import discover

TEXTS = Path(__file__).parents[3] / "web/src/i18n/citizen.ts"
NAME, NUMBER = "姓名", "身份证号"
# By each register's own names; the kind of document is that of the identity card, for everybody.
MEANS = {
    "XM": NAME, "xm": NAME, "name_man": NAME, "name_woman": NAME, "QLRMC": NAME,
    "SFZH": NUMBER, "sfzmhm": NUMBER, "cert_num_man": NUMBER, "cert_num_woman": NUMBER, "QLRZJHM": NUMBER, "QLRZJZL": NUMBER,
}  # fmt: skip


def test_nothing_but_what_the_page_says_may_be_sent() -> None:
    may_send = {code: set().union(*register.fields.values()) for code, register in discover().items()}
    assert {code: {MEANS.get(field, field) for field in fields} for code, fields in may_send.items()} == {
        key: {NAME, NUMBER} for key in may_send
    }
    said = next(line for line in TEXTS.read_text(encoding="utf-8").splitlines() if '"myself.sent_fields"' in line)
    assert f'zh: "您的{NAME}和{NUMBER}"' in said
