"""The pages' words: both languages of every text, nothing missing, nothing twice, and nothing kept that no page says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from anju_workflows.flows import WORKFLOWS

WEB = Path(__file__).parents[3] / "web/src"
# "key": { zh: "…", en: "…" }, on one line or several.
ENTRY = re.compile(r'^ {2}"(?P<key>[\w.]+)": \{\s*zh: "(?P<zh>(?:[^"\\]|\\.)*)",\s*en: "(?P<en>(?:[^"\\]|\\.)*)",?\s*\},$', re.MULTILINE)
# What comes with the pages that say it (``withTexts``).
PARTS = ("apply", "authorisations", "money", "policies", "evaluations", "letters", "points")
FILES = ("common", "citizen", *PARTS, "staff")
# Put together from parts at run time: `section.${section}`.
MADE = re.compile(r"`([a-z_]+\.[\w.]*)\$\{[^`]*\}([\w.]*)`")
# The button that leads to the other language, a number plate and the number of a flat.
CHINESE_IN_ENGLISH = ["app.language", "vehicle.plate_hint", "units.number_hint"]
BLANK = re.compile(r"\{(\w+)\}")


def entries(name: str) -> list[tuple[str, str, str]]:
    return [(each["key"], each["zh"], each["en"]) for each in ENTRY.finditer((WEB / f"i18n/{name}.ts").read_text(encoding="utf-8"))]


TEXTS = {key: (zh, en) for name in FILES for key, zh, en in entries(name)}
CITIZENS = {key for name in ("common", "citizen", *PARTS) for key, _, _ in entries(name)}


def sources(*folders: str) -> str:
    files: Iterable[Path] = (file for folder in folders for file in sorted((WEB / folder).rglob("*.*")) if file.suffix in (".vue", ".ts"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_every_text_was_read_by_this_test() -> None:
    for name in FILES:
        written = re.findall(r'^ {2}"[\w.]+":', (WEB / f"i18n/{name}.ts").read_text(encoding="utf-8"), re.MULTILINE)
        assert len(written) == len(entries(name)) > (5 if name in PARTS else 50), name


def test_a_text_is_said_in_one_place() -> None:
    """A second one under the same key would silently take the first one's place."""
    counted = Counter(key for name in FILES for key, _, _ in entries(name))
    assert [key for key, times in counted.items() if times > 1] == []


def test_both_languages_say_it_with_the_same_blanks() -> None:
    wrong = [key for key, (zh, en) in TEXTS.items() if not zh.strip() or not en.strip() or set(BLANK.findall(zh)) != set(BLANK.findall(en))]
    assert wrong == []


def test_the_english_texts_are_english() -> None:
    assert [key for key, (_, en) in TEXTS.items() if re.search(r"[\u4e00-\u9fff]", en)] == CHINESE_IN_ENGLISH


@pytest.mark.parametrize(
    ("folders", "spoken"),
    [(("citizen", "ui", "lib", "api"), CITIZENS), (("staff", "ui", "lib", "api"), set(TEXTS))],
    ids=["citizens", "staff"],
)
def test_no_page_says_what_its_application_has_not_brought_along(folders: tuple[str, ...], spoken: set[str]) -> None:
    named = set(re.findall(r"[\"'`]([a-z_]+(?:\.[a-z0-9_]+)+)[\"'`]", sources(*folders)))
    assert {key for key in named & set(TEXTS) if key not in spoken} == set()
    asked = set(re.findall(r"\bt\(\s*[\"']([\w.]+)[\"']", sources(*folders)))
    assert asked - spoken == set()
    assert len(asked) > 50


def test_nothing_is_kept_that_no_page_says() -> None:
    code = sources("citizen", "staff", "ui", "lib", "api")
    made = [re.compile(f"{re.escape(before)}.+{re.escape(after)}") for before, after in MADE.findall(code)]
    assert [
        key for key in TEXTS if f'"{key}"' not in code and f"'{key}'" not in code and not any(each.fullmatch(key) for each in made)
    ] == []


def test_a_phone_is_not_told_codes_of_the_console_and_says_none() -> None:
    """vite.config.ts leaves them out of the citizens' build: a title of one would be its bare code there."""
    build = (WEB.parent / "vite.config.ts").read_text(encoding="utf-8")
    [listed] = re.findall(r"const CONSOLE_ONLY = \[(.*?)\];", build, re.DOTALL)
    left_out = re.findall(r'"([a-z_]+)"', listed)
    vocabularies = set(re.findall(r"^ {2}([a-z_]+): \{$", (WEB / "terms.ts").read_text(encoding="utf-8"), re.MULTILINE))
    assert len(left_out) > 10
    assert set(left_out) <= vocabularies
    assert not re.findall(rf"""["'`](?:{"|".join(left_out)})["'`]""", sources("citizen", "ui", "lib"))


def test_codes_that_come_with_a_part_are_named_by_its_pages_alone() -> None:
    """Another page would show the bare code until somebody has been to one of these."""
    [listed] = re.findall(r"const OF_PART[^=]*= \{(.*?)\};", (WEB.parent / "vite.config.ts").read_text(encoding="utf-8"), re.DOTALL)
    parts = {part: re.findall(r'"([a-z_]+)"', codes) for part, codes in re.findall(r"(\w+): \[(.*?)\]", listed, re.DOTALL)}
    assert set(parts) == {"letters", "evaluations", "policies"}
    router = (WEB / "citizen/router.ts").read_text(encoding="utf-8")
    comes_with = {page: part for part, page in re.findall(r"withTexts\((\w+), \(\) => import\(\"\./pages/(\w+)\.vue", router)}
    files = {file.stem: file.read_text(encoding="utf-8") for folder in ("citizen", "ui", "lib") for file in (WEB / folder).rglob("*.*")}
    for part, vocabularies in parts.items():
        shown_by = {name for name, text in files.items() if any(f'"{each}"' in text or f"'{each}'" in text for each in vocabularies)}
        assert shown_by
        # Whoever shows what names them names them too.
        while (
            more := {name for name, text in files.items() if re.search(rf"/(?:{'|'.join(shown_by)})(?:\.vue)?\"", text)}
            - shown_by
            - {"router"}
        ):
            shown_by |= more
        assert {comes_with.get(name) for name in shown_by if name.endswith("Page")} == {part}, part


def test_whatever_operators_and_auditors_meet_has_a_name() -> None:
    """A page puts these keys together from what the gateway tells it: nothing else sees that one is missing."""
    assert {f"ops.type_{each.__name__}" for each in WORKFLOWS} <= set(TEXTS)
    [shown] = re.findall(r"SHOWN_BY = \{(.*?)\}", sources("staff"), re.DOTALL)
    assert set(re.findall(r"(\w+): \"readers", shown)) == {"casework", "housing", "payments", "oversight"}
