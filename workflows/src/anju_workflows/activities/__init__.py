"""The activities: each is one RPC to one service, translated from the workflow's models to protobuf and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.grpc_client import Client as Channel
from chassis.identity import Signer
from temporalio.client import Client as TemporalClient

from anju_workflows.activities.casework import CaseworkActivities
from anju_workflows.activities.checks import EligibilityActivities, RegistryActivities
from anju_workflows.activities.housing import HousingActivities
from anju_workflows.activities.notifications import NotificationsActivities
from anju_workflows.activities.payments import PaymentsActivities
from anju_workflows.settings import Settings


class Activities:
    """Every activity object over one set of channels."""

    def __init__(self, settings: Settings, signer: Signer, temporal: TemporalClient) -> None:
        self.channels = {
            name: Channel(address, signer)
            for name, address in {
                "casework": settings.casework_address,
                "eligibility": settings.eligibility_address,
                "registry": settings.registry_gateway_address,
                "housing": settings.housing_address,
                "payments": settings.payments_address,
                "notifications": settings.notifications_address,
            }.items()
        }
        self.casework = CaseworkActivities(self.channels["casework"])
        self.registry = RegistryActivities(self.channels["registry"])
        self.eligibility = EligibilityActivities(self.channels["eligibility"])
        self.housing = HousingActivities(self.channels["housing"])
        self.payments = PaymentsActivities(self.channels["payments"], temporal)
        self.notifications = NotificationsActivities(self.channels["notifications"])

    async def close(self) -> None:
        for channel in self.channels.values():
            await channel.close()


@asynccontextmanager
async def activities(settings: Settings, signer: Signer, temporal: TemporalClient) -> AsyncIterator[Activities]:
    made = Activities(settings, signer, temporal)
    try:
        yield made
    finally:
        await made.close()
