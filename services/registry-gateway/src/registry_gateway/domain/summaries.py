"""One plain sentence about a lookup for the household, its reviewers and operators. Counts only, nothing about a person."""

from __future__ import annotations

from anju_contracts.application import LookupOutcome
from anju_terms import Title

MIXED_UP = Title(
    zh="登记机构返回的信息与查询的人不一致，未予采用，请工作人员人工核对。",
    en="The register answered about somebody else; that was not used, and a person has to check.",
)

UNKNOWN = Title(
    zh="登记机构没有查到其中至少一人。查无此人不等于没有，请工作人员核对姓名和证件。",
    en="The register does not know at least one of the household. That is not the same as having nothing: a person has to check name and document.",
)


def silent(offices_silent: int, offices: int) -> Title:
    """``offices_silent`` of ``offices`` have not answered for everybody."""
    where = (
        Title(zh=f"{offices} 个登记机构中有 {offices_silent} 个", en=f"{offices_silent} of {offices} register offices have")
        if offices > 1
        else Title(zh="登记机构", en="The register has")
    )
    return Title(
        zh=f"{where.zh}暂未答复，系统会自动重试，不影响申请。",
        en=f"{where.en} not answered yet; it is asked again automatically, the application is not affected.",
    )


def summarise(outcome: LookupOutcome, found: Title, no_record: Title, facts: int, offices_silent: int, offices: int) -> Title:
    """``found`` and ``no_record`` are the register's own sentences, ``facts`` counts what was found."""
    if outcome is LookupOutcome.UNAVAILABLE:
        return silent(offices_silent, offices)
    if outcome is LookupOutcome.MISMATCH:
        return MIXED_UP
    if outcome is LookupOutcome.UNKNOWN_PERSON:
        return UNKNOWN
    if outcome is LookupOutcome.NO_RECORD:
        return no_record
    return Title(zh=found.zh.format(count=facts), en=found.en.format(count=facts))
