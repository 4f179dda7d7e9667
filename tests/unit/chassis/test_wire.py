"""Instants and whole messages, both ways."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from anju.common.v1 import common_pb2
from anju.housing.v1 import housing_pb2 as pb
from chassis import wire
from chassis.errors import INVALID_FIELDS, Refusal
from pydantic import BaseModel

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class Unit(BaseModel):
    id: str
    bedrooms: int


class Offer(BaseModel):
    id: str
    unit: Unit | None = None
    made_at: datetime | None = None


class Tenancy(BaseModel):
    offers: tuple[Offer, ...]


def test_an_instant_is_the_same_after_the_way_out_and_back() -> None:
    sent = wire.stamp(NOON)
    assert sent is not None
    assert wire.utc(sent) == NOON
    assert wire.stamp(None) is None


def test_an_instant_that_must_be_there_is_named_when_it_is_not() -> None:
    assert wire.instant(common_pb2.Step(as_of=wire.stamp(NOON)), "as_of") == NOON
    with pytest.raises(Refusal) as refused:
        wire.instant(common_pb2.Step(), "as_of")
    assert refused.value.problem is INVALID_FIELDS
    assert [violation.pointer for violation in refused.value.fields] == ["/as_of"]


def test_a_time_beyond_the_calendar_is_named_too() -> None:
    step = common_pb2.Step()
    step.as_of.seconds = 10**15
    with pytest.raises(Refusal) as refused:
        wire.instant(step, "as_of")
    assert [violation.pointer for violation in refused.value.fields] == ["/as_of"]


def test_a_message_becomes_a_model_and_what_is_unset_takes_its_default() -> None:
    given = pb.GetTenancyResponse(
        offers=[pb.Offer(id="of_1", made_at=wire.stamp(NOON), unit=pb.Unit(id="u", bedrooms=2)), pb.Offer(id="of_2")]
    )
    assert wire.to_model(Tenancy, given) == Tenancy(
        offers=(Offer(id="of_1", unit=Unit(id="u", bedrooms=2), made_at=NOON), Offer(id="of_2"))
    )
