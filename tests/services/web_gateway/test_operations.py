from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import grpc
import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju.housing.v1 import housing_pb2 as housing
from anju.notifications.v1 import notifications_pb2 as notifications
from anju.oversight.v1 import oversight_pb2 as oversight
from anju.payments.v1 import payments_pb2 as payments
from anju.registry.v1 import registry_pb2 as registry
from casekit.engine import BLOCKED
from chassis import errors
from chassis.errors import FieldViolation, Problem, Refusal

from tests.services.web_gateway.world import API, NO, World, a_consent, a_dossier, an_application

CASE = f"{API}/applications/{NO}"
FAILED = grpc.StatusCode.FAILED_PRECONDITION


def refuse(refusal: Refusal) -> Any:
    def script(_request: Any) -> Any:
        raise refusal

    return script


async def test_submitting_is_accepted_with_a_place_to_follow_it(gateway: World) -> None:
    gateway.backstage.on("SubmitApplication", casework.SubmitApplicationResponse(application=an_application()))
    citizen = await gateway.citizen()
    key = str(uuid4())
    body = {"dossier": a_dossier(), "consent": a_consent()}
    reply = await citizen.post(f"{API}/applications", body, headers={"Idempotency-Key": f'"{key.upper()}"'})
    assert (reply.status, reply.headers["Location"], reply.headers["ETag"][:3]) == (202, CASE, '"3-')
    assert reply.json["stage_title"] == "街道初审"
    assert reply.json["submitted_at"] == "2026-11-20T09:00:00+08:00"
    assert "owner" not in reply.json
    asked = gateway.backstage.last("SubmitApplication")
    assert asked.request.idempotency_key == key
    assert asked.request.dossier.members[0].id_number == "990101199001010011"
    assert list(asked.request.consent.registers) == [
        "social_insurance",
        "real_estate",
        "vehicles",
        "marriage",
    ]
    # The same tap again is the same request, byte for byte: the time of consent is the service's to note.
    await citizen.post(f"{API}/applications", body, headers={"Idempotency-Key": key})
    assert gateway.backstage.last("SubmitApplication").request == asked.request


async def test_field_errors_of_casework_point_into_the_body_that_was_sent(gateway: World) -> None:
    violations = [
        FieldViolation("/members/0/id_number", "check_digit", "身份证号码有误。", "The number is wrong."),
        FieldViolation("/consent/registers", "required", "请同意全部四项。", "Agree to all four."),
    ]
    gateway.backstage.on("SubmitApplication", refuse(errors.invalid(violations)))
    citizen = await gateway.citizen()
    body = {"dossier": a_dossier(), "consent": a_consent()}
    problem = (await citizen.post(f"{API}/applications", body)).problem(422, "INVALID_FIELDS")
    assert problem["errors"] == [
        {"pointer": "/dossier/members/0/id_number", "code": "check_digit", "message": "身份证号码有误。"},
        {"pointer": "/consent/registers", "code": "required", "message": "请同意全部四项。"},
    ]
    citizen.language = "en"
    problem = (await citizen.post(f"{API}/applications", body)).problem(422, "INVALID_FIELDS")
    assert problem["errors"][0]["message"] == "The number is wrong."
    assert problem["title"] == "Some fields need correcting"


async def test_a_case_that_is_blocked_says_since_when_and_operators_list_those(gateway: World) -> None:
    blocked, running = an_application(), an_application()
    running.ClearField("blocked_at")
    blocked.blocked_at.FromDatetime(datetime(2026, 11, 26, 1, 0, tzinfo=UTC))
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=blocked))
    gateway.backstage.on("ListApplications", casework.ListApplicationsResponse(applications=[blocked, running]))
    citizen = await gateway.citizen()
    assert (await citizen.get(CASE)).json["blocked_at"] == "2026-11-26T09:00:00+08:00"
    operator = await gateway.official("operator", "4102")
    found = (await operator.get(f"{API}/applications?blocked=true")).json["items"]
    assert [each["blocked_at"] for each in found] == ["2026-11-26T09:00:00+08:00", None]
    assert gateway.backstage.last("ListApplications").request.blocked
    gateway.backstage.on("WithdrawApplication", refuse(Refusal(BLOCKED)))
    problem = (await citizen.post(f"{CASE}/withdrawal", {"reason": ""})).problem(503, "BLOCKED")
    assert "不会丢失" in problem["detail"]


