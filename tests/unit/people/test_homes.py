"""What is one home, however it is written, and what is not known to be."""

from __future__ import annotations

import pytest
from anju_people.homes import canonical_address, canonical_certificate

ONE_HOME = [
    "开封市龙亭区北书店街12号3号楼2单元501室",
    "河南省开封市龙亭区北书店街12号3号楼2单元501",
    "北书店街１２号 3幢2单元501户",
    "祥符区北书店街12号3栋2单元501室",
    "北书店街12号三号楼二单元501室",
    "北书店街 12号-3号楼-2单元-501号",
]


@pytest.mark.parametrize("written", ONE_HOME)
def test_one_home_in_many_hands(written: str) -> None:
    assert canonical_address(written) == canonical_address(ONE_HOME[0]) != ""


@pytest.mark.parametrize(
    "other",
    ["北书店街12号3号楼2单元502室", "北书店街12号13号楼2单元501室", "南书店街12号3号楼2单元501室", "北书店街12号3号楼1单元501室"],
)
def test_the_neighbours_is_another(other: str) -> None:
    assert canonical_address(other) != canonical_address(ONE_HOME[0])


@pytest.mark.parametrize("vague", ["", "北书店街", "北书店街12号", "幸福小区", "  "])
def test_an_address_of_many_homes_is_nobodys(vague: str) -> None:
    assert canonical_address(vague) == ""


@pytest.mark.parametrize(("written", "figures"), [("十号楼十二单元二十三室", "10-12-23"), ("二十号楼一单元三0一室", "20-1-301")])
def test_numbers_in_characters_are_figures(written: str, figures: str) -> None:
    assert canonical_address(written) == figures


def test_certificates() -> None:
    assert canonical_certificate("豫（2019）开封市不动产权第 0012345 号") == canonical_certificate("豫(2019)开封市不动产权第0012345号")
    assert canonical_certificate("豫〔2019〕开封市不动产权第0012345号") == canonical_certificate("豫(2019)开封市不动产权第0012345号")
    assert canonical_certificate(" ") == ""
