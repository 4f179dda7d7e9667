"""The sample housing stock: three estates in every district, the same on every machine.

Names and addresses are made up and say so; streets are real. Sizes stay below 60 m², as public rental units do; the deposit comes from the city profile,
the rent from its standard, which housing knows.
"""

from __future__ import annotations

from datetime import date

from anju.housing.v1 import housing_pb2 as pb
from anju_profile import Profile

ESTATES_PER_DISTRICT = 3
BUILDINGS, ENTRANCES, FLOORS = 2, 2, 5
_NAMES = ("安和苑", "安泰家园", "安康里")
# (bedrooms, area in hundredths of a square metre), by door: of five floors most are small, as applicants are.
_DOORS = ((1, 3568), (2, 4986), (1, 3812), (2, 5420), (3, 5975))


def sample_units(profile: Profile, district: str, on: date) -> list[pb.NewUnit]:
    """Sixty units, in the order of estate, building, entrance, floor, at the rent of the day ``on``."""
    streets = [division for division in profile.children(district) if division.level == "street"]
    units = []
    for number in range(ESTATES_PER_DISTRICT):
        street = streets[number % len(streets)]
        name = f"{profile.name_of(district)}{_NAMES[number]}（示例）"
        address = f"{profile.title[:3]}{profile.name_of(district)}{street.name}示例路{number * 20 + 8}号"
        units += [
            _unit(profile, on, district, f"{district}-{number + 1:02d}", name, address, building, entrance, floor)
            for building in range(1, BUILDINGS + 1)
            for entrance in range(1, ENTRANCES + 1)
            for floor in range(1, FLOORS + 1)
        ]
    return units


def _unit(
    profile: Profile, on: date, district: str, estate_id: str, name: str, address: str, building: int, entrance: int, floor: int
) -> pb.NewUnit:
    bedrooms, area = _DOORS[(building + entrance + floor) % len(_DOORS)]
    return pb.NewUnit(
        estate_id=estate_id,
        estate_name=name,
        district=district,
        address=address,
        number=f"{building}号楼{entrance}单元{floor}01",
        bedrooms=bedrooms,
        area_centi_sqm=area,
        deposit_fen=profile.lease.deposit_fen.on(on),
    )