@pytest.mark.parametrize("key", [None, "", "1", "not-a-uuid", "x" * 100, "00000000-0000-0000-0000-00000000000g"])
async def test_an_unsafe_request_needs_an_idempotency_key(gateway: World, key: str | None) -> None:
    citizen = await gateway.citizen()
    reply = await citizen.post(f"{CASE}/withdrawal", headers={"Idempotency-Key": key})
    reply.problem(400, "IDEMPOTENCY_KEY_REQUIRED")
    assert gateway.backstage.asked == []


async def test_a_reused_key_is_the_readers_mistake(gateway: World) -> None:
    gateway.backstage.on("WithdrawApplication", refuse(Refusal(errors.IDEMPOTENCY_KEY_REUSED)))
    (await (await gateway.citizen()).post(f"{CASE}/withdrawal")).problem(422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_case_is_polled_by_etag(gateway: World) -> None:
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application()))
    citizen = await gateway.citizen()
    reply = await citizen.get(CASE)
    etag = reply.headers["ETag"]
    assert (reply.status, etag[:3]) == (200, '"3-')
    assert reply.headers["Cache-Control"] == "private, no-cache"
    assert reply.json["timeline"][0]["stage_title"] == "街道初审"
    same = await citizen.get(CASE, headers={"If-None-Match": etag})
    assert (same.status, same.text, same.headers["ETag"]) == (304, "", etag)
    assert (await citizen.get(CASE, headers={"If-None-Match": f'W/"9", W/{etag}'})).status == 304
    citizen.language = "en"
    english = await citizen.get(CASE, headers={"If-None-Match": etag})
    assert (english.status, english.json["stage_title"]) == (200, "Street review")
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application(version=4)))
    later = await citizen.get(CASE, headers={"If-None-Match": english.headers["ETag"]})
    assert (later.status, later.headers["ETag"][:3]) == (200, '"4-')


async def test_a_case_of_the_same_version_that_reads_otherwise_is_sent_anew(gateway: World) -> None:
    """Somebody has declared a relative in it meanwhile, or its deadline has passed: the case is as it was, what the reader is told is not."""
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application()))
    clerk = await gateway.official("street_clerk")
    before = (await clerk.get(CASE)).headers["ETag"]
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application(recusal="RELATIVE_CASE")))
    near = await clerk.get(CASE, headers={"If-None-Match": before})
    assert (near.status, near.json["recusal"]) == (200, "RELATIVE_CASE")


@pytest.mark.parametrize(
    ("if_match", "status", "code", "version"),
    [
        (None, 428, "IF_MATCH_REQUIRED", None),
        ("", 412, "VERSION_MISMATCH", None),
        ("rubbish", 412, "VERSION_MISMATCH", None),
        ('"0"', 412, "VERSION_MISMATCH", None),
        ('"3", "4"', 412, "VERSION_MISMATCH", None),
        ('"99999999999999999999"', 412, "VERSION_MISMATCH", None),
        ('"3"', 202, "", 3),
        ('"3-0123456789abcdef"', 202, "", 3),
        ("*", 202, "", 0),
    ],
)
async def test_a_correction_must_say_what_it_corrects(
    gateway: World, if_match: str | None, status: int, code: str, version: int | None
) -> None:
    gateway.backstage.on("CorrectApplication", casework.CorrectApplicationResponse(application=an_application(version=4)))
    reply = await (await gateway.citizen()).ask("PUT", f"{CASE}/dossier", json={"dossier": a_dossier()}, headers={"If-Match": if_match})
    if version is None:
        reply.problem(status, code)
        assert gateway.backstage.asked == []
    else:
        assert (reply.status, reply.headers["ETag"][:3], reply.headers["Location"]) == (202, '"4-', CASE)
        assert gateway.backstage.last("CorrectApplication").request.if_version == version


async def test_a_decision_on_a_changed_case_is_refused(gateway: World) -> None:
    gateway.backstage.on("DecideTask", refuse(Refusal(errors.VERSION_MISMATCH)))
    clerk = await gateway.official("street_clerk")
    reply = await clerk.post(f"{CASE}/decision", {"decision": "return", "reason": "请补充"}, headers={"If-Match": '"3"'})
    reply.problem(412, "VERSION_MISMATCH")
    asked = gateway.backstage.last("DecideTask").request
    assert (asked.decision, asked.reason, asked.if_version) == (casework.DECISION_RETURN, "请补充", 3)


