from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju.registry.v1 import registry_pb2 as registry
from anju_contracts import application
from anju_terms import terms, vocabularies
from pydantic import BaseModel, ValidationError
from web_gateway import openapi
from web_gateway.api.convert import answered, enum_name, enum_number, to_dict, to_model
from web_gateway.api.layer import Access, Api, Call, Params
from web_gateway.api.subjects import APIS, applications, catalogue, dossier
from web_gateway.api.titles import REGISTERS, STAGES
from web_gateway.api.violations import violations

ROOT = Path(__file__).parents[3]


def test_protos_become_plain_values() -> None:
    message = casework.Application(no="KF-2026-000123", version=3, household_size=2)
    message.deadline_at.FromDatetime(datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC))
    message.objections.add(id="o-1")
    raw = to_dict(message)
    assert raw["deadline_at"].isoformat() == "2026-11-23T23:59:59+08:00"
    assert raw["submitted_at"] is None
    assert raw["dossier"] is None
    assert raw["objections"][0]["id"] == "o-1"
    for always in (message.submitted_at, message.updated_at):
        always.FromJsonString("2026-11-20T01:00:00Z")
    assert (
        '"deadline_at":"2026-11-23T23:59:59+08:00"' in to_model(applications.ApplicationSummary, message, stage_title="").model_dump_json()
    )


@pytest.mark.parametrize(
    ("file", "name", "values"),
    [
        (common, "LookupOutcome", {"found", "no_record", "unknown_person", "mismatch", "unavailable"}),
        (eligibility, "Verdict", {"met", "not_met", "needs_review", "not_applicable"}),
        (casework, "Decision", {"approve", "return", "refuse", "hand_on"}),
    ],
)
def test_enums_lose_their_prefix_and_get_it_back(file: Any, name: str, values: set[str]) -> None:
    enum = file.DESCRIPTOR.enum_types_by_name[name]
    assert {enum_name(enum, value.number) for value in enum.values} == values | {None}
    assert {enum_name(enum, enum_number(enum, value)) for value in values} == values
    assert enum_name(enum, 99) is None
    with pytest.raises(KeyError):
        enum_number(enum, "root")


def test_the_owner_and_later_fields_do_not_leave_the_house() -> None:
    message = casework.Application(no="KF-2026-000123", owner="c-secret", profile_version="p")
    for always in (message.submitted_at, message.updated_at):
        always.FromJsonString("2026-11-20T01:00:00Z")
    assert "c-secret" not in to_model(applications.Application, message, stage_title="").model_dump_json()


def test_what_a_household_declares_is_read_by_its_own_definition_and_may_be_newer() -> None:
    declared = {
        "category": "veteran",
        "members": [
            {"name": "安", "id_number": "x", "relation": "applicant", "birth_date": "1990-01-01", "annual_income_fen": 1, "employer": ""}
        ],
        "homes": [],
        "vehicles": [],
        "marital_status": "single",
        **dict.fromkeys(("district", "street", "community"), "410202"),
        "address": "",
        "phone": "",
    }
    assert wrong(applications.CorrectDossier, {"dossier": declared}) == {"/dossier/category": "not_in_list"}
    assert answered(dossier.Dossier, declared).category == "veteran"
    schemas = openapi.document()["components"]["schemas"]
    assert schemas["Application"]["properties"]["dossier"]["anyOf"][0] == schemas["CorrectDossier"]["properties"]["dossier"]
    assert schemas["Dossier"]["properties"]["category"]["enum"] == list(terms("categories"))


# Of the platform itself, and what a closed list of its own says.
STATES_OF_THEIR_OWN = ("Intent", "Claim", "MemberConsent", "Part", "Office", "Registers", "Engine")


