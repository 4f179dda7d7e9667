"""Protobuf ↔ domain, in one place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final, TypeVar

from anju.casework.v1 import casework_pb2 as casework_pb
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.registry.facts.v1.marriage_pb2 import MarriageFact
from anju.registry.facts.v1.real_estate_pb2 import HomeFact
from anju.registry.facts.v1.social_insurance_pb2 import InsuranceFact
from anju.registry.facts.v1.vehicles_pb2 import VehicleFact
from anju.registry.v1 import registry_pb2 as registry_pb
from anju_contracts.application import LookupOutcome, Verdict
from google.protobuf.message import Message

from eligibility.domain import inputs as domain
from eligibility.domain.verdicts import Judgement

M = TypeVar("M", bound=Message)

OUTCOMES: Final[dict[int, LookupOutcome]] = {
    common.LOOKUP_OUTCOME_FOUND: LookupOutcome.FOUND,
    common.LOOKUP_OUTCOME_NO_RECORD: LookupOutcome.NO_RECORD,
    common.LOOKUP_OUTCOME_MISMATCH: LookupOutcome.MISMATCH,
    common.LOOKUP_OUTCOME_UNAVAILABLE: LookupOutcome.UNAVAILABLE,
}
VERDICTS: Final[dict[Verdict, pb.Verdict.ValueType]] = {
    Verdict.MET: pb.VERDICT_MET,
    Verdict.NOT_MET: pb.VERDICT_NOT_MET,
    Verdict.NEEDS_REVIEW: pb.VERDICT_NEEDS_REVIEW,
    Verdict.NOT_APPLICABLE: pb.VERDICT_NOT_APPLICABLE,
}


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
            domain.DeclaredHome(district=home.district, area_centi_sqm=home.area_centi_sqm, share_percent=home.share_percent)
            for home in message.homes
        ),
        vehicle_values_fen=tuple(vehicle.value_fen for vehicle in message.vehicles),
    )


def facts(message: registry_pb.GetFactsResponse) -> domain.Facts:
    def of(register: str, kind: type[M]) -> list[tuple[registry_pb.RegisterFact, M]]:
        found = []
        for each in message.facts:
            if each.register == register:
                fact = kind()
                if not each.fact.Unpack(fact):
                    raise ValueError(f"{register}: {each.fact.TypeName()} is no {kind.DESCRIPTOR.full_name}")
                found.append((each, fact))
        return found

    return domain.Facts(
        homes=tuple(
            domain.RegisteredHome(
                subject_index=each.subject_index,
                district=each.endpoint,
                area_centi_sqm=home.area_centi_sqm,
                share_percent=home.share_percent,
                residential=home.residential,
                pre_notice=home.pre_notice,
                receipt_id=each.receipt_id,
                share_numerator=home.share_numerator,
                share_denominator=home.share_denominator,
            )
            for each, home in of("real_estate", HomeFact)
        ),
        vehicles=tuple(
            domain.RegisteredVehicle(subject_index=each.subject_index, receipt_id=each.receipt_id)
            for each, _ in of("vehicles", VehicleFact)
        ),
        insurance=tuple(
            domain.Insurance(
                subject_index=each.subject_index,
                continuous_months=fact.continuous_months,
                monthly_base_fen=fact.monthly_base_fen,
                receipt_id=each.receipt_id,
            )
            for each, fact in of("social_insurance", InsuranceFact)
        ),
        marriages=tuple(
            domain.RegisteredMarriage(
                subject_index=each.subject_index, status=fact.status, spouse_index=fact.spouse_index, receipt_id=each.receipt_id
            )
            for each, fact in of("marriage", MarriageFact)
        ),
        # A register nobody has asked has no outcome and stays out: it counts as silent.
        outcomes={state.register: OUTCOMES[state.outcome] for state in message.states if state.outcome in OUTCOMES},
    )


def assessment(id_: str, application_no: str, round_: int, rule_set: str, judgement: Judgement, as_of: datetime) -> pb.Assessment:
    message = pb.Assessment(id=id_, application_no=application_no, round=round_, rule_set=rule_set, verdict=VERDICTS[judgement.verdict])
    message.as_of.FromDatetime(as_of.astimezone(UTC))
    for criterion in judgement.criteria:
        message.criteria.add(
            code=criterion.code,
            title=criterion.title,
            verdict=VERDICTS[criterion.verdict],
            reason_zh=criterion.reason_zh,
            reason_en=criterion.reason_en,
            legal_ref=criterion.legal_ref,
            observed=criterion.observed,
            threshold=criterion.threshold,
            receipt_ids=criterion.receipt_ids,
        )
    return message