async def test_a_reason_is_as_long_as_the_services_keep_it(gateway: World) -> None:
    citizen, clerk = await gateway.citizen(), await gateway.official("street_clerk")
    for person, path, body in (
        (clerk, f"{CASE}/decision", {"decision": "return"}),
        (citizen, f"{CASE}/withdrawal", {}),
        (citizen, f"{API}/offers/o-1/answer", {"accept": False}),
    ):
        problem = (await person.post(path, {**body, "reason": "长" * 501})).problem(422, "INVALID_FIELDS")
        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/reason", "too_long")]
        assert (await person.post(path, {**body, "reason": "长" * 500})).status == 200


async def test_the_workflows_verdict_reaches_the_reviewer_in_its_own_words(gateway: World) -> None:
    refusal = Refusal(Problem("TASK_NOT_OPEN", FAILED, "", ""), zh="该件当前不在您这一级待办中。", en="Not open.")
    gateway.backstage.on("DecideTask", refuse(refusal))
    clerk = await gateway.official("street_clerk")
    problem = (await clerk.post(f"{CASE}/decision", {"decision": "approve", "reason": ""})).problem(409, "TASK_NOT_OPEN")
    assert problem["detail"] == "该件当前不在您这一级待办中。"
    assert problem["type"] == f"{gateway.url}/problems/task-not-open"
    page = await clerk.get("/problems/task-not-open")
    assert page.status == 200
    assert "TASK_NOT_OPEN" in page.text


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        ("citizen", "GET", "/tasks", None),
        ("citizen", "GET", "/counters", None),
        ("citizen", "GET", "/ledger/trial-balance", None),
        ("citizen", "POST", f"/applications/{NO}/decision", {"decision": "approve", "reason": ""}),
        ("citizen", "POST", "/districts/410202/offers", {}),
        ("street_clerk", "GET", "/ledger/trial-balance", None),
        ("street_clerk", "POST", "/districts/410202/offers", {}),
        ("street_clerk", "POST", f"/applications/{NO}/objections/o-1/decision", {"upheld": True, "answer": "x"}),
        ("finance", "POST", f"/applications/{NO}/decision", {"decision": "approve", "reason": ""}),
        ("house_manager", "POST", "/applications", {}),
        ("house_manager", "POST", "/offers/o-1/answer", {"accept": True, "reason": ""}),
        ("operator", "POST", "/leases/L-2026-000001/signature", {"acknowledged": True, "digest": "0" * 64}),
    ],
)
async def test_the_edge_already_refuses_what_a_role_may_never_do(gateway: World, role: str, method: str, path: str, body: Any) -> None:
    person = await gateway.citizen() if role == "citizen" else await gateway.official(role)
    reply = await person.ask(method, API + path, **({} if body is None else {"json": body}))
    reply.problem(403, "NOT_ALLOWED")
    assert gateway.backstage.asked == []


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("/applications?limit=0", "BAD_PARAMETER", 400),
        ("/applications?limit=101", "BAD_PARAMETER", 400),
        ("/applications?limit=x", "BAD_PARAMETER", 400),
        ("/applications?surprise=1", "BAD_PARAMETER", 400),
        ("/applications?limit=1&limit=2", "BAD_PARAMETER", 400),
        ("/applications?stage=%27%3B--", "BAD_PARAMETER", 400),
        ("/session?x=1", "BAD_PARAMETER", 400),
        (f"/applications/{NO}?no=KF-2026-000999", "BAD_PARAMETER", 400),
        ("/applications/rubbish", "NOT_FOUND", 404),
        ("/applications/KF-2026-000123%0A", "NOT_FOUND", 404),
        ("/leases/L-1/bills/202613x", "NOT_FOUND", 404),
        ("/nothing-here", "NOT_FOUND", 404),
        ("", "NOT_FOUND", 404),
    ],
)
async def test_wrong_addresses(gateway: World, path: str, code: str, status: int) -> None:
    problem = (await (await gateway.citizen()).get(API + path)).problem(status, code)
    assert "?" not in problem["instance"]
    assert gateway.backstage.asked == []


