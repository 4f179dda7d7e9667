"""gRPC surface of casework: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from typing import Any

from anju.casework.v1 import casework_pb2 as pb
from anju.casework.v1 import casework_pb2_grpc as rpc
from chassis.identity import current_caller

from casework.assistance import Assistances
from casework.confirmations import Confirmations
from casework.decisions import Decisions
from casework.drafts import Drafts
from casework.finding import Finding
from casework.intake import Intake
from casework.parts import Parts
from casework.reading import Reading
from casework.record import Record
from casework.recusals import Recusals
from casework.served import Services

SERVICE = pb.DESCRIPTOR.services_by_name["CaseworkService"].full_name


class CaseworkServicer(rpc.CaseworkServiceServicer):
    def __init__(self, parts: Parts) -> None:
        self._reading = Reading(parts)
        self._intake = Intake(parts, self._reading)
        self._confirmations = Confirmations(parts, self._reading)
        self._decisions = Decisions(parts, self._reading)
        self._record = Record(parts)
        self._drafts = Drafts(parts)
        self._finding = Finding(parts)
        self._recusals = Recusals(parts)
        self._assistances = Assistances(parts)
        self._services = Services(parts.database)

    async def SubmitApplication(self, request: pb.SubmitApplicationRequest, context: Any) -> pb.SubmitApplicationResponse:
        return pb.SubmitApplicationResponse(application=await self._intake.submit(current_caller(), request))

    async def CorrectApplication(self, request: pb.CorrectApplicationRequest, context: Any) -> pb.CorrectApplicationResponse:
        return pb.CorrectApplicationResponse(application=await self._intake.correct(current_caller(), request))

    async def GetApplication(self, request: pb.GetApplicationRequest, context: Any) -> pb.GetApplicationResponse:
        return pb.GetApplicationResponse(application=await self._reading.case(current_caller(), request.no, request.purpose))

    async def ListApplications(self, request: pb.ListApplicationsRequest, context: Any) -> pb.ListApplicationsResponse:
        return await self._reading.cases(current_caller(), request)

    async def FindApplications(self, request: pb.FindApplicationsRequest, context: Any) -> pb.FindApplicationsResponse:
        return await self._finding.find(current_caller(), request.words)

    async def GetReview(self, request: pb.GetReviewRequest, context: Any) -> pb.GetReviewResponse:
        return await self._reading.review(current_caller(), request.application_no)

    async def ListTasks(self, request: pb.ListTasksRequest, context: Any) -> pb.ListTasksResponse:
        return await self._reading.tasks(current_caller(), request)

    async def DecideTask(self, request: pb.DecideTaskRequest, context: Any) -> pb.DecideTaskResponse:
        return pb.DecideTaskResponse(application=await self._decisions.decide(current_caller(), request))

    async def RecuseTask(self, request: pb.RecuseTaskRequest, context: Any) -> pb.RecuseTaskResponse:
        return await self._decisions.recuse(current_caller(), request)

    async def ListClaims(self, request: pb.ListClaimsRequest, context: Any) -> pb.ListClaimsResponse:
        return await self._confirmations.claims(current_caller())

    async def Confirm(self, request: pb.ConfirmRequest, context: Any) -> pb.ConfirmResponse:
        return pb.ConfirmResponse(claim=await self._confirmations.confirm(current_caller(), request))

    async def WithdrawConsent(self, request: pb.WithdrawConsentRequest, context: Any) -> pb.WithdrawConsentResponse:
        return pb.WithdrawConsentResponse(claim=await self._confirmations.withdraw(current_caller(), request))

    async def RecordConfirmation(self, request: pb.RecordConfirmationRequest, context: Any) -> pb.RecordConfirmationResponse:
        return pb.RecordConfirmationResponse(application=await self._confirmations.record(current_caller(), request))

    async def RecordConsentWithdrawal(self, request: pb.RecordConsentWithdrawalRequest, context: Any) -> pb.RecordConsentWithdrawalResponse:
        return pb.RecordConsentWithdrawalResponse(application=await self._confirmations.record_withdrawal(current_caller(), request))

    async def WithdrawApplication(self, request: pb.WithdrawApplicationRequest, context: Any) -> pb.WithdrawApplicationResponse:
        return pb.WithdrawApplicationResponse(application=await self._decisions.withdraw(current_caller(), request))

    async def ListNotices(self, request: pb.ListNoticesRequest, context: Any) -> pb.ListNoticesResponse:
        return await self._reading.notices(request)

    async def RaiseObjection(self, request: pb.RaiseObjectionRequest, context: Any) -> pb.RaiseObjectionResponse:
        return pb.RaiseObjectionResponse(objection=await self._decisions.object(current_caller(), request))

    async def DecideObjection(self, request: pb.DecideObjectionRequest, context: Any) -> pb.DecideObjectionResponse:
        return pb.DecideObjectionResponse(application=await self._decisions.answer_objection(current_caller(), request))

    async def GetRecusalDeclaration(self, request: pb.GetRecusalDeclarationRequest, context: Any) -> pb.GetRecusalDeclarationResponse:
        return await self._recusals.declared(current_caller())

    async def DeclareRecusals(self, request: pb.DeclareRecusalsRequest, context: Any) -> pb.DeclareRecusalsResponse:
        return pb.DeclareRecusalsResponse(declaration=(await self._recusals.declare(current_caller(), request)).declaration)

    async def NoteSpouses(self, request: pb.NoteSpousesRequest, context: Any) -> pb.NoteSpousesResponse:
        return await self._recusals.note_spouses(request)

    async def GetCounters(self, request: pb.GetCountersRequest, context: Any) -> pb.GetCountersResponse:
        return await self._reading.counters(current_caller(), request)

    async def GetDraft(self, request: pb.GetDraftRequest, context: Any) -> pb.GetDraftResponse:
        return pb.GetDraftResponse(draft=await self._drafts.get(current_caller(), request.application_no))

    async def SaveDraft(self, request: pb.SaveDraftRequest, context: Any) -> pb.SaveDraftResponse:
        return pb.SaveDraftResponse(draft=await self._drafts.save(current_caller(), request))

    async def DeleteDraft(self, request: pb.DeleteDraftRequest, context: Any) -> pb.DeleteDraftResponse:
        await self._drafts.delete(current_caller(), request.application_no)
        return pb.DeleteDraftResponse()

    async def RecordAuthorisation(self, request: pb.RecordAuthorisationRequest, context: Any) -> pb.RecordAuthorisationResponse:
        return pb.RecordAuthorisationResponse(authorisation=await self._assistances.record(current_caller(), request))

    async def OpenAssistance(self, request: pb.OpenAssistanceRequest, context: Any) -> pb.OpenAssistanceResponse:
        return pb.OpenAssistanceResponse(assistance=await self._assistances.open(current_caller(), request))

    async def ListAuthorisations(self, request: pb.ListAuthorisationsRequest, context: Any) -> pb.ListAuthorisationsResponse:
        return await self._assistances.signed(current_caller())

    async def RevokeAuthorisation(self, request: pb.RevokeAuthorisationRequest, context: Any) -> pb.RevokeAuthorisationResponse:
        return pb.RevokeAuthorisationResponse(authorisation=await self._assistances.revoke(current_caller(), request.id))

    async def GetAssistance(self, request: pb.GetAssistanceRequest, context: Any) -> pb.GetAssistanceResponse:
        return await self._assistances.current(current_caller(), request.id)

    async def CloseAssistance(self, request: pb.CloseAssistanceRequest, context: Any) -> pb.CloseAssistanceResponse:
        await self._assistances.close(current_caller(), request.id)
        return pb.CloseAssistanceResponse()

    async def PrintForm(self, request: pb.PrintFormRequest, context: Any) -> pb.PrintFormResponse:
        return pb.PrintFormResponse(file=await self._assistances.form(current_caller(), request))

    async def GetReceipt(self, request: pb.GetReceiptRequest, context: Any) -> pb.GetReceiptResponse:
        return pb.GetReceiptResponse(file=await self._assistances.receipt(current_caller(), request))

    async def GetAuthorisationPhoto(self, request: pb.GetAuthorisationPhotoRequest, context: Any) -> pb.GetAuthorisationPhotoResponse:
        return pb.GetAuthorisationPhotoResponse(photo=await self._assistances.photo(current_caller(), request.application_no))

    async def AdvanceApplication(self, request: pb.AdvanceApplicationRequest, context: Any) -> pb.AdvanceApplicationResponse:
        return await self._record.advance(request)

    async def GetStanding(self, request: pb.GetStandingRequest, context: Any) -> pb.GetStandingResponse:
        return await self._record.standing(request)

    async def ReleaseHousehold(self, request: pb.ReleaseHouseholdRequest, context: Any) -> pb.ReleaseHouseholdResponse:
        return await self._record.release(request)

    async def GetSubjects(self, request: pb.GetSubjectsRequest, context: Any) -> pb.GetSubjectsResponse:
        return await self._reading.subjects(request)

    async def GetDeclaration(self, request: pb.GetDeclarationRequest, context: Any) -> pb.GetDeclarationResponse:
        return await self._reading.declaration(request)

    async def GetRegisteredApplicant(self, request: pb.GetRegisteredApplicantRequest, context: Any) -> pb.GetRegisteredApplicantResponse:
        return await self._reading.registered_applicant(request)

    async def GetTenant(self, request: pb.GetTenantRequest, context: Any) -> pb.GetTenantResponse:
        return await self._reading.tenant(request)

    async def GetServed(self, request: pb.GetServedRequest, context: Any) -> pb.GetServedResponse:
        return await self._services.served(request)

    async def GetContact(self, request: pb.GetContactRequest, context: Any) -> pb.GetContactResponse:
        return await self._reading.contact(request)

    async def ListAudience(self, request: pb.ListAudienceRequest, context: Any) -> pb.ListAudienceResponse:
        return await self._reading.audience(request)
