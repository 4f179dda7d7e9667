"""Gives an empty city its sample stock, by the same call a house manager's console makes."""

from __future__ import annotations

from datetime import UTC, datetime

import anju_profile
from anju.housing.v1 import housing_pb2 as pb
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_calendar import local_date
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller, Signer, load_key

from anju_onebox.layout import WEB, Layout
from anju_onebox.stock import sample_units


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
