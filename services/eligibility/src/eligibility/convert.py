"""Protobuf ↔ domain, in one place."""

from __future__ import annotations

import pkgutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from importlib import import_module
from typing import Final

from anju.casework.v1 import casework_pb2 as casework_pb
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.registry.facts import v1 as fact_messages
from anju.registry.v1 import registry_pb2 as registry_pb
from anju_contracts.application import LookupOutcome, Verdict
from anju_terms import Title, laws
from google.protobuf import descriptor_pool, message_factory

from eligibility.domain import inputs as domain
from eligibility.domain.comparison import Row
from eligibility.domain.verdicts import Judgement
from eligibility.tables import Assessment

OUTCOMES: Final[dict[int, LookupOutcome]] = {
    common.LOOKUP_OUTCOME_FOUND: LookupOutcome.FOUND,
    common.LOOKUP_OUTCOME_NO_RECORD: LookupOutcome.NO_RECORD,
    common.LOOKUP_OUTCOME_MISMATCH: LookupOutcome.MISMATCH,
    common.LOOKUP_OUTCOME_UNAVAILABLE: LookupOutcome.UNAVAILABLE,
    common.LOOKUP_OUTCOME_UNKNOWN_PERSON: LookupOutcome.UNKNOWN_PERSON,
}
VERDICTS: Final[dict[Verdict, pb.Verdict.ValueType]] = {
    Verdict.MET: pb.VERDICT_MET,
    Verdict.NOT_MET: pb.VERDICT_NOT_MET,
    Verdict.NEEDS_REVIEW: pb.VERDICT_NEEDS_REVIEW,
    Verdict.NOT_APPLICABLE: pb.VERDICT_NOT_APPLICABLE,
}
# No member of the household, no home of the form.
_NOBODY: Final = -1


def declaration(message: casework_pb.GetDeclarationResponse) -> domain.Declaration:
    members = sorted(message.members, key=lambda member: member.index)
    return domain.Declaration(
        category=message.category,
        marital_status=message.marital_status,
        members=tuple(
            domain.Member(
                index=member.index,
                relation=member.relation,
                birth_date=date.fromisoformat(member.birth_date),
                annual_income_fen=member.annual_income_fen,
            )
            for member in members
        ),
        homes=tuple(
            domain.DeclaredHome(
                district=home.district,
                area_centi_sqm=home.area_centi_sqm,
                share_percent=home.share_percent,
                address_index=home.address_index,
                certificate_index=home.certificate_index,
            )
            for home in message.homes
        ),
        vehicle_values_fen=tuple(vehicle.value_fen for vehicle in message.vehicles),
    )


# Every fact message is known by its name from here on: facts travel as the message of their register.
for _module in pkgutil.iter_modules(fact_messages.__path__, f"{fact_messages.__name__}."):
    import_module(_module.name)


def _said(fact: registry_pb.RegisterFact) -> dict[str, str | int | bool] | None:
    """None for a message newer than this service."""
    try:
        kind = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(fact.fact.TypeName()))
    except KeyError:
        return None
    message = kind()
    fact.fact.Unpack(message)
    about = {"subject_index": fact.subject_index, "endpoint": fact.endpoint, "receipt_id": fact.receipt_id}
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields} | about


def facts(message: registry_pb.GetFactsResponse) -> domain.Facts:
    said: defaultdict[str, list[dict[str, str | int | bool]]] = defaultdict(list)
    unread = set()
    for fact in message.facts:
        values = _said(fact)
        if values is None:
            unread.add(fact.register)
        else:
            said[fact.register].append(values)
    return domain.Facts(
        said={register: tuple(values) for register, values in said.items()},
        # A register nobody has asked has no outcome and stays out: it counts as silent, as does one whose words we cannot read.
        outcomes={
            state.register: OUTCOMES[state.outcome]
            for state in message.states
            if state.outcome in OUTCOMES and state.register not in unread
        },
        heard={
            state.register: tuple(
                domain.Heard(
                    subject_index=receipt.subject_index,
                    endpoint=receipt.endpoint,
                    outcome=OUTCOMES[receipt.outcome],
                    at=receipt.received_at.ToDatetime(UTC),
                )
                for receipt in state.receipts
                if receipt.outcome in OUTCOMES
            )
            for state in message.states
            if state.receipts
        },
    )


def text(title: Title) -> common.Text:
    return common.Text(zh=title.zh, en=title.en)


def assessment(id_: str, application_no: str, round_: int, rule_set: str, judgement: Judgement, as_of: datetime) -> pb.Assessment:
    message = pb.Assessment(id=id_, application_no=application_no, round=round_, rule_set=rule_set, verdict=VERDICTS[judgement.verdict])
    message.as_of.FromDatetime(as_of.astimezone(UTC))
    for criterion in judgement.criteria:
        message.criteria.add(
            code=criterion.code,
            title=text(criterion.title),
            verdict=VERDICTS[criterion.verdict],
            reason=text(criterion.reason),
            legal_ref=text(laws.reference(criterion.legal_ref)),
            observed=text(criterion.observed),
            threshold=text(criterion.threshold),
            receipt_ids=criterion.receipt_ids,
        )
    return message


def comparison(assessed: Assessment, rows: Iterable[Row]) -> pb.Comparison:
    message = pb.Comparison(application_no=assessed.application_no, round=assessed.round)
    for row in rows:
        shown = message.rows.add(
            fact=row.fact,
            register=row.register,
            difference=row.difference.value,
            declared=text(row.declared),
            registered=text(row.registered),
            note=text(row.note),
            member=_NOBODY if row.member is None else row.member,
            home=_NOBODY if row.home is None else row.home,
            named=row.named,
            office=row.office,
            pair=row.pair,
        )
        if row.as_of is not None:
            shown.as_of.FromDatetime(row.as_of.astimezone(UTC))
    return message
