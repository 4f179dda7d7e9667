"""The reviewed matrix of the public API on the whole running system: what each operation answers to each kind of person.

One household has come as far as its lease; everybody asks everything about it. Each operation of the OpenAPI document has its row, so a new one
cannot be forgotten. What a person may not do is 403, what he may not even know of is 404; 409 is the case's own state saying that the time for
it has passed, so the asker got through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from anju_stories.household import CONSENT_VERSION, REGISTERS, Household
from anju_stories.people import Person
from web_gateway import openapi
from web_gateway.api.layer import Access, Operation

from tests.journeys.test_typical_journeys import home_for
from tests.support.boxes import RunningBox
from tests.support.families import Families
from tests.support.patience import eventually

ELSEWHERE, STREET_ELSEWHERE = "410225", "410225001"
# The order of the columns.
PEOPLE = (
    "nobody",
    "household",
    "other citizen",
    "street clerk",
    "street clerk elsewhere",
    "district reviewer",
    "district reviewer elsewhere",
    "city reviewer",
    "house manager",
    "house manager elsewhere",
    "finance",
    "operator",
    "auditor",
    "user administrator",
    "audit administrator",
)
MATRIX = {
    "get_session": "401 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "choose_capacity": "401 403 403 404 404 404 404 404 404 404 404 404 404 404 404",
    "list_units": "401 403 403 403 403 403 403 403 403 403 403 403 200 200 200",
    "list_appointments": "401 403 403 403 403 403 403 403 403 403 403 403 200 200 200",
    "get_staff_member": "401 403 403 403 403 403 403 403 403 403 403 403 200 200 200",
    "appoint": "401 403 403 403 403 403 403 403 403 403 403 403 403 409 403",
    "end_appointment": "401 403 403 403 403 403 403 403 403 403 403 403 403 404 403",
    "confirm_appointment": "401 403 403 403 403 403 403 403 403 403 403 403 403 403 404",
    "set_cover": "401 403 403 403 403 403 403 403 403 403 403 403 403 422 403",
    "end_cover": "401 403 403 403 403 403 403 403 403 403 403 403 403 404 403",
    "list_organisation_changes": "401 403 403 403 403 403 403 403 403 403 403 403 403 403 200",
    "list_views": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "keep_view": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "remove_view": "401 403 403 204 204 204 204 204 204 204 204 204 204 204 204",
    "list_inbox": "401 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_letters": "401 403 403 200 200 403 403 403 403 403 403 403 403 403 403",
    "print_letters": "401 403 403 422 422 403 403 403 403 403 403 403 403 403 403",
    "mark_letter": "401 403 403 422 422 403 403 403 403 403 403 403 403 403 403",
    "list_message_templates": "401 403 403 403 403 403 403 200 403 403 403 200 200 403 403",
    "list_broadcasts": "401 403 403 403 403 403 403 200 403 403 403 403 200 403 403",
    "write_broadcast": "401 403 403 403 403 403 403 422 403 403 403 403 403 403 403",
    "get_broadcast": "401 403 403 403 403 403 403 404 403 403 403 403 404 403 403",
    "step_broadcast": "401 403 403 403 403 403 403 422 403 403 403 403 403 403 403",
    "get_reach": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "set_reach": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "mark_message_read": "401 204 404 404 404 404 404 404 404 404 404 404 404 404 404",
    "list_tasks": "401 403 403 200 200 200 200 200 403 403 403 403 403 403 403",
    "get_desk": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_operator_steps": "401 403 403 403 403 403 403 403 403 403 403 200 200 403 403",
    "resume_workflow": "401 403 403 403 403 403 403 403 403 403 403 409 403 403 403",
    "send_again": "401 403 403 403 403 403 403 403 403 403 403 404 403 403 403",
    "repair_workflow": "401 403 403 403 403 403 403 403 403 403 403 409 403 403 403",
    "get_operations": "401 403 403 403 403 403 403 403 403 403 403 200 403 403 403",
    "export_applications": "401 403 403 200 200 200 200 200 200 200 403 200 200 403 403",
    "export_tasks": "401 403 403 200 200 200 200 200 403 403 403 403 403 403 403",
    "export_waiting": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "export_readers": "401 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
    "export_looks": "401 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
    "export_complaints": "401 403 403 200 200 200 200 200 200 200 403 403 200 403 403",
    "export_operator_steps": "401 403 403 403 403 403 403 403 403 403 403 200 200 403 403",
    "export_organisation_changes": "401 403 403 403 403 403 403 403 403 403 403 403 403 403 200",
    "export_trial_balance": "401 403 403 403 403 403 403 403 403 403 200 403 200 403 403",
    "export_leases": "401 403 403 403 403 403 403 403 200 200 200 200 200 403 403",
    "export_bills": "401 403 403 403 403 403 403 403 200 200 200 200 200 403 403",
    "search": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "get_recusal_declaration": "401 403 403 200 200 200 200 200 403 403 403 403 200 403 403",
    "declare_recusals": "401 403 403 200 200 200 200 200 403 403 403 403 200 403 403",
    "get_counters": "401 403 403 200 200 200 200 200 200 200 200 200 200 403 403",
    "get_trial_balance": "401 403 403 403 403 403 403 403 403 403 200 403 200 403 403",
    "list_divisions": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_acceptance_points": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "get_city": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "get_conditions": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_notices": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_estates": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_waiting": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "submit_application": "401 409 422 403 403 403 403 403 403 403 403 403 403 403 403",
    "list_claims": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "confirm": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "withdraw_consent": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "record_confirmation": "401 403 403 409 403 403 403 403 403 403 403 403 403 403 403",
    "record_consent_withdrawal": "401 403 403 409 403 403 403 403 403 403 403 403 403 403 403",
    "print_form": "401 403 403 200 403 403 403 403 403 403 403 403 403 403 403",
    "get_device_key": "401 403 403 200 200 403 403 403 403 403 403 403 403 403 403",
    "print_authorisation": "401 403 403 200 200 403 403 403 403 403 403 403 403 403 403",
    "list_authorisations": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "revoke_authorisation": "401 404 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "record_authorisation": "401 403 403 415 415 403 403 403 403 403 403 403 403 403 403",
    "open_visit": "401 403 403 404 404 403 403 403 403 403 403 403 403 403 403",
    "close_visit": "401 403 403 204 204 403 403 403 403 403 403 403 403 403 403",
    "get_receipt": "401 200 404 200 404 200 404 200 403 403 403 403 403 403 403",
    "get_authorisation_photo": "401 403 403 404 404 404 404 404 403 403 403 403 403 403 403",
    "list_applications": "401 200 200 200 200 200 200 200 200 200 403 200 200 403 403",
    "get_application": "401 200 404 200 404 200 404 200 200 404 403 200 200 403 403",
    "list_lookups": "401 200 404 200 404 200 404 200 200 404 403 200 200 403 403",
    "get_assessment": "401 200 404 200 404 200 404 200 200 404 403 200 200 403 403",
    "get_comparison": "401 403 403 200 404 200 404 200 403 403 403 403 403 403 403",
    "get_review": "401 403 403 200 404 200 404 200 403 403 403 403 403 403 403",
    "list_reads": "401 200 404 200 404 200 404 200 403 403 403 403 200 403 403",
    "list_looks": "401 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
    "list_readers": "401 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
    "list_access": "401 200 404 200 404 200 404 200 200 404 403 200 200 403 403",
    "list_queries_about_me": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "object_to_query": "401 404 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "ask_export_tasks": "401 403 403 200 200 200 200 200 403 403 403 403 403 403 403",
    "ask_export_applications": "401 403 403 200 200 200 200 200 200 200 403 200 200 403 403",
    "ask_export_waiting": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "ask_export_leases": "401 403 403 403 403 403 403 403 200 200 200 200 200 403 403",
    "ask_export_bills": "401 403 403 403 403 403 403 403 200 200 200 200 200 403 403",
    "list_export_requests": "401 403 403 200 200 200 200 200 200 200 200 200 200 200 200",
    "answer_export": "401 403 403 404 404 404 404 404 404 404 404 404 404 404 404",
    "get_export_file": "401 403 403 404 404 404 404 404 404 404 404 404 404 404 404",
    "list_query_objections": "401 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
    "answer_query_objection": "401 403 403 403 403 403 403 403 403 403 403 403 404 403 403",
    "get_tenancy": "401 200 404 200 404 200 404 200 200 404 200 200 200 403 403",
    "correct_dossier": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "get_draft": "401 404 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "save_draft": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "delete_draft": "401 204 204 403 403 403 403 403 403 403 403 403 403 403 403",
    "withdraw_application": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "raise_objection": "401 409 409 409 409 409 409 409 409 409 409 409 409 409 409",
    "decide_objection": "401 403 403 403 403 409 403 403 403 403 403 403 403 403 403",
    "recuse": "401 403 403 409 403 409 403 409 403 403 403 403 403 403 403",
    "decide_application": "401 403 403 409 403 409 403 409 403 403 403 403 403 403 403",
    "leave_waiting_list": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "stream_application_events": "401 200 404 200 404 200 404 200 200 404 403 200 200 403 403",
    "answer_offer": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "get_contract": "401 200 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "get_contract_file": "401 200 404 403 403 403 403 403 200 404 403 403 403 403 403",
    "check_contract": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "sign_lease": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "list_leases": "401 200 200 403 403 403 403 403 200 200 200 200 200 403 403",
    "list_lease_bills": "401 200 200 403 403 403 403 403 200 200 200 200 200 403 403",
    "list_bills": "401 200 200 403 403 403 403 403 200 200 200 200 200 403 403",
    "get_bill": "401 200 404 403 403 403 403 403 200 404 200 200 200 403 403",
    "get_statement": "401 200 404 403 403 403 403 403 200 404 200 403 200 403 403",
    "get_statement_file": "401 200 404 403 403 403 403 403 200 404 200 403 200 403 403",
    "get_payment_receipt": "401 200 404 403 403 403 403 403 200 404 200 403 200 403 403",
    "check_payment_receipt": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_arrears_ages": "401 403 403 403 403 403 403 403 200 200 200 403 403 403 403",
    "take_cash": "401 403 403 403 403 403 403 403 409 404 409 403 403 403 403",
    "get_cash_desk": "401 403 403 403 403 403 403 403 200 200 200 403 200 403 403",
    "count_cash": "401 403 403 403 403 403 403 403 409 404 409 403 403 403 403",
    "deposit_cash": "401 403 403 403 403 403 403 403 404 404 404 403 403 403 403",
    "start_payment": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "add_units": "401 403 403 403 403 403 403 403 409 403 403 403 403 403 403",
    "offer_vacant_units": "401 403 403 403 403 403 403 403 200 403 403 403 403 403 403",
    "list_policies": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "get_policy": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_rule_articles": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "get_visits": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_policy_drafts": "401 403 403 403 403 403 403 200 403 403 403 403 200 403 403",
    "get_policy_draft": "401 403 403 403 403 403 403 200 403 403 403 403 200 403 403",
    "save_policy_draft": "401 403 403 403 403 403 403 422 403 403 403 403 403 403 403",
    "publish_policy": "401 403 403 403 403 403 403 409 403 403 403 403 403 403 403",
    "file_anonymous_complaint": "201 201 201 201 201 201 201 201 201 201 201 201 201 201 201",
    # Ten wrong codes, and nobody gets in for an hour.
    "follow_complaint": "404 404 404 404 404 404 404 404 404 404 429 429 429 429 429",
    "add_photo_with_code": "415 415 415 415 415 415 415 415 415 415 415 415 415 415 415",
    "get_photo_with_code": "404 404 404 404 404 404 404 404 404 404 429 429 429 429 429",
    "add_complaint_photo": "401 415 415 415 415 415 415 415 415 415 415 415 415 415 415",
    "get_complaint_photo": "401 404 404 404 404 404 404 404 404 404 403 403 404 403 403",
    "respond_with_code": "422 422 422 422 422 422 422 422 422 422 422 422 422 422 422",
    "file_complaint": "401 201 201 422 422 422 422 422 403 403 403 403 403 403 403",
    "list_my_complaints": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "list_complaints": "401 403 403 200 200 200 200 200 200 200 403 403 200 403 403",
    "get_complaint": "401 200 404 404 404 200 404 200 404 404 403 403 200 403 403",
    "respond_to_complaint": "401 409 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "handle_complaint": "401 403 403 404 404 409 404 403 403 403 403 403 403 403 403",
    "withdraw_policy": "401 403 403 403 403 403 403 409 403 403 403 403 403 403 403",
    "list_services": "401 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "evaluate_service": "401 404 404 403 403 403 403 403 403 403 403 403 403 403 403",
    "open_counter_visit": "401 403 403 200 404 403 403 403 403 403 403 403 403 403 403",
    "get_visit": "404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
    "evaluate_visit": "404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
    "get_evaluation_figures": "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200",
    "list_follow_ups": "401 403 403 403 403 200 200 200 403 403 403 403 200 403 403",
    "export_query_objections": "401 403 403 403 403 403 403 403 403 403 403 403 200 403 403",
    "export_follow_ups": "401 403 403 403 403 200 200 200 403 403 403 403 200 403 403",
    "answer_follow_up": "401 403 403 403 403 404 404 404 403 403 403 403 403 403 403",
}
# The whole name and number are in no other answer; officials who do not review the case see both masked.
WHOLE_TO = {
    "get_session": {"household"},
    "get_application": {"household", "street clerk", "district reviewer", "city reviewer"},
}
# A contract names its tenant in full, to himself, and gives nobody his number.
NAME_TO = {"get_contract": {"household"}}
OPERATIONS = {operation.id: operation for operation in openapi.operations()}


@dataclass(frozen=True)
class Scene:
    url: str
    people: dict[str, Person | None]
    names: dict[str, str]
    bodies: dict[str, Any]
    member: dict[str, Any]

    async def ask(self, operation: Operation, person: Person | None) -> tuple[int, str]:
        """Status and text of the answer; a stream's text is left alone, it does not end."""
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"} if operation.method != "GET" else {}
        if person is not None:
            headers["Authorization"] = f"Bearer {await person.token()}"
        names = self.names | ({"no": self.names["lease"]} if "/leases/" in operation.path or "/contracts/" in operation.path else {})
        names |= {"id": self.names["message"]} if "/inbox/" in operation.path else {}
        names |= {"id": "order-11"} if "/polic" in operation.path else {}
        names |= {"no": self.names["complaint"], "number": "1"} if "complaints/" in operation.path else {}
        names |= {"code": "A" * 16} if "/receipts/" in operation.path else {}
        path = operation.path.format_map(names)
        path += f"?device={uuid4()}" if operation.id == "get_device_key" else ""
        options = {} if operation.body is None else {"json": self.bodies.get(operation.id, {})}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http,
            http.request(operation.method, self.url + path, headers=headers, **options) as response,
        ):
            return response.status, "" if operation.stream and response.status == 200 else (await response.read()).decode(errors="replace")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(box: RunningBox, families: Families) -> Scene:
    family = await families.one("410202")
    offer = await home_for(box, family)
    await family.accept_offer()
    await family.sign()
    await family.pay("deposit")
    await family.lease_is("active")
    stranger: Household = await families.one("410202")
    message = (await family.applicant.get("/inbox"))["items"][0]["id"]
    unit = offer["unit"]
    official = box.town.official
    people = dict(
        zip(
            PEOPLE,
            (
                None,
                family.applicant,
                stranger.applicant,
                official("street_clerk", family.street),
                official("street_clerk", STREET_ELSEWHERE),
                official("district_reviewer", family.district),
                official("district_reviewer", ELSEWHERE),
                official("city_reviewer", "4102"),
                official("house_manager", family.district),
                official("house_manager", ELSEWHERE),
                official("finance", "4102"),
                official("operator", "4102"),
                official("auditor", "4102"),
                official("user_admin", "4102"),
                official("audit_admin", "4102"),
            ),
            strict=True,
        )
    )
    letter = {"kind": "complaint", "division": family.street}
    complaint = (await family.applicant.post("/complaints", {**letter, "text": "楼道的灯坏了，没有人来修。"}))["no"]

    async def at_its_desk() -> bool:
        return bool((await family.applicant.get(f"/complaints/{complaint}"))["stage"] == "accepting")

    await eventually(at_its_desk, what="the complaint at its desk")
    account = (await family.applicant.get(f"/leases/{family.lease_no}/statement"))["lines"]
    names = {
        "complaint": complaint,
        "no": family.no,
        "lease": family.lease_no,
        "mark": (await family.applicant.get(f"/leases/{family.lease_no}/contract"))["digest"][:16],
        "receipt_no": next(line["receipt_no"] for line in account if line["receipt_no"]),
        "id": offer["id"],
        "message": message,
        "code": family.district,
        "period": "deposit",
        "index": "1",
        "list": "leases",
        "account": "s-city_reviewer-4102",
    }
    dossier = {"dossier": family.dossier}
    # The household already has a case; and nobody else may apply in its name.
    bodies = {
        "submit_application": {**dossier, "consent": {"text_version": CONSENT_VERSION, "registers": REGISTERS}},
        "correct_dossier": dossier,
        "save_draft": {"version": 0, "form": {}},
        "keep_view": {"list": "/cases", "name": "我的"},
        "set_reach": {"sms": True, "quiet": True},
        "confirm": {"agrees": True, "text_version": CONSENT_VERSION},
        "print_form": dossier,
        "record_consent_withdrawal": {"document": "身份证原件"},
        "open_visit": {"authorisation_id": "nobodys", "purpose": "ask"},
        "record_confirmation": {"channel": "counter", "document": "身份证原件"},
        "raise_objection": {"text": "异议"},
        "object_to_query": {"text": "我没有同意过"},
        "answer_query_objection": {"founded": False, "answer": "查询有授权"},
        "decide_objection": {"upheld": False, "answer": "答复"},
        "decide_application": {"decision": "approve"},
        "answer_offer": {"accept": True},
        "take_cash": {"amount_fen": 100},
        "count_cash": {"point": family.district, "counted_fen": 100},
        "deposit_cash": {"slip_no": "1", "slip_fen": 100},
        "sign_lease": {"acknowledged": True, "digest": "0" * 64},
        "choose_capacity": {"capacity": "nobodys"},
        # The account is another person's.
        "appoint": {
            "account": "s-city_reviewer-4102",
            "name": "安示例",
            "id_number": "990101199001010011",
            "duty": "city_reviewer",
            "unit": "4102",
            "from_on": "2099-01-01",
        },
        "end_appointment": {"work_to": "pool"},
        "confirm_appointment": {"confirmed": True},
        "set_cover": {"absent": "nobody", "substitute": "nobody-else", "from_on": "2099-01-01", "until_on": "2099-01-02"},
        "publish_policy": {"digest": "0" * 64},
        "evaluate_service": {"level": "satisfied"},
        "evaluate_visit": {"level": "satisfied"},
        "open_counter_visit": {"application_no": family.no},
        "answer_follow_up": {"result": "explained", "answer": "已说明"},
        "withdraw_policy": {"from_on": "2026-01-01", "reason": "过去的日期"},
        "search": {"words": family.no},
        "file_complaint": {**letter, "text": "电梯停了三天，请派人来看。"},
        "file_anonymous_complaint": {**letter, "text": "有人在楼道里堆杂物。"},
        "follow_complaint": {"no": "TS-2026-900000", "code": "AAAA-AAAA-AAAA-AAAA"},
        "get_photo_with_code": {"no": "TS-2026-900002", "code": "AAAA-AAAA-AAAA-AAAA", "number": 1},
        "respond_with_code": {"no": "TS-2026-900001", "code": "AAAA-AAAA-AAAA-AAAA", "action": "rate"},
        "respond_to_complaint": {"action": "rate", "score": 5},
        "handle_complaint": {"action": "answer", "text": "已经修好。"},
        **{name: {"purpose": "office"} for name in MATRIX if name.startswith("export_")},
        "export_waiting": {"purpose": "office", "district": family.district},
        **{name: {"purpose": "office", "reason": "年度统计"} for name in MATRIX if name.startswith("ask_export_")},
        "ask_export_waiting": {"purpose": "office", "reason": "年度统计", "district": family.district},
        "answer_export": {"approve": False},
        "resume_workflow": {"workflow_id": f"application/{family.no}", "reason": "已补上模板"},
        "send_again": {"service": "notifications", "entry": 10**9, "reason": "短信平台已恢复"},
        "repair_workflow": {"workflow_id": f"lease/{family.lease_no}", "reason": "误终止"},
        # The estate stands elsewhere, says the record; so nothing is added.
        "add_units": {
            "units": [
                {
                    "estate_id": unit["estate_id"],
                    "estate_name": unit["estate_name"],
                    "district": family.district,
                    "address": "别处 1 号",
                    "number": "测试楼 1",
                    "bedrooms": 1,
                    "area_centi_sqm": 4000,
                    "deposit_fen": 0,
                }
            ]
        },
    }
    return Scene(box.url, people, names, bodies, family.dossier["members"][0])