async def test_a_parameter_the_service_refuses_is_named_as_a_parameter(gateway: World) -> None:
    wrong = FieldViolation("/on_date", "date", "日期请写成 2026-01-31 的样子。", "Write the date like 2026-01-31.")
    gateway.backstage.on("GetRuleSet", refuse(errors.invalid([wrong])))
    problem = (await (await gateway.stranger()).get(f"{API}/conditions?on_date=2026-13-45")).problem(400, "BAD_PARAMETER")
    assert problem["errors"] == [{"pointer": "?on_date", "code": "date", "message": "日期请写成 2026-01-31 的样子。"}]


async def test_the_conditions_name_the_registers_this_city_asks(gateway: World) -> None:
    """What a household agrees to is the city's list of the day, not all the vocabulary knows."""
    stranger = await gateway.stranger()
    asked = (await stranger.get(f"{API}/conditions?on_date=2026-11-23")).json["registers"]
    assert asked == ["social_insurance", "real_estate", "vehicles", "marriage"]
    assert (await stranger.get(f"{API}/conditions?on_date=2025-12-31")).json["registers"] == []


async def test_another_method_says_which_are_there(gateway: World) -> None:
    citizen = await gateway.citizen()
    for method, path in (("DELETE", CASE), ("PATCH", f"{API}/applications"), ("PUT", f"{API}/session"), ("POST", CASE)):
        reply = await citizen.ask(method, path)
        reply.problem(405, "METHOD_NOT_ALLOWED")
        assert set(reply.headers["Allow"].split(",")) <= {"GET", "POST"}


