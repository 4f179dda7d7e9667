"""Names of stages and registers as people read them, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from web_gateway.edge.language import Locale

STAGES: Final[Mapping[str, tuple[str, str]]] = {
    "submitted": ("已受理", "Received"),
    "verifying": ("数据核验", "Registers being asked"),
    "street_review": ("街道初审", "Street review"),
    "district_review": ("区级复审", "District review"),
    "city_review": ("市级终审", "City review"),
    "correction": ("待补正", "Waiting for correction"),
    "public_notice": ("公示", "Public notice"),
    "objection_review": ("异议复核", "Objection being examined"),
    "registered": ("轮候", "On the waiting list"),
    "rejected": ("未通过", "Refused"),
    "withdrawn": ("已撤回", "Withdrawn"),
    "lapsed": ("逾期终止", "Lapsed"),
}
REGISTERS: Final[Mapping[str, tuple[str, str]]] = {
    "social_insurance": ("社会保险", "Social insurance"),
    "real_estate": ("不动产登记", "Real estate"),
    "vehicles": ("机动车登记", "Vehicles"),
    "marriage": ("婚姻登记", "Marriage"),
}


def title(table: Mapping[str, tuple[str, str]], key: str, locale: Locale) -> str:
    """The title, or the key itself for one newer than this gateway."""
    zh, en = table.get(key, (key, key))
    return en if locale == "en" else zh
