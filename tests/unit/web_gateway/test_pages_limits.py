"""How long a text may be is said once: a page that wrote a number of its own would refuse what the API takes, or the reverse."""

from __future__ import annotations

import re
from pathlib import Path

from web_gateway import openapi

WEB = Path(__file__).parents[3] / "web/src"


def test_pages_repeat_no_length() -> None:
    own = [
        (page.name, found)
        for page in WEB.rglob("*.vue")
        for found in re.findall(r':?maxlength="(\d+)"|maxlength="\{?(\d+)', page.read_text(encoding="utf-8"))
    ]
    assert own == []


def test_what_the_pages_know_is_what_the_document_says() -> None:
    text = (WEB / "api/limits.ts").read_text(encoding="utf-8")
    schemas = openapi.document()["components"]["schemas"]
    assert f'"name": {schemas["Member"]["properties"]["name"]["maxLength"]}' in text
    assert text.count('": {') == sum(
        any("maxLength" in shape for shape in each.get("properties", {}).values()) for each in schemas.values()
    )
