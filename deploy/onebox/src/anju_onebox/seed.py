"""Gives an empty city its sample stock, by the same call a house manager's console makes, and its sample staff, by the operators' command."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import anju_profile
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_calendar import local_date
from anju_sandbox.signon.identities import Identities
from anju_sandbox.world.places import Divisions
from anju_sandbox.world.population import Population
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller, Signer, load_key

from anju_onebox import people
from anju_onebox.layout import WEB, Layout
from anju_onebox.stock import sample_units

# People of one duty in one place: what needs two persons finds two.
SEATS: Final = 2
_SINCE: Final = "2026-01-01"


async def seed(layout: Layout) -> int:
    """Adds the sample units of every district that has no estate yet; returns how many units were added. Safe to repeat and to interrupt."""
    profile = anju_profile.load(layout.profile_dir)
    today = local_date(datetime.now(UTC))
    client = Client(layout.address("housing"), Signer(load_key(layout.keys_dir / f"{WEB}.jwk"), WEB), "housing", layout.certificates(WEB))
    stub = rpc.HousingServiceStub(client.channel)
    added = 0
    try:
        for district in profile.districts:
            manager = Caller(sub=f"seed-house-manager-{district.code}", kind="staff", roles=("house_manager",), divisions=(district.code,))
            estates = await client.call(stub.ListEstates, pb.ListEstatesRequest(district=district.code), caller=manager, timeout=20)
            if estates.estates:
                continue
            request = pb.AddUnitsRequest(idempotency_key=f"sample-stock-{district.code}", units=sample_units(profile, district.code, today))
            try:
                added += len((await client.call(stub.AddUnits, request, caller=manager, timeout=30)).units)
            except Refusal as refusal:
                # Another start of the same box was faster.
                if refusal.problem.reason != "UNIT_EXISTS":
                    raise
    finally:
        await client.close()
    return added


async def seed_people(layout: Layout) -> int:
    """Appoints everybody the sandbox's sign-on knows as staff; returns how many were added. A city that has people already keeps those it has."""
    divisions = Divisions(anju_profile.published(layout.profile_dir).folder() / "divisions.csv")
    lines = [
        {"account": each.sub, "name": str(each.claims["name"]), "id_number": str(each.claims["id_number"]), "duty": role, "unit": unit}
        | {"from": _SINCE, "until": ""}
        for role, unit, each in Identities(Population(0, divisions), "00").officials(SEATS)
    ]
    try:
        return await people.import_people(layout.deployment(), lines)
    except Refusal as refusal:
        if refusal.problem.reason != "ALREADY_ADMINISTERED":
            raise
        return 0
