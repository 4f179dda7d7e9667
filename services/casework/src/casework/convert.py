"""Between the messages of the contract and the domain's own words."""

from __future__ import annotations

from collections.abc import Iterable

from anju.casework.v1 import casework_pb2 as pb

from casework.domain.dossier import Consent, Dossier, Home, Member, Vehicle


def dossier_from(message: pb.Dossier) -> Dossier:
    return Dossier(
        category=message.category,
        members=tuple(Member(m.name, m.id_number, m.relation, m.birth_date, m.annual_income_fen, m.employer) for m in message.members),
        homes=tuple(Home(h.district, h.address, h.area_centi_sqm, h.share_percent, h.certificate_no) for h in message.homes),
        vehicles=tuple(Vehicle(v.plate, v.value_fen) for v in message.vehicles),
        marital_status=message.marital_status,
        district=message.district,
        street=message.street,
        community=message.community,
        address=message.address,
        phone=message.phone,
    )


def dossier_to(dossier: Dossier) -> pb.Dossier:
    return pb.Dossier(
        category=dossier.category,
        members=[
            pb.Member(
                name=m.name,
                id_number=m.id_number,
                relation=m.relation,
                birth_date=m.birth_date,
                annual_income_fen=m.annual_income_fen,
                employer=m.employer,
            )
            for m in dossier.members
        ],
        homes=[
            pb.Home(
                district=h.district,
                address=h.address,
                area_centi_sqm=h.area_centi_sqm,
                share_percent=h.share_percent,
                certificate_no=h.certificate_no,
            )
            for h in dossier.homes
        ],
        vehicles=vehicles_to(dossier.vehicles, plates=True),
        marital_status=dossier.marital_status,
        district=dossier.district,
        street=dossier.street,
        community=dossier.community,
        address=dossier.address,
        phone=dossier.phone,
    )


def vehicles_to(vehicles: Iterable[Vehicle], *, plates: bool) -> list[pb.Vehicle]:
    return [pb.Vehicle(plate=v.plate if plates else "", value_fen=v.value_fen) for v in vehicles]


def consent_from(message: pb.Consent) -> Consent:
    return Consent(message.text_version, tuple(sorted(set(message.registers))))
