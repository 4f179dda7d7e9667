"""Words are found wherever they stand in a text, of two characters too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from oversight.domain import words

TEXT = st.text(st.sampled_from("公租房租金公示轮候申请条件 ，。（）ABab12１２"), min_size=1, max_size=40)


@given(TEXT, st.data())
def test_every_part_of_a_text_is_found_by_its_pairs(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    known = set(words.index([text]))
    for word in words.words(part):
        assert words.pairs(word) <= known
        assert word in words.normal(text)


def test_widths_and_cases_are_one_and_marks_only_separate() -> None:
    assert words.words("租金，ＡＢ２ 租金") == ["租金", "ab2"]
    assert words.words(" ，。_% ") == []


def test_a_single_character_is_a_word() -> None:
    assert words.pairs("租") == {"租"}
    assert {"租", "金", "租金"} <= set(words.index(["租金"]))