def test_every_operation_has_its_row_and_every_person_a_column() -> None:
    assert set(MATRIX) == set(OPERATIONS)
    assert {len(row.split()) for row in MATRIX.values()} == {len(PEOPLE)}


@pytest.mark.parametrize("id", sorted(OPERATIONS))
async def test_an_operation_answers_each_person_as_reviewed(scene: Scene, id: str) -> None:
    answers = {who: await scene.ask(OPERATIONS[id], person) for who, person in scene.people.items()}
    assert " ".join(str(status) for status, _ in answers.values()) == MATRIX[id]
    for secret, more in ((scene.member["id_number"], {}), (scene.member["name"], NAME_TO)):
        assert {who for who, (_, text) in answers.items() if secret in text} == WHOLE_TO.get(id, set()) | more.get(id, set())
    if OPERATIONS[id].access is not Access.PUBLIC:
        # Lists are 200 for everybody who may have one; the household is in none of those who are not concerned with it.
        strangers = {"other citizen", *(who for who in PEOPLE if who.endswith("elsewhere"))}
        assert {who for who in strangers if scene.names["no"] in answers[who][1] and answers[who][0] < 400} == set()


async def test_an_official_who_probes_for_people_is_told_to_the_auditors(box: RunningBox) -> None:
    """By a message, once; by a number on their first page; and in the list it leads to."""
    prober, auditor = box.town.official("street_clerk", STREET_ELSEWHERE), box.town.official("auditor", "4102")
    account = (await prober.get("/session"))["sub"]
    for _ in range(22):
        assert (await prober.post("/searches", {"words": "查无此人"}))["items"] == []

    async def told() -> list[dict[str, Any]]:
        messages = (await auditor.get("/inbox", limit="100"))["items"]
        return [each for each in messages if each["template"] == "bulk_read" and account in each["body"]]

    [message] = await eventually(told, what="the message to the auditors")
    assert (message["leads_to"], message["application_no"]) == ("readers", "")
    desk = await auditor.get("/desk")
    counted = next(each["count"] for each in desk["figures"] if each["name"] == "readers_alarmed")
    listed = (await auditor.get("/readers", alarmed="true", since=desk["since"], limit="100"))["items"]
    assert counted == len(listed)
    [row] = [each for each in listed if each["reader"] == account and each["service"] == "casework"]
    assert (row["misses"], row["misses_alarm_above"], bool(row["alarmed_at"])) == (22, 20, True)
    assert len(await told()) == 1
