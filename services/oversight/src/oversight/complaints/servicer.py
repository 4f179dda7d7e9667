"""gRPC surface of complaints: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from typing import Any

from anju.oversight.v1 import complaints_pb2 as pb
from anju.oversight.v1 import complaints_pb2_grpc as rpc
from chassis.identity import current_caller

from oversight.complaints.handling import Handling
from oversight.complaints.intake import Intake
from oversight.complaints.parts import Parts
from oversight.complaints.photos import Photos
from oversight.complaints.reading import Reading
from oversight.complaints.record import Record
from oversight.evaluations.rating import Rating

SERVICE = pb.DESCRIPTOR.services_by_name["ComplaintsService"].full_name


class ComplaintsServicer(rpc.ComplaintsServiceServicer):
    def __init__(self, parts: Parts, rating: Rating) -> None:
        self.reading = Reading(parts)
        self._intake = Intake(parts)
        self._handling = Handling(parts, self.reading)
        self._photos = Photos(parts)
        self._record = Record(parts, rating)

    async def FileComplaint(self, request: pb.FileComplaintRequest, context: Any) -> pb.FileComplaintResponse:
        return await self._intake.file(current_caller(), request)

    async def ListMyComplaints(self, request: pb.ListMyComplaintsRequest, context: Any) -> pb.ListMyComplaintsResponse:
        return await self.reading.mine(current_caller(), request)

    async def GetComplaint(self, request: pb.GetComplaintRequest, context: Any) -> pb.GetComplaintResponse:
        return pb.GetComplaintResponse(complaint=await self.reading.one(current_caller(), request))

    async def FollowComplaint(self, request: pb.FollowComplaintRequest, context: Any) -> pb.FollowComplaintResponse:
        return pb.FollowComplaintResponse(complaint=await self._handling.follow(current_caller(), request))

    async def RespondToComplaint(self, request: pb.RespondToComplaintRequest, context: Any) -> pb.RespondToComplaintResponse:
        return pb.RespondToComplaintResponse(complaint=await self._handling.respond(current_caller(), request))

    async def AddComplaintPhoto(self, request: pb.AddComplaintPhotoRequest, context: Any) -> pb.AddComplaintPhotoResponse:
        return await self._photos.add(current_caller(), request)

    async def GetComplaintPhoto(self, request: pb.GetComplaintPhotoRequest, context: Any) -> pb.GetComplaintPhotoResponse:
        return pb.GetComplaintPhotoResponse(photo=await self._photos.one(current_caller(), request))

    async def ListComplaints(self, request: pb.ListComplaintsRequest, context: Any) -> pb.ListComplaintsResponse:
        return await self.reading.desk(current_caller(), request)

    async def HandleComplaint(self, request: pb.HandleComplaintRequest, context: Any) -> pb.HandleComplaintResponse:
        return pb.HandleComplaintResponse(complaint=await self._handling.handle(current_caller(), request))

    async def AdvanceComplaint(self, request: pb.AdvanceComplaintRequest, context: Any) -> pb.AdvanceComplaintResponse:
        return await self._record.advance(request)
