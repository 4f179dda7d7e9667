"""What a household is told about the number of a document (``anju_people.documents``)."""

from __future__ import annotations

from datetime import date
from typing import Final

from anju_people import documents

from casework.domain.violations import Violation

_WORDS: Final = {
    "REQUIRED": ("请填写身份证号码。", "Enter the identity number."),
    "ID_OLD_FORM": (
        "这是15位的旧号码，已停止使用，请填写现在身份证上的18位号码。",
        "This is a 15-digit number, no longer in use. Enter the 18-character number on the current card.",
    ),
    "ID_FORMAT": (
        "身份证、居住证、外国人永久居留身份证的号码是18位（前17位是数字，最后一位是数字或X），旧的外国人永久居留证是3个字母加12位数字。"
        "没有这些证件的（例如只有护照），请带证件到居住地街道的公租房受理点窗口办理。",
        "An identity card, residence permit or foreigner's permanent residence card has 18 characters (17 digits, then a digit or X), an older "
        "foreigner's card three letters and 12 digits. Who has none of them, such as only a passport, applies at the counter of the street.",
    ),
    "ID_REGION": ("号码中没有有效的地区代码，请对照证件检查。", "There is no code of a region in this number. Compare with the card."),
    "ID_BIRTH_DATE": ("号码中没有有效的出生日期，请对照证件检查。", "There is no date of birth in this number. Compare with the card."),
    "ID_BIRTH_DATE_FUTURE": (
        "身份证号码中的出生日期晚于今天，请对照证件检查。",
        "The date of birth in this number lies in the future. Compare with the card.",
    ),
    "ID_CHECK_DIGIT": (
        "身份证号码校验不通过，可能有一位输入错误，请逐位核对。",
        "The check character does not fit; one character is probably mistyped.",
    ),
}


def check(number: str, pointer: str, *, today: date, production: bool) -> Violation | None:
    """What is wrong with a number in its one form, None when nothing is. ``production`` refuses the numbers for demonstration (region 99xxxx)."""
    code = documents.fault(number, today=today, production=production)
    return Violation(pointer, code, *_WORDS[code]) if code else None