@pytest.mark.parametrize(
    ("status", "http", "code"),
    [
        (grpc.StatusCode.UNAVAILABLE, 503, "UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.INTERNAL, 500, "INTERNAL"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "TOO_MANY_REQUESTS"),
        (grpc.StatusCode.NOT_FOUND, 404, "NOT_FOUND"),
    ],
)
async def test_outages_are_told_without_their_text(gateway: World, status: grpc.StatusCode, http: int, code: str) -> None:
    secret = "SELECT * FROM dossier WHERE id_number = 990101199001010011"
    refusal = Refusal(Problem(code, status, secret, secret)) if http == 500 else Refusal(Problem(code, status, "文字", "text"))
    gateway.backstage.on("GetApplication", refuse(refusal))
    reply = await (await gateway.citizen()).get(CASE)
    reply.problem(http, code)
    assert secret not in reply.text
    assert ("Retry-After" in reply.headers) == (http in (429, 503))


async def test_a_crash_in_a_service_is_a_problem_without_a_trace(gateway: World) -> None:
    def crash(_request: Any) -> Any:
        raise ValueError("张晓明 990101199001010011")

    gateway.backstage.on("GetApplication", crash)
    reply = await (await gateway.citizen()).get(CASE)
    problem = reply.problem(500, "INTERNAL")
    assert "990101" not in reply.text
    assert len(problem["trace_id"]) == 32


async def test_lists_page_by_cursor_and_link(gateway: World) -> None:
    answer = casework.ListApplicationsResponse(applications=[an_application()], page=common.PageInfo(next_cursor="bmV4dA"))
    gateway.backstage.on("ListApplications", answer)
    reply = await (await gateway.citizen()).get(f"{API}/applications?limit=1&stage=street_review")
    assert reply.json["next_cursor"] == "bmV4dA"
    assert reply.headers["Link"] == f'<{API}/applications?limit=1&stage=street_review&cursor=bmV4dA>; rel="next"'
    assert "dossier" not in reply.json["items"][0]
    request = gateway.backstage.last("ListApplications").request
    assert (request.page.limit, request.stage) == (1, "street_review")
    gateway.backstage.on("ListApplications", refuse(Refusal(errors.BAD_CURSOR)))
    (await (await gateway.citizen()).get(f"{API}/applications?cursor=x")).problem(400, "BAD_CURSOR")


async def test_what_everybody_may_see_needs_nobody_and_is_cached(gateway: World) -> None:
    gateway.backstage.on("ListNotices", casework.ListNoticesResponse(notices=[casework.Notice(application_no=NO, masked_name="安*例")]))
    gateway.backstage.on(
        "GetRuleSet",
        eligibility.GetRuleSetResponse(version="v", criteria=[eligibility.RuleCriterion(code="area", confirmed=False)]),
    )
    gateway.backstage.on("ListEstates", housing.ListEstatesResponse(estates=[housing.Estate(id="e-1", units=3)]))
    gateway.backstage.on("ListWaiting", housing.ListWaitingResponse(entries=[housing.WaitingEntry(application_no=NO, rank=1)]))
    stranger = await gateway.stranger()
    for path in ("/notices?district=410202", "/conditions?on_date=2026-11-23", "/estates", "/districts/410202/waiting-list", "/divisions"):
        reply = await stranger.get(API + path)
        assert reply.status == 200, reply.text
        assert reply.headers["Cache-Control"].startswith("public, max-age=")
        assert (await stranger.get(API + path, headers={"If-None-Match": reply.headers["ETag"]})).status == 304
    for asked in gateway.backstage.asked:
        assert asked.caller is not None
        assert (asked.caller.kind, asked.caller.roles, asked.caller.divisions) == ("citizen", (), ())
    divisions = (await stranger.get(f"{API}/divisions")).json["items"]
    found = next(each for each in divisions if each["code"] == "410202")
    assert (found["level"], found["name"], found["parent"]) == ("district", "龙亭区", "4102")
    assert len(divisions) > 400


async def test_registers_and_assessment_of_a_case(gateway: World) -> None:
    states = [
        registry.RegisterState(
            register="vehicles", outcome=common.LOOKUP_OUTCOME_NO_RECORD, summary=common.Text(zh="名下无车辆", en="No vehicles"), tries=1
        ),
        registry.RegisterState(register="marriage"),
    ]
    gateway.backstage.on("ListLookups", registry.ListLookupsResponse(states=states))
    criterion = eligibility.CriterionResult(
        code="area", title=common.Text(zh="面积", en="Area"), verdict=eligibility.VERDICT_MET, reason=common.Text(zh="符合", en="Met.")
    )
    assessment = eligibility.Assessment(id="a", verdict=eligibility.VERDICT_NEEDS_REVIEW, criteria=[criterion])
    gateway.backstage.on("GetAssessment", eligibility.GetAssessmentResponse(assessment=assessment))
    access = registry.AccessEntry(register="real_estate", purpose="资格审核", outcome=common.LOOKUP_OUTCOME_FOUND)
    gateway.backstage.on("ListAccess", registry.ListAccessResponse(entries=[access]))
    citizen = await gateway.citizen()
    lookups = (await citizen.get(f"{CASE}/lookups")).json["items"]
    assert [(item["register"], item["title"], item["outcome"], item["summary"]) for item in lookups] == [
        ("vehicles", "机动车登记", "no_record", "名下无车辆"),
        ("marriage", "婚姻登记", None, ""),
    ]
    english = (await citizen.get(f"{CASE}/lookups", headers={"Accept-Language": "en"})).json["items"]
    assert (english[0]["title"], english[0]["summary"]) == ("Vehicles", "No vehicles")
    found = (await citizen.get(f"{CASE}/assessment")).json
    assert (found["verdict"], found["criteria"][0]["verdict"], found["criteria"][0]["reason"]) == ("needs_review", "met", "符合")
    english = (await citizen.get(f"{CASE}/assessment", headers={"Accept-Language": "en"})).json
    assert (english["criteria"][0]["title"], english["criteria"][0]["reason"], english["criteria"][0]["observed"]) == ("Area", "Met.", "")
    assert (await citizen.get(f"{CASE}/access-log")).json["items"][0]["outcome"] == "found"
    about_me = registry.QueryAboutMe(id="rq_1.1", register="marriage", fields=["name_man"])
    about_me.at.FromJsonString("2026-11-20T01:00:00Z")
    gateway.backstage.on("ListQueriesAboutMe", registry.ListQueriesAboutMeResponse(queries=[about_me]))
    [query] = (await citizen.get(f"{API}/myself/queries")).json["items"]
    assert (query["register"], query["fields"], query["outcome"], query["application_no"]) == ("marriage", ["name_man"], None, "")
    gateway.backstage.on("GetAssessment", refuse(Refusal(Problem("NO_ASSESSMENT", grpc.StatusCode.NOT_FOUND, "尚无", "none"))))
    (await citizen.get(f"{CASE}/assessment")).problem(404, "NO_ASSESSMENT")


async def test_homes_bills_and_messages(gateway: World) -> None:
    unit = housing.Unit(id="u-1", number="3号楼2单元501", monthly_rent_fen=35000)
    lease = housing.Lease(no="L-2026-000001", unit=unit, state="signing")
    offer = housing.Offer(id="o-1", unit=unit, state="open")
    gateway.backstage.on("GetTenancy", housing.GetTenancyResponse(offers=[offer], lease=lease))
    gateway.backstage.on("AnswerOffer", housing.AnswerOfferResponse(offer=offer))
    clause = housing.Clause(code="rent", title=common.Text(en="5. Rent"), text=[common.Text(en="The rent is 350.00 yuan a month.")])
    gateway.backstage.on("GetContract", housing.GetContractResponse(clauses=[clause], digest="5" * 64))
    gateway.backstage.on("SignLease", housing.SignLeaseResponse(lease=lease))
    gateway.backstage.on("LeaveWaitingList", housing.LeaveWaitingListResponse(waiting=housing.WaitingEntry(state="left")))
    gateway.backstage.on("GetBill", lambda request: payments.GetBillResponse(bill=payments.Bill(id=request.id, amount_fen=35000)))
    gateway.backstage.on(
        "StartPayment",
        lambda request: payments.StartPaymentResponse(intent=payments.Intent(id="i-1", bill_id=request.bill_id, pay_url="https://bank")),
    )
    inbox = notifications.ListInboxResponse(messages=[notifications.Message(id="m-1", title="标题")], unread=1)
    gateway.backstage.on("GetReach", notifications.GetReachResponse(reach=notifications.Reach(sms=True), quiet_from="21:00"))
    gateway.backstage.on("ListInbox", inbox)
    citizen = await gateway.citizen()
    tenancy = (await citizen.get(f"{CASE}/tenancy")).json
    assert (tenancy["waiting"], tenancy["offers"][0]["unit"]["number"], tenancy["lease"]["no"]) == (None, "3号楼2单元501", "L-2026-000001")
    assert (await citizen.post(f"{API}/offers/o-1/answer", {"accept": False, "reason": "太远"})).json["id"] == "o-1"
    assert gateway.backstage.last("AnswerOffer").request.accept is False
    read = (await citizen.get(f"{API}/leases/L-2026-000001/contract", headers={"Accept-Language": "en"})).json
    assert read["clauses"] == [{"code": "rent", "title": "5. Rent", "text": ["The rent is 350.00 yuan a month."]}]
    signature = {"acknowledged": True, "digest": read["digest"]}
    assert (await citizen.post(f"{API}/leases/L-2026-000001/signature", signature)).status == 200
    assert gateway.backstage.last("SignLease").request.digest == read["digest"]
    unread = await citizen.post(f"{API}/leases/L-2026-000001/signature", {"acknowledged": True})
    unread.problem(422, "INVALID_FIELDS")
    assert (await citizen.ask("POST", f"{CASE}/waiting-exit")).json["state"] == "left"
    bills = f"{API}/leases/L-2026-000001/bills"
    assert (await citizen.get(f"{bills}/202612")).json["id"] == "L-2026-000001/202612"
    paying = await citizen.post(f"{bills}/deposit/payments")
    assert (paying.status, paying.json["bill_id"], paying.headers["Location"]) == (202, "L-2026-000001/deposit", f"{bills}/deposit")
    messages = (await citizen.get(f"{API}/inbox", headers={"Accept-Language": "en"})).json
    assert (messages["unread"], messages["items"][0]["id"]) == (1, "m-1")
    assert gateway.backstage.last("ListInbox").request.locale == "en"
    assert (await citizen.post(f"{API}/inbox/m-1/read", headers={"Idempotency-Key": None})).status == 204
    wished = await citizen.ask("PUT", f"{API}/myself/reach", json={"sms": True, "quiet": False})
    assert (wished.status, wished.json["quiet_from"]) == (200, "21:00")
    assert gateway.backstage.last("SetReach").request.reach == notifications.Reach(sms=True, quiet=False)


async def test_what_officials_do_with_the_stock_and_read(gateway: World) -> None:
    gateway.backstage.on("OfferVacantUnits", housing.OfferVacantUnitsResponse(offers=[housing.Offer(id="o-1")], still_waiting=2))
    gateway.backstage.on("AddUnits", housing.AddUnitsResponse(units=[housing.Unit(id="u-1")]))
    counter = casework.Counter(district="410202", street="410202001", stage="street_review", count=4, changed=3)
    gateway.backstage.on("GetCounters", casework.GetCountersResponse(counters=[counter]))
    account = payments.AccountBalance(account="bank:ccb", title="银行存款", debit_fen=5)
    gateway.backstage.on("GetTrialBalance", payments.GetTrialBalanceResponse(accounts=[account]))
    manager = await gateway.official("house_manager")
    made = (await manager.post(f"{API}/districts/410202/offers")).json
    assert (made["offers"][0]["id"], made["still_waiting"], made["still_vacant"]) == ("o-1", 2, 0)
    unit = {
        "estate_id": "e-1",
        "estate_name": "汴京花园",
        "district": "410202",
        "address": "路",
        "number": "1号楼101",
        "bedrooms": 2,
        "area_centi_sqm": 5000,
        "monthly_rent_fen": 35000,
        "deposit_fen": 0,
    }
    assert (await manager.post(f"{API}/units", {"units": [unit]})).status == 201
    counters = (await manager.get(f"{API}/counters")).json["items"]
    assert (counters[0]["district_name"], counters[0]["count"], counters[0]["changed"]) == ("龙亭区", 4, 3)
    since = (await manager.get(f"{API}/desk")).json["since"]
    assert gateway.backstage.last("GetCounters").request.changed_since == since
    assert counters[0]["street_name"] != counters[0]["street"]
    finance = await gateway.official("finance")
    assert (await finance.get(f"{API}/ledger/trial-balance")).json["items"][0]["debit_fen"] == 5


async def test_a_draft_is_kept_under_its_version_and_read_whatever_release_saved_it(gateway: World) -> None:
    citizen = await gateway.citizen()
    gateway.backstage.on("SaveDraft", casework.SaveDraftResponse(draft=casework.Draft(version=3)))
    form = {"members": [{"name": "安示例", "annual_income_fen": "大约三万"}], "has_homes": "no"}
    reply = await citizen.ask("PUT", f"{API}/drafts/new", json={"version": 2, "form": form}, headers={"Idempotency-Key": None})
    assert (reply.status, reply.json["version"]) == (200, 3)
    asked = gateway.backstage.last("SaveDraft").request
    assert (asked.application_no, asked.if_version, json.loads(asked.form)) == ("", 2, form)
    newer = json.dumps(form | {"pets": 2, "members": [{"name": "安示例", "pets": 1}]})
    gateway.backstage.on("GetDraft", casework.GetDraftResponse(draft=casework.Draft(form=newer, version=3)))
    reply = await citizen.get(f"{API}/drafts/{NO}")
    assert (reply.json["form"]["members"][0]["name"], reply.json["form"]["phone"], reply.json["version"]) == ("安示例", "", 3)
    assert "pets" not in reply.text
    assert gateway.backstage.last("GetDraft").request.application_no == NO
    gateway.backstage.on("SaveDraft", refuse(Refusal(errors.VERSION_MISMATCH)))
    saved = await citizen.ask("PUT", f"{API}/drafts/new", json={"version": 2, "form": form})
    saved.problem(412, "VERSION_MISMATCH")
    assert (await citizen.ask("DELETE", f"{API}/drafts/new")).status == 204
    assert (await citizen.ask("DELETE", f"{API}/drafts/new", headers={"X-CSRF-Token": None})).status == 403
    assert (await citizen.get(f"{API}/drafts/other")).status == 404


async def test_a_policy_is_read_though_its_view_is_not_counted_and_nobody_is_named_where_it_is(gateway: World) -> None:
    policy = oversight.Policy(id="rent", state="in_force", content=oversight.Content(title=common.Text(zh="租金", en="Rent")))
    policy.published_at.GetCurrentTime()
    gateway.backstage.on("GetPolicy", oversight.GetPolicyResponse(policy=policy))
    citizen = await gateway.citizen()
    stranger = await gateway.stranger()
    for visitor in (citizen, stranger):
        reply = await visitor.get(f"{API}/policies/rent", headers={"Accept-Language": "en"})
        assert (reply.status, reply.json["title"]) == (200, "Rent")
    counted = [each for each in gateway.backstage.asked if each.method == "CountView"]
    assert [(each.request.policy_id, each.request.channel) for each in counted] == [("rent", "web")] * 2
    assert {each.caller.kind for each in counted if each.caller} == {"system"}

    def away(_request: Any) -> Any:
        raise Refusal(errors.UNAVAILABLE)

    gateway.backstage.on("CountView", away)
    assert (await stranger.get(f"{API}/policies/rent")).status == 200
