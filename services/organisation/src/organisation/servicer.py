"""gRPC surface of organisation: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from typing import Any

from anju.organisation.v1 import organisation_pb2 as pb
from anju.organisation.v1 import organisation_pb2_grpc as rpc
from chassis.identity import current_caller

from organisation.appointing import Appointing
from organisation.importing import import_people
from organisation.parts import Parts
from organisation.reading import Reading
from organisation.standings import Standings
from organisation.views import Views


class OrganisationServicer(rpc.OrganisationServiceServicer):
    def __init__(self, parts: Parts, views: Views) -> None:
        self._parts = parts
        self._standings = Standings(parts)
        self._reading = Reading(parts)
        self._appointing = Appointing(parts)
        self._views = views

    async def GetStanding(self, request: pb.GetStandingRequest, context: Any) -> pb.GetStandingResponse:
        return await self._standings.of(current_caller())

    async def ListHandedOver(self, request: pb.ListHandedOverRequest, context: Any) -> pb.ListHandedOverResponse:
        return await self._reading.handed_over(current_caller().sub)

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.GetVersionResponse:
        return await self._standings.version()

    async def ImportPeople(self, request: pb.ImportPeopleRequest, context: Any) -> pb.ImportPeopleResponse:
        return await import_people(self._parts, current_caller(), request)

    async def ListAppointments(self, request: pb.ListAppointmentsRequest, context: Any) -> pb.ListAppointmentsResponse:
        return await self._reading.appointments(request)

    async def GetPerson(self, request: pb.GetPersonRequest, context: Any) -> pb.GetPersonResponse:
        return pb.GetPersonResponse(person=await self._reading.person(request.account))

    async def ListUnits(self, request: pb.ListUnitsRequest, context: Any) -> pb.ListUnitsResponse:
        return await self._reading.units(request)

    async def ListChanges(self, request: pb.ListChangesRequest, context: Any) -> pb.ListChangesResponse:
        return await self._reading.changes(current_caller(), request)

    async def Appoint(self, request: pb.AppointRequest, context: Any) -> pb.AppointResponse:
        return pb.AppointResponse(person=await self._reading.person(await self._appointing.appoint(current_caller(), request)))

    async def EndAppointment(self, request: pb.EndAppointmentRequest, context: Any) -> pb.EndAppointmentResponse:
        return pb.EndAppointmentResponse(person=await self._reading.person(await self._appointing.end(current_caller(), request)))

    async def ConfirmAppointment(self, request: pb.ConfirmAppointmentRequest, context: Any) -> pb.ConfirmAppointmentResponse:
        return pb.ConfirmAppointmentResponse(person=await self._reading.person(await self._appointing.confirm(current_caller(), request)))

    async def SetCover(self, request: pb.SetCoverRequest, context: Any) -> pb.SetCoverResponse:
        return pb.SetCoverResponse(person=await self._reading.person(await self._appointing.cover(current_caller(), request)))

    async def EndCover(self, request: pb.EndCoverRequest, context: Any) -> pb.EndCoverResponse:
        return pb.EndCoverResponse(person=await self._reading.person(await self._appointing.end_cover(current_caller(), request)))

    async def ListViews(self, request: pb.ListViewsRequest, context: Any) -> pb.ListViewsResponse:
        return await self._views.all(current_caller())

    async def KeepView(self, request: pb.KeepViewRequest, context: Any) -> pb.KeepViewResponse:
        return pb.KeepViewResponse(view=await self._views.keep(current_caller(), request.view))

    async def RemoveView(self, request: pb.RemoveViewRequest, context: Any) -> pb.RemoveViewResponse:
        await self._views.remove(current_caller(), request.id)
        return pb.RemoveViewResponse()
