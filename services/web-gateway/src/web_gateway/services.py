"""The eight services as the gateway calls them: one channel each, and the identity of a person on every call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from anju.casework.v1 import casework_pb2, casework_pb2_grpc
from anju.eligibility.v1 import eligibility_pb2, eligibility_pb2_grpc
from anju.housing.v1 import housing_pb2, housing_pb2_grpc
from anju.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from anju.operations.v1 import operations_pb2_grpc
from anju.operators.v1 import operators_pb2_grpc
from anju.organisation.v1 import organisation_pb2, organisation_pb2_grpc
from anju.oversight.v1 import complaints_pb2_grpc, oversight_pb2, oversight_pb2_grpc
from anju.payments.v1 import payments_pb2, payments_pb2_grpc
from anju.reads.v1 import reads_pb2_grpc
from anju.registry.v1 import registry_pb2, registry_pb2_grpc
from anju.repair.v1 import repair_pb2_grpc
from chassis import service
from chassis.grpc_client import Client
from chassis.identity import Signer
from chassis.tls import Certificates
from google.protobuf.descriptor import FileDescriptor

from web_gateway.settings import Settings


@dataclass(frozen=True)
class Remote:
    """``service`` is the full name its health is asked under."""

    name: str
    service: str
    client: Client


@dataclass(frozen=True)
class Services:
    casework: casework_pb2_grpc.CaseworkServiceStub
    eligibility: eligibility_pb2_grpc.EligibilityServiceStub
    registry: registry_pb2_grpc.RegistryGatewayServiceStub
    housing: housing_pb2_grpc.HousingServiceStub
    payments: payments_pb2_grpc.PaymentsServiceStub
    notifications: notifications_pb2_grpc.NotificationsServiceStub
    organisation: organisation_pb2_grpc.OrganisationServiceStub
    oversight: oversight_pb2_grpc.OversightServiceStub
    complaints: complaints_pb2_grpc.ComplaintsServiceStub
    # Of every service that shows households' affairs to staff, by its name.
    reads: dict[str, reads_pb2_grpc.ReadsServiceStub]
    # Of every service.
    operations: dict[str, operations_pb2_grpc.OperationsServiceStub]
    # Of every service that hands things on.
    operators: dict[str, operators_pb2_grpc.OperatorsServiceStub]
    # Of every service whose records have workflows.
    repair: dict[str, repair_pb2_grpc.RepairServiceStub]
    remotes: dict[str, Remote]

    def client(self, name: str) -> Client:
        return self.remotes[name].client


@asynccontextmanager
async def connect(settings: Settings, signer: Signer, shown: Certificates | None) -> AsyncIterator[Services]:
    """Channels connect on first use: the gateway starts, and says so in its health, while services are away."""
    async with AsyncExitStack() as stack:
        remotes: dict[str, Remote] = {}

        def remote(name: str, file: FileDescriptor) -> Client:
            client = service.client(settings, name, signer, shown)
            stack.push_async_callback(client.close)
            remotes[name] = Remote(name, next(iter(file.services_by_name.values())).full_name, client)
            return client

        casework = remote("casework", casework_pb2.DESCRIPTOR)
        eligibility = remote("eligibility", eligibility_pb2.DESCRIPTOR)
        registry = remote("registry-gateway", registry_pb2.DESCRIPTOR)
        housing = remote("housing", housing_pb2.DESCRIPTOR)
        payments = remote("payments", payments_pb2.DESCRIPTOR)
        notifications = remote("notifications", notifications_pb2.DESCRIPTOR)
        organisation = remote("organisation", organisation_pb2.DESCRIPTOR)
        oversight = remote("oversight", oversight_pb2.DESCRIPTOR)
        yield Services(
            casework=casework_pb2_grpc.CaseworkServiceStub(casework.channel),
            eligibility=eligibility_pb2_grpc.EligibilityServiceStub(eligibility.channel),
            registry=registry_pb2_grpc.RegistryGatewayServiceStub(registry.channel),
            housing=housing_pb2_grpc.HousingServiceStub(housing.channel),
            payments=payments_pb2_grpc.PaymentsServiceStub(payments.channel),
            notifications=notifications_pb2_grpc.NotificationsServiceStub(notifications.channel),
            organisation=organisation_pb2_grpc.OrganisationServiceStub(organisation.channel),
            oversight=oversight_pb2_grpc.OversightServiceStub(oversight.channel),
            complaints=complaints_pb2_grpc.ComplaintsServiceStub(oversight.channel),
            reads={
                name: reads_pb2_grpc.ReadsServiceStub(remotes[name].client.channel)
                for name in ("casework", "housing", "payments", "oversight")
            },
            operations={name: operations_pb2_grpc.OperationsServiceStub(each.client.channel) for name, each in remotes.items()},
            operators={
                name: operators_pb2_grpc.OperatorsServiceStub(remotes[name].client.channel)
                for name in ("casework", "housing", "payments", "notifications", "oversight")
            },
            repair={
                name: repair_pb2_grpc.RepairServiceStub(remotes[name].client.channel)
                for name in ("casework", "housing", "payments", "oversight")
            },
            remotes=remotes,
        )
