"""One form of a name: as people type it, as cards print it, as old keyboards write it, as registers answer it."""

from __future__ import annotations

import pytest
from anju_people.text import clean_name, is_name, same_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张 三", "张三"),
        ("张　三", "张三"),
        (" 欧阳 晓 明 ", "欧阳晓明"),
        ("张\u200b三\ufeff", "张三"),
        ("阿卜杜．热合曼", "阿卜杜·热合曼"),
        ("阿卜杜.热合曼", "阿卜杜·热合曼"),
        ("阿卜杜 • 热合曼", "阿卜杜·热合曼"),
        ("Ａlim Ａbdul", "Alim Abdul"),
        ("Mary  Ann O'Neil", "Mary Ann O'Neil"),
        ("李 Mary", "李 Mary"),
        ("\ue863", "䶮"),
        ("张\ue863", "张䶮"),
        ("\ue816", "𠂇"),
        ("\ue81e", "龴"),
        ("\ue864", "龻"),
        ("𠮷 田", "𠮷田"),
        ("", ""),
    ],
)
def test_what_is_no_part_of_a_name_is_left_out(typed: str, name: str) -> None:
    assert clean_name(typed) == name
    assert clean_name(name) == name
    assert not name or is_name(name)


def test_no_private_code_point_of_an_old_keyboard_is_left() -> None:
    for code in range(0xE815, 0xE865):
        assert not 0xE000 <= ord(clean_name(chr(code))) <= 0xF8FF, hex(code)


def test_names_are_compared_in_that_form() -> None:
    assert same_name("张 三", "张三")
    assert same_name("阿卜杜．热合曼", "阿卜杜·热合曼")
    assert same_name("alim ABDUL", "Alim Abdul")
    assert not same_name("张三", "张三丰")
    assert not same_name("", "")
