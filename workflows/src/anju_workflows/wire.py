"""Translation between the workflows' models and protobuf."""

from __future__ import annotations

from anju.common.v1 import common_pb2
from chassis.wire import stamp

from anju_workflows.calling import Step
from anju_workflows.telling import Telling, Value


def step(value: Step) -> common_pb2.Step:
    return common_pb2.Step(
        step_id=value.step_id,
        as_of=stamp(value.as_of),
        actor=value.actor,
        word_id=value.word_id,
        tell=[telling(each) for each in value.tell],
    )


def telling(value: Telling) -> common_pb2.Telling:
    return common_pb2.Telling(
        template=value.template,
        values={name: _value(each) for name, each in value.values.items()},
        role=value.role,
        division=value.division,
    )


def _value(value: Value) -> common_pb2.Value:
    if value.day is not None:
        return common_pb2.Value(day=stamp(value.day))
    if value.term is not None:
        return common_pb2.Value(term=_term(value.term))
    if value.terms is not None:
        return common_pb2.Value(list=common_pb2.Values(items=[common_pb2.Value(term=_term(each)) for each in value.terms]))
    return common_pb2.Value(**value.model_dump(exclude_none=True))


def _term(term: tuple[str, str]) -> common_pb2.Term:
    return common_pb2.Term(vocabulary=term[0], code=term[1])