def test_answers_name_the_vocabulary_of_a_code_and_leave_the_list_open() -> None:
    for name, schema in openapi.document()["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            if field in ("stage", "waiting_on", "register") or (field == "state" and name not in STATES_OF_THEIR_OWN):
                assert shape["x-vocabulary"] in vocabularies(), (name, field)
                assert "enum" not in shape


def test_every_stage_and_register_has_both_titles() -> None:
    assert {stage: term.zh for stage, term in STAGES.items()} == application.moves(tuple(terms("levels")), "district").stages
    assert set(REGISTERS) == set(terms("registers"))
    assert all(term.en.isascii() and term.en for term in (*STAGES.values(), *REGISTERS.values()))


def test_the_committed_document_is_what_the_operations_say() -> None:
    assert (ROOT / "services/web-gateway/openapi.json").read_text(encoding="utf-8") == openapi.text(), "run: python -m web_gateway.openapi"


def test_the_document_is_complete() -> None:
    document = openapi.document()
    operations = [op for methods in document["paths"].values() for op in methods.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    used = str(document["paths"]) + str(document["components"])
    for operation in operations:
        assert operation["summary"]
        assert operation["tags"][0] in {api.tag for api in APIS}
        assert any(status.startswith("4") for status in operation["responses"])
        assert "security" in operation
    for name in document["components"]["schemas"]:
        if name not in ("Problem", "ApplicationEvent"):
            assert f"#/components/schemas/{name}'" in used, f"{name} is not used"


def test_every_operation_of_the_agreed_table_exists() -> None:
    """The table both sides were built from; removing a line breaks pages already on people's phones."""
    agreed = """
        GET /acceptance-points
        POST /anonymous-complaints
        POST /anonymous-complaints/lookup
        POST /anonymous-complaints/photo
        POST /anonymous-complaints/photos
        POST /anonymous-complaints/response
        GET /applications
        POST /applications
        GET /applications/{no}
        GET /applications/{no}/access-log
        GET /applications/{no}/assessment
        GET /applications/{no}/authorisation.jpg
        GET /applications/{no}/comparison
        POST /applications/{no}/confirmation
        POST /applications/{no}/confirmation/withdrawal
        POST /applications/{no}/decision
        PUT /applications/{no}/dossier
        GET /applications/{no}/events
        GET /applications/{no}/lookups
        POST /applications/{no}/members/{index}/confirmation
        POST /applications/{no}/members/{index}/confirmation/withdrawal
        POST /applications/{no}/objections
        POST /applications/{no}/objections/{id}/decision
        GET /applications/{no}/reads
        GET /applications/{no}/receipt.pdf
        POST /applications/{no}/recusal
        GET /applications/{no}/review
        GET /applications/{no}/tenancy
        POST /applications/{no}/waiting-exit
        POST /applications/{no}/withdrawal
        GET /arrears-ages
        GET /bills
        GET /broadcasts
        POST /broadcasts
        GET /broadcasts/{id}
        POST /broadcasts/{id}/step
        POST /cash-counts
        POST /cash-counts/{id}/deposit
        GET /cash-desk
        GET /city
        POST /complaints
        GET /complaints
        GET /complaints/{no}
        POST /complaints/{no}/handling
        POST /complaints/{no}/photos
        GET /complaints/{no}/photos/{number}
        POST /complaints/{no}/response
        GET /conditions
        GET /confirmations
        GET /contracts/{no}/{mark}
        POST /counter-visits
        GET /counter/authorisation.pdf
        POST /counter/authorisations
        GET /counter/device-key
        POST /counter/form
        POST /counter/visits
        DELETE /counter/visits/{id}
        GET /counters
        GET /desk
        POST /districts/{code}/offers
        GET /districts/{code}/waiting-list
        GET /divisions
        PUT /drafts/{no}
        DELETE /drafts/{no}
        GET /drafts/{no}
        GET /estates
        GET /evaluations
        GET /export-requests
        POST /export-requests/applications
        POST /export-requests/bills
        POST /export-requests/leases
        POST /export-requests/tasks
        POST /export-requests/waiting-list
        POST /export-requests/{list}/{id}/answer
        GET /export-requests/{list}/{id}/file
        POST /exports/applications
        POST /exports/bills
        POST /exports/complaints
        POST /exports/follow-ups
        POST /exports/leases
        POST /exports/looks
        POST /exports/operator-steps
        POST /exports/organisation-changes
        POST /exports/query-objections
        POST /exports/readers
        POST /exports/tasks
        POST /exports/trial-balance
        POST /exports/waiting-list
        GET /follow-ups
        POST /follow-ups/{id}/answer
        GET /inbox
        POST /inbox/{id}/read
        GET /leases
        GET /leases/{no}/bills
        GET /leases/{no}/bills/{period}
        POST /leases/{no}/bills/{period}/cash
        POST /leases/{no}/bills/{period}/payments
        GET /leases/{no}/contract
        GET /leases/{no}/contract.pdf
        GET /leases/{no}/receipts/{receipt_no}.pdf
        POST /leases/{no}/signature
        GET /leases/{no}/statement
        GET /leases/{no}/statement.pdf
        GET /ledger/trial-balance
        GET /letters
        POST /letters/print
        POST /letters/{id}/step
        GET /looks
        GET /message-templates
        GET /my-complaints
        GET /myself/authorisations
        DELETE /myself/authorisations/{id}
        GET /myself/queries
        POST /myself/queries/{id}/objection
        GET /myself/reach
        PUT /myself/reach
        PUT /myself/recusals
        GET /myself/recusals
        GET /notices
        POST /offers/{id}/answer
        GET /operations
        POST /operations/deliveries
        POST /operations/repairs
        POST /operations/resumptions
        GET /operations/steps
        POST /organisation/appointments
        GET /organisation/appointments
        POST /organisation/appointments/{id}/confirmation
        POST /organisation/appointments/{id}/end
        GET /organisation/changes
        POST /organisation/covers
        POST /organisation/covers/{id}/end
        GET /organisation/people/{account}
        GET /organisation/units
        GET /payment-receipts/{receipt_no}/{mark}
        GET /policies
        GET /policies/{id}
        POST /policies/{id}/withdrawal
        GET /policy-articles
        GET /policy-drafts
        PUT /policy-drafts/{id}
        GET /policy-drafts/{id}
        POST /policy-drafts/{id}/publication
        GET /query-objections
        POST /query-objections/{id}/answer
        GET /readers
        GET /receipts/{code}
        POST /receipts/{code}/evaluation
        POST /searches
        GET /services
        POST /services/{id}/evaluation
        GET /session
        PUT /session/acting
        GET /tasks
        POST /units
        GET /views
        DELETE /views/{id}
        PUT /views/{id}
        GET /visits
    """
    wanted = {line.strip() for line in agreed.splitlines() if line.strip()}
    found = {f"{op.method} {op.path.removeprefix('/api/v1')}" for op in openapi.operations()}
    assert found == wanted


def test_public_operations_are_exactly_the_agreed_ones() -> None:
    public = {op.id for op in openapi.operations() if op.access is Access.PUBLIC}
    assert public == {
        "get_city",
        "list_divisions",
        "list_acceptance_points",
        "get_conditions",
        "list_notices",
        "list_estates",
        "list_waiting",
        "check_contract",
        "check_payment_receipt",
        "list_policies",
        "get_policy",
        "list_rule_articles",
        "get_visits",
        "get_visit",
        "get_evaluation_figures",
    }


def test_who_has_not_signed_on_may_say_something_and_nothing_else() -> None:
    strangers = {op.id for op in openapi.operations() if op.access in (Access.STRANGER, Access.ANYONE)}
    assert strangers == {
        "file_anonymous_complaint",
        "follow_complaint",
        "respond_with_code",
        "add_photo_with_code",
        "get_photo_with_code",
        "evaluate_visit",
    }


def test_everything_unsafe_is_idempotent_and_signed_on() -> None:
    for operation in openapi.operations():
        if operation.method != "GET":
            assert operation.idempotent or operation.id in (
                "mark_message_read",
                "set_reach",
                "print_letters",
                "mark_letter",
                "step_broadcast",
                "choose_capacity",
                "save_policy_draft",
                "publish_policy",
                "withdraw_policy",
                "evaluate_service",
                "open_counter_visit",
                "evaluate_visit",
                "answer_follow_up",
                "search",
                "follow_complaint",
                "get_photo_with_code",
                "export_tasks",
                "export_applications",
                "export_waiting",
                "export_leases",
                "export_bills",
                "export_complaints",
                "export_readers",
                "export_looks",
                "export_operator_steps",
                "export_follow_ups",
                "export_query_objections",
                "export_organisation_changes",
                "export_trial_balance",
                "save_draft",
                "delete_draft",
                "keep_view",
                "remove_view",
                # It keeps nothing, and a visit ends once.
                "print_form",
                "close_visit",
                "revoke_authorisation",
            )
            assert operation.access is not Access.PUBLIC
            assert operation.body is not None or operation.method == "DELETE"


def test_every_reason_a_service_declares_has_a_problem_page() -> None:
    """Read from the services' source, which the gateway may not import: a reason without a page is a link to nowhere."""
    reasons = set()
    for file in (ROOT / "services").glob("*/src/*/**/errors.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    reasons.add(str(first.value))
    internal = {
        "NO_SUCH_ROUND",
        "NO_TEMPLATE",
        "EXISTS_WITH_DIFFERENT_AMOUNT",
        "PURPOSE_NOT_ALLOWED",
        "UNKNOWN_CATEGORY",
        "UNKNOWN_PROFILE_VERSION",
        "BAD_CALLBACK",
        "WRONG_MERCHANT",
        "BAD_RECEIPT_SIGNATURE",
        "BAD_RECEIPTS",
        "NOT_REGISTERED",
        "ALREADY_ADMINISTERED",
    }  # said to workflows, services, operators' commands, the bank and the SMS gateway only
    assert reasons
    assert reasons - internal <= set(catalogue().kinds)


def test_a_wrong_declaration_fails_at_import() -> None:
    api = Api("t", "Title")

    async def undocumented(call: Call) -> None: ...

    async def lost(call: Call, params: Params) -> None:
        """Documented."""

    async def changes(call: Call) -> None:
        """Documented."""

    with pytest.raises(TypeError):
        api.get("/a")(undocumented)
    with pytest.raises(TypeError):
        api.get("/{no}")(lost)
    with pytest.raises(TypeError):
        api.post("/a", access=Access.PUBLIC)(changes)
    api.post("/a")(changes)
    with pytest.raises(TypeError):
        api.post("/b")(changes)


def wrong(model: type[BaseModel], value: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(value)
    found = violations(refused.value)
    assert all(item.zh and item.en for item in found)
    return {item.pointer: item.code for item in found}


def test_violations_point_and_never_repeat_what_was_sent() -> None:
    member = {"name": "x" * 200, "id_number": 410202199001011234, "relation": "aunt", "birth_date": "1990-01-01", "surprise": 1}
    found = wrong(applications.CorrectDossier, {"dossier": {"members": [member], "homes": [{"share_percent": 101}]}})
    assert found["/dossier/members/0/name"] == "too_long"
    assert found["/dossier/members/0/id_number"] == "wrong_type"
    assert found["/dossier/members/0/relation"] == "not_in_list"
    assert found["/dossier/members/0/surprise"] == "unknown_field"
    assert found["/dossier/homes/0/share_percent"] == "out_of_range"
    assert found["/dossier/phone"] == "required"
    with pytest.raises(ValidationError) as refused:
        applications.CorrectDossier.model_validate({"dossier": {"members": [member]}})
    assert "410202199001011234" not in str([(v.pointer, v.zh, v.en) for v in violations(refused.value)])


def test_pointers_are_escaped_and_bounded() -> None:
    assert wrong(applications.Withdraw, {"a/b~c": 1}) == {"/a~1b~0c": "unknown_field"}
    assert len(wrong(applications.Withdraw, {str(number): 1 for number in range(500)})) <= 50
    assert max(len(pointer) for pointer in wrong(applications.Withdraw, {"x" * 5000: 1})) <= 200


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 10**13 + 1])
def test_money_is_a_whole_number_of_fen(value: object) -> None:
    assert "/value_fen" in wrong(dossier.Vehicle, {"plate": "x", "value_fen": value})


def test_lookups_keep_silence_apart_from_an_answer() -> None:
    state = registry.RegisterState(register="vehicles", tries=2)
    raw = {**to_dict(state), "title": "x", "summary": ""}
    assert applications.Lookup.model_validate(raw).model_dump(by_alias=True)["outcome"] is None


def test_an_answer_with_a_token_or_a_number_in_it_is_secret() -> None:
    schemas = openapi.document()["components"]["schemas"]

    def fields(shape: Any, seen: frozenset[str] = frozenset()) -> set[str]:
        if isinstance(shape, list):
            return {name for item in shape for name in fields(item, seen)}
        if not isinstance(shape, dict):
            return set()
        name = str(shape.get("$ref", "")).rpartition("/")[2]
        inner = fields(schemas[name], seen | {name}) if name and name not in seen else set()
        return inner | set(shape.get("properties", {})) | {each for value in shape.values() for each in fields(value, seen)}

    found = set()
    for operation in openapi.operations():
        if operation.answer is not None and fields(schemas.get(operation.answer.__name__, {})) & {"csrf_token", "id_number", "phone"}:
            found.add(operation.answer.__name__)
            assert not operation.compresses, operation.id
    assert found == {"Application", "Draft", "SessionView"}
