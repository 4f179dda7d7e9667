"""Every operation against its own OpenAPI description: generated good and bad requests, and answers that must be what the document says."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from anju.casework.v1 import casework_pb2 as casework
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju.housing.v1 import housing_pb2 as housing
from anju.notifications.v1 import notifications_pb2 as notifications
from anju.operations.v1 import operations_pb2 as operations
from anju.operators.v1 import operators_pb2 as operators
from anju.organisation.v1 import organisation_pb2 as organisation
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.oversight.v1 import oversight_pb2 as oversight
from anju.payments.v1 import payments_pb2 as payments
from anju.reads.v1 import reads_pb2 as reads
from anju.registry.v1 import registry_pb2 as registry
from anju.repair.v1 import repair_pb2 as repair
from chassis import errors
from chassis.errors import Refusal
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from web_gateway import openapi
from web_gateway.api.layer import Access, Operation

from tests.services.web_gateway.world import World, an_application

EXAMPLES = int(os.environ.get("ANJU_TEST_CONTRACT_EXAMPLES", "12"))
SEED = int(os.environ.get("ANJU_TEST_CONTRACT_SEED", "20261123"))
OPERATIONS = {operation.id: operation for operation in openapi.operations()}
SCHEMA = schemathesis.openapi.from_dict(openapi.document())
# NUL is valid JSON and refused on purpose: no database and no form takes it (tests/unit/web_gateway).
SCHEMA.config.generation.update(allow_x00=False)
# A list with too many entries may be too long to be read at all, and a version that was never given out matches none: refused is refused.
SCHEMA.config.checks.negative_data_rejection.expected_statuses += ["413", "412"]
CHECK_NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "allow_header_conformance",
)


def token_for(gateway: World, operation: Operation) -> str:
    """Of somebody whom the edge lets in, so that what is generated reaches the validation."""
    if operation.roles:
        return gateway.token(operation.roles[0])
    return gateway.token("city_reviewer" if operation.access is Access.STAFF else "")


def script(gateway: World, operation: Operation) -> None:
    """Services with something to say, so that answers are checked with content."""
    on, application = gateway.backstage.on, an_application()
    unit = housing.Unit(id="u-1", number="1号楼101")
    on("SubmitApplication", casework.SubmitApplicationResponse(application=application))
    on("CorrectApplication", casework.CorrectApplicationResponse(application=application))
    on("WithdrawApplication", casework.WithdrawApplicationResponse(application=application))
    claim = casework.Claim(application_no=application.no, applicant="张*明", relation="spouse", registers=["vehicles"], state="awaited")
    on("ListClaims", casework.ListClaimsResponse(claims=[claim]))
    on("Confirm", casework.ConfirmResponse(claim=claim))
    on("WithdrawConsent", casework.WithdrawConsentResponse(claim=claim))
    on("RecordConfirmation", casework.RecordConfirmationResponse(application=application))
    visit = casework.Assistance(id="as-1", masked_name="张*明", purpose="file", application_nos=[application.no])
    visit.opened_at.GetCurrentTime()
    visit.ends_at.GetCurrentTime()
    on("OpenAssistance", casework.OpenAssistanceResponse(assistance=visit))
    signed = casework.Authorisation(id="au-1", divisions=["410202001"])
    signed.recorded_at.GetCurrentTime()
    on("ListAuthorisations", casework.ListAuthorisationsResponse(authorisations=[signed]))
    on("PrintForm", casework.PrintFormResponse(file=b"%PDF-1.7\n%%EOF"))
    on("GetReceipt", casework.GetReceiptResponse(file=b"%PDF-1.7\n%%EOF"))
    on("GetAuthorisationPhoto", casework.GetAuthorisationPhotoResponse(photo=b"\xff\xd8\xff\xd9"))
    on("RecordConsentWithdrawal", casework.RecordConsentWithdrawalResponse(application=application))
    on("DecideTask", casework.DecideTaskResponse(application=application))
    proposal = casework.Proposal(level="street", official="李芳", reason="已入户核实")
    decided = casework.LevelDecision(level="street", decision=casework.DECISION_APPROVE, proposed=proposal)
    declared = casework.RecusalDeclaration(community="410202001009", kinships=["lineal"])
    declared.declared_at.GetCurrentTime()
    declared.renew_by.GetCurrentTime()
    on("RecuseTask", casework.RecuseTaskResponse(outcome="colleague", application=application))
    on("GetRecusalDeclaration", casework.GetRecusalDeclarationResponse(declaration=declared))
    on("DeclareRecusals", casework.DeclareRecusalsResponse(declaration=declared))
    on("GetReview", casework.GetReviewResponse(doubts=["income"], proposal=proposal, decisions=[decided]))
    on("DecideObjection", casework.DecideObjectionResponse(application=application))
    on("GetApplication", casework.GetApplicationResponse(application=application))
    on("ListApplications", casework.ListApplicationsResponse(applications=[application]))
    on("FindApplications", casework.FindApplicationsResponse(applications=[application]))
    on("ListTasks", casework.ListTasksResponse(tasks=[casework.Task(application_no=application.no, level="street")]))
    on("ListNotices", casework.ListNoticesResponse(notices=[casework.Notice(application_no=application.no)]))
    letter = complaints.Complaint(
        no="TS-2026-000001", kind="complaint", stage="answered", timeline=[complaints.ComplaintEntry(event="answered")], actions=["rate"]
    )
    on("FileComplaint", complaints.FileComplaintResponse(no=letter.no, code="AAAA-BBBB-CCCC-DDDD"))
    on("ListMyComplaints", complaints.ListMyComplaintsResponse(complaints=[letter]))
    on("ListComplaints", complaints.ListComplaintsResponse(complaints=[letter]))
    on("GetComplaint", complaints.GetComplaintResponse(complaint=letter))
    on("FollowComplaint", complaints.FollowComplaintResponse(complaint=letter))
    on("RespondToComplaint", complaints.RespondToComplaintResponse(complaint=letter))
    photo = complaints.ComplaintPhoto(number=1, size_bytes=4)
    photo.added_at.GetCurrentTime()
    on("AddComplaintPhoto", complaints.AddComplaintPhotoResponse(photo=photo))
    on("GetComplaintPhoto", complaints.GetComplaintPhotoResponse(photo=b"\xff\xd8\xff\xd9"))
    on("HandleComplaint", complaints.HandleComplaintResponse(complaint=letter))
    said = oversight.Content(category="rent", articles=[oversight.Article(number="一", text="租金", criteria=["income"])])
    policy = oversight.Policy(
        id="rent", version=1, state="in_force", content=said, versions=[oversight.PolicyVersion(version=1, state="in_force")]
    )
    draft = oversight.Draft(policy_id="rent", version=2, content=said, digest="0" * 64, written_by=["st-1"])
    for dated in (policy.published_at, policy.versions[0].published_at, draft.saved_at):
        dated.GetCurrentTime()
    on("ListPolicies", oversight.ListPoliciesResponse(policies=[oversight.PolicyItem(id="rent", category="rent")]))
    on("GetPolicy", oversight.GetPolicyResponse(policy=policy))
    on("ListRuleArticles", oversight.ListRuleArticlesResponse(articles=[oversight.RuleArticle(criterion="income", policy_id="rent")]))
    on("GetViews", oversight.GetViewsResponse(total=1, days=[oversight.ViewsOfDay(day="2026-11-26", channel="web", views=1)]))
    before = oversight.PublishedVersion(version=1, content=said, state="in_force", written_by=["st-1"], published_by="st-2")
    before.published_at.GetCurrentTime()
    on("GetPolicyDraft", oversight.GetPolicyDraftResponse(draft=draft, published=[before]))
    on("SavePolicyDraft", oversight.SavePolicyDraftResponse(draft=draft))
    on("PublishPolicy", oversight.PublishPolicyResponse(policy=policy))
    on("WithdrawPolicy", oversight.WithdrawPolicyResponse(policy=policy))
    finished = oversight.Service(
        id="sv-1",
        item="counter_visit",
        division="410202",
        evaluation=oversight.Evaluation(level="satisfied", reasons=["quick"], channel="web"),
        follow_up=oversight.FollowUp(state="done", result="explained"),
    )
    for dated in (finished.finished_at, finished.evaluation.at, finished.follow_up.due_at):
        dated.GetCurrentTime()
    counted = oversight.Breakdown(groups=[oversight.Figures(code="410202", counts=[5, 0, 0, 0, 0])])
    on("ListServices", oversight.ListServicesResponse(services=[finished]))
    on("EvaluateService", oversight.EvaluateServiceResponse(service=finished))
    on("GetVisit", oversight.GetVisitResponse(service=finished))
    on("EvaluateVisit", oversight.EvaluateVisitResponse(service=finished))
    on("ListFollowUps", oversight.ListFollowUpsResponse(services=[finished]))
    on("AnswerFollowUp", oversight.AnswerFollowUpResponse(service=finished))
    on("GetEvaluationFigures", oversight.GetEvaluationFiguresResponse(month="2026-10", items=counted, months=["2026-10"]))
    on("ListLookups", registry.ListLookupsResponse(states=[registry.RegisterState(register="vehicles", outcome=1)]))  # type: ignore[arg-type]
    on("ListReads", reads.ListReadsResponse(reads=[reads.Read(day="2026-11-26", roles=["street_clerk"], what="dossier", times=2)]))
    on(
        "GetExport",
        lambda asked: reads.GetExportResponse(
            export=reads.Export(id=asked.id, list="leases", columns=["no"], purpose="report", reason="r", state="approved")
        ),
    )
    on("ListReaders", reads.ListReadersResponse(readers=[reads.Reader(day="2026-11-26", reader="st-1", service="casework")]))
    on(
        "ListLooks",
        reads.ListLooksResponse(looks=[reads.Look(id=1, reader="st-1", roles=["street_clerk"], what="tasks", service="casework")]),
    )
    on(
        "ListQueriesAboutMe",
        registry.ListQueriesAboutMeResponse(queries=[registry.QueryAboutMe(id="rq_1.1", register="real_estate", outcome=4)]),
    )  # type: ignore[arg-type]
    objection = registry.QueryObjection(id="qo1", query_id="rq_1.1", state="open", text="我没有同意过")
    on("ObjectToQuery", registry.ObjectToQueryResponse(objection=objection))
    on("AnswerQueryObjection", registry.AnswerQueryObjectionResponse(objection=objection))
    query = registry.QueryAboutMe(id="rq_1.1", register="real_estate", outcome=4)  # type: ignore[arg-type]
    on("ListQueryObjections", registry.ListQueryObjectionsResponse(objections=[registry.ObjectedQuery(objection=objection, query=query)]))
    on("ListAccess", registry.ListAccessResponse(entries=[registry.AccessEntry(register="real_estate", outcome=4)]))  # type: ignore[arg-type]
    criterion = eligibility.CriterionResult(code="area", verdict=3)  # type: ignore[arg-type]
    on("GetAssessment", eligibility.GetAssessmentResponse(assessment=eligibility.Assessment(id="a", criteria=[criterion])))
    compared = eligibility.ComparedRow(
        fact="home", register="real_estate", difference="only_registered", member=-1, home=-1, named=[0], pair=1
    )
    on("GetComparison", eligibility.GetComparisonResponse(comparison=eligibility.Comparison(round=1, rows=[compared])))
    on("GetTenancy", housing.GetTenancyResponse(offers=[housing.Offer(id="o", unit=unit)], lease=housing.Lease(no="L", unit=unit)))
    on("GetContract", housing.GetContractResponse(digest="0" * 64))
    on("GetContractFile", housing.GetContractFileResponse(file=b"%PDF-1.7\n%%EOF"))
    on("ListLeases", housing.ListLeasesResponse(leases=[housing.Lease(no="L")]))
    on("ListBills", payments.ListBillsResponse(bills=[payments.Bill(id="L/202612")]))
    on(
        "GetStatement",
        payments.GetStatementResponse(lease_no="L", on="2026-11-27", lines=[payments.StatementLine(kind="issue", bill_id="L/202612")]),
    )
    on("GetStatementFile", payments.GetStatementFileResponse(file=b"%PDF-1.7\n%%EOF"))
    on("GetReceiptFile", payments.GetReceiptFileResponse(file=b"%PDF-1.7\n%%EOF"))
    on("TakeCash", payments.TakeCashResponse(receipt_no="R00000001", bill=payments.Bill(id="L/202612")))
    on("CountCash", payments.CountCashResponse(count=payments.CashCount(id="C1")))
    on("DepositCash", payments.DepositCashResponse(count=payments.CashCount(id="C1")))
    on("GetCashDesk", payments.GetCashDeskResponse(taken=[payments.CashTaken(bill_id="L/202612")], counts=[payments.CashCount(id="C1")]))
    on("ListInbox", notifications.ListInboxResponse(messages=[notifications.Message(id="m-1")], unread=1))
    by_post = notifications.Letter(id="m-1.letter", application_no=application.no, state="waiting")
    on("ListLetters", notifications.ListLettersResponse(letters=[by_post]))
    on("PrintLetters", notifications.PrintLettersResponse(file=b"%PDF-1.7\n%%EOF"))
    on("MarkLetter", notifications.MarkLetterResponse(letter=by_post))
    read = notifications.MessageTemplate.Words(title="t", body="b", sms="s")
    templates = [notifications.MessageTemplate(id="lapsed", audience="citizen", version="0", zh=read, en=read)]
    on("ListTemplates", notifications.ListTemplatesResponse(templates=templates))
    wide = notifications.Broadcast(id="b-1", audience="registered", division="4102", state="written")
    on("ListBroadcasts", notifications.ListBroadcastsResponse(broadcasts=[wide]))
    on("GetBroadcast", notifications.GetBroadcastResponse(broadcast=wide))
    on("WriteBroadcast", notifications.WriteBroadcastResponse(id="b-1"))
    on("StepBroadcast", notifications.StepBroadcastResponse(broadcast=wide))
    on("GetReach", notifications.GetReachResponse(reach=notifications.Reach(sms=True)))
    on("GetHealth", operations.GetHealthResponse(version="0.1.0", alarms=[operations.Alarm(name="bulk_reads", count=1)]))
    queue, kind = repair.TaskQueue(name="anju", kind="workflow"), repair.WorkflowType(type="Application", running=1)
    stuck = repair.Stuck(workflow_id="application/KF-2026-000123", type="Application", kind="blocked")
    on("GetEngine", repair.GetEngineResponse(reachable=True, queues=[queue], types=[kind], stuck=[stuck]))
    step = operators.Step(
        id="os1", kind="resume", subject="application/KF-2026-000123", actor="st-1", reason="已补上模板", service="casework"
    )
    on("ListSteps", operators.ListStepsResponse(steps=[step]))
    on("ListUndelivered", operators.ListUndeliveredResponse(undelivered=[operators.Undelivered(entry=7, kind="tell", attempts=12)]))
    waits = registry.WaitingLookup(application_no=application.no, register="vehicles")
    waits.since.GetCurrentTime()
    on(
        "ListRegisters",
        registry.ListRegistersResponse(offices=[registry.OfficeState(register="vehicles")], waiting=[waits], waiting_total=1),
    )
    given = organisation.Appointment(id="ap-1", account="s-1", duty="finance", unit="4102", state="in_force", from_on="2026-01-01")
    someone = organisation.Person(account="s-1", name="李芳", appointments=[given], covers=[organisation.Cover(id="co-1", state="over")])
    for method in ("Appoint", "EndAppointment", "ConfirmAppointment", "SetCover", "EndCover", "GetPerson"):
        on(method, getattr(organisation, f"{method}Response")(person=someone))
    on("ListAppointments", organisation.ListAppointmentsResponse(appointments=[given]))
    on("ListHandedOver", organisation.ListHandedOverResponse(handed_over=[organisation.HandedOver(account="s-2", duty="finance")]))
    on("ListUnits", organisation.ListUnitsResponse(units=[organisation.Unit(code="4102", kind="city")]))
    view = organisation.View(id="v", list="/cases", name="我的", query="stage=waiting")
    on("ListViews", organisation.ListViewsResponse(views=[view]))
    on("KeepView", organisation.KeepViewResponse(view=view))
    changed = organisation.Change(seq=1, kind="ended", details=[organisation.Detail(name="until", after="2026-12-01")])
    on("ListChanges", organisation.ListChangesResponse(changes=[changed]))
    if operation.stream:

        def gone(_request: Any) -> Any:
            raise Refusal(errors.NOT_FOUND)

        on("GetApplication", gone)  # a stream that opens does not end, and this client waits for the end


def probe(gateway: World, operation: Operation, mode: GenerationMode) -> int:
    """Runs in a thread of its own: the gateway serves on the test's event loop. Gives the number of requests answered."""
    described = SCHEMA[operation.path][operation.method]
    checks = [check for check in CHECKS.get_all() if check.__name__ in CHECK_NAMES]
    if operation.stream or operation.takes or mode is GenerationMode.NEGATIVE:
        # Any bytes are a file as far as the document can say, and hardly any a photograph. A negative case is sometimes still acceptable (an unknown header); what matters then is the answer's form.
        checks = [check for check in checks if check.__name__ != "positive_data_acceptance"]
    headers = {} if operation.open else {"Authorization": f"Bearer {token_for(gateway, operation)}"}
    answered = 0

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=timedelta(seconds=20),
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        nonlocal answered
        response = case.call(base_url=gateway.url, headers=headers, timeout=20)
        case.validate_response(response, checks=checks, headers=headers)
        assert response.status_code < 500
        answered += 1

    check()
    return answered


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("id", sorted(OPERATIONS))
async def test_operation_does_what_its_description_says(gateway: World, id: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[id]
    if mode is GenerationMode.NEGATIVE and operation.params is None and operation.body is None:
        pytest.skip("takes nothing that could be wrong")
    script(gateway, operation)
    assert await asyncio.to_thread(probe, gateway, operation, mode) >= 1


async def test_no_signed_on_operation_answers_without_a_token(gateway: World) -> None:
    stranger = await gateway.stranger()
    names = {
        "no": "KF-2026-000123",
        "id": "o-1",
        "code": "410202",
        "period": "202612",
        "index": "1",
        "mark": "0" * 16,
        "number": "1",
        "receipt_no": "R00000001",
        "account": "s-1",
        "list": "leases",
    }
    for operation in OPERATIONS.values():
        mine = names | ({"code": "A" * 16} if "/receipts/" in operation.path else {})
        reply = await stranger.ask(operation.method, operation.path.format_map(mine), headers={"Idempotency-Key": str(uuid4())})
        if operation.access is Access.PUBLIC:
            assert reply.status == 200
        elif operation.open:
            # Let in as far as what he says, which is nothing here.
            reply.problem(415, "UNSUPPORTED_MEDIA_TYPE")
        else:
            reply.problem(401, "UNAUTHENTICATED")
    assert {asked.method for asked in gateway.backstage.asked} == {
        "GetRuleSet",
        "ListNotices",
        "ListEstates",
        "ListWaiting",
        "CheckContract",
        "CheckReceipt",
        "ListPolicies",
        "GetPolicy",
        "CountView",
        "ListRuleArticles",
        "GetViews",
        "GetVisit",
        "GetEvaluationFigures",
    }
