from __future__ import annotations

import json

import grpc
import pytest
from anju_people.index import PersonIndex
from chassis import errors
from chassis.crypto import KeyRing
from chassis.errors import FieldViolation, Refusal
from chassis.errors import Problem as ServiceProblem
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from web_gateway.api.body import MAX_DEPTH, BadJsonError, parse
from web_gateway.api.subjects import catalogue
from web_gateway.edge.access import caller
from web_gateway.edge.language import negotiate
from web_gateway.edge.limits import Addresses, Buckets, address_key, headers
from web_gateway.edge.oidc import SignOnRefusedError, person
from web_gateway.edge.session import Prefill
from web_gateway.edge.signon import next_path
from web_gateway.settings import Settings

PEOPLE = PersonIndex(KeyRing.generate())

# -- strict JSON ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"{} {}", "malformed"),
        (b"{'a': 1}", "malformed"),
        (b'{"a": 1,}', "malformed"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b"\xff", "not_utf8"),
        (b'"\xed\xa0\x80"', "not_utf8"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"x": {"a": 1, "\\u0061": 2}}', "duplicate_key"),
        (b"NaN", "not_a_number"),
        (b"[-Infinity]", "not_a_number"),
        (b"1e999", "number_too_large"),
        (b"9007199254740992", "number_too_large"),
        (b"1" * 5000, "number_too_large"),
        (b'"\\ud800"', "bad_character"),
        (b'{"\\udfff": 1}', "bad_character"),
        (b'"a\\u0000b"', "bad_character"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
        (b'{"a":' * 30_000, "too_deep"),
        (b"[" * 60_000, "too_deep"),
    ],
)
def test_json_that_readers_could_take_differently_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(BadJsonError) as refused:
        parse(raw)
    assert refused.value.code == code


def test_ordinary_json_is_read_as_it_is() -> None:
    value = {"名": "张·三𠮷", "n": 2**53 - 1, "f": -0.5, "l": [[], {}, None, True], "braces": '[[[[[[[[[[[[[[[[[[[[[[ " \\'}
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@given(st.binary(max_size=300) | st.text(alphabet='{}[]",:\\u0a1e.-NI', max_size=300).map(str.encode))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        value = parse(raw)
    except BadJsonError:
        return
    assert json.loads(raw) == value


# -- language -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.5", "zh-CN"),
        ("fr, en;q=0.1", "en"),
        ("fr", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("en;q=nan, zh;q=x", "zh-CN"),
        ("EN-gb", "en"),
        ("zh-Hant-TW", "zh-CN"),
        ("," * 5000 + "en", "zh-CN"),
    ],
)
def test_language(header: str, locale: str) -> None:
    assert negotiate(header) == locale


def test_language_falls_back_to_the_persons_own() -> None:
    assert negotiate("", "en") == "en"
    assert negotiate("zh", "en") == "zh-CN"


# -- limits ---------------------------------------------------------------------------------------------------------------


def test_a_bucket_empties_and_fills_again() -> None:
    now = 0.0
    buckets = Buckets("person", 60, clock=lambda: now)
    taken = [buckets.take("a") for _ in range(61)]
    assert [t.allowed for t in taken] == [True] * 60 + [False]
    assert taken[0].remaining == 59
    assert headers([taken[-1]]) == {"RateLimit-Policy": '"person";q=60;w=60', "RateLimit": '"person";r=0;t=1', "Retry-After": "1"}
    assert buckets.take("b").allowed
    now = 1.0
    assert [buckets.take("a").allowed for _ in range(2)] == [True, False]
    now = 1000.0
    assert sum(buckets.take("a").allowed for _ in range(100)) == 60


def test_memory_is_bounded_and_the_busiest_are_remembered() -> None:
    buckets = Buckets("address", 5, clock=lambda: 0.0, capacity=10)
    for number in range(1000):
        buckets.take("attacker")
        buckets.take(f"other-{number}")
    assert len(buckets) == 10
    assert not buckets.take("attacker").allowed


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),  # nobody we trust: the header is the sender's own invention
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # what stands left of the first stranger may be forged
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["rubbish"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("", ["1.2.3.4"], ""),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),  # listening on both families
    ],
)
def test_only_our_own_proxies_say_who_is_behind_them(peer: str, forwarded: list[str], seen: str) -> None:
    assert Addresses(("10.0.0.0/8",)).of(peer, forwarded) == seen


def test_an_ipv6_network_counts_as_one() -> None:
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:2") != address_key("2001:db8:0:1::1")
    assert address_key("192.0.2.1") == "192.0.2.1"
    assert address_key("unix") == "unix"


def test_ipv4_people_on_a_socket_of_both_families_do_not_share_one_limit() -> None:
    assert address_key("::ffff:192.0.2.1") == "192.0.2.1" != address_key("::ffff:192.0.2.2")


# -- sign-on --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/staff", "/staff/tasks?x=1&y=2", "/cases/KF-2026-000123", "/a%20b"])
def test_the_way_back_stays_on_this_site(path: str) -> None:
    assert next_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "/a\nb",
        "/a\r\nSet-Cookie: x",
        "javascript:alert(1)",
        "/" + "a" * 600,
        "/\t/evil",
    ],
)
def test_the_way_back_never_leaves_it(path: str) -> None:
    assert next_path(path) == "/"


def test_claims_become_a_person_and_nothing_else() -> None:
    staff = person(
        {"sub": "s-1", "kind": "staff", "name": "王", "roles": ["finance", "root", 7], "divisions": ["4102", "x", 5], "id_number": "1"},
        PEOPLE,
    )
    # What he may do is not the sign-on's to say.
    assert (staff.roles, staff.divisions, staff.prefill) == ((), (), None)
    citizen = person(
        {"sub": "c-1", "kind": "citizen", "roles": ["finance"], "divisions": ["4102"], "real_name": "张", "id_number": "9x", "phone": "1"},
        PEOPLE,
    )
    assert (citizen.roles, citizen.divisions, citizen.prefill) == ((), (), Prefill("张", "9x", "1"))


def test_a_verified_number_travels_as_its_index_and_no_number_as_none() -> None:
    claims = {"sub": "c-1", "kind": "citizen", "id_number": "9x"}
    known = caller(person(claims, PEOPLE), "zh-CN")
    assert known.person == PEOPLE.of("９ Ｘ") != ""
    assert "9x" not in repr(known)
    assert caller(person({"sub": "c-1", "kind": "citizen"}, PEOPLE), "zh-CN").person == ""
    assert PersonIndex(KeyRing.generate()).of("9X") != known.person


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "c-1"},
        {"sub": "c-1", "kind": "system"},
        {"sub": "", "kind": "citizen"},
        {"sub": "a b", "kind": "citizen"},
        {"sub": 1, "kind": "staff"},
    ],
)
def test_claims_that_name_nobody_are_refused(claims: dict[str, object]) -> None:
    with pytest.raises(SignOnRefusedError):
        person(claims, PEOPLE)


# -- problems -------------------------------------------------------------------------------------------------------------

CODES = grpc.StatusCode
CATALOGUE = catalogue()


@pytest.mark.parametrize(
    ("status", "reason", "fields", "http", "code"),
    [
        (CODES.INVALID_ARGUMENT, "INVALID_FIELDS", True, 422, "INVALID_FIELDS"),
        (CODES.INVALID_ARGUMENT, "BAD_CURSOR", False, 400, "BAD_CURSOR"),
        (CODES.INVALID_ARGUMENT, "WHATEVER", False, 400, "BAD_REQUEST"),
        (CODES.UNAUTHENTICATED, "UNAUTHENTICATED", False, 401, "UNAUTHENTICATED"),
        (CODES.PERMISSION_DENIED, "OUT_OF_DIVISION", False, 403, "OUT_OF_DIVISION"),
        (CODES.NOT_FOUND, "NOT_FOUND", False, 404, "NOT_FOUND"),
        (CODES.NOT_FOUND, "NO_ASSESSMENT", False, 404, "NO_ASSESSMENT"),
        (CODES.ALREADY_EXISTS, "HOUSEHOLD_HAS_APPLICATION", False, 409, "HOUSEHOLD_HAS_APPLICATION"),
        (CODES.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", False, 422, "IDEMPOTENCY_KEY_REUSED"),
        (CODES.FAILED_PRECONDITION, "TASK_NOT_OPEN", False, 409, "TASK_NOT_OPEN"),
        (CODES.FAILED_PRECONDITION, "NEW_IN_A_SERVICE", False, 409, "CONFLICT"),
        (CODES.ABORTED, "VERSION_MISMATCH", False, 412, "VERSION_MISMATCH"),
        (CODES.RESOURCE_EXHAUSTED, "X", False, 429, "TOO_MANY_REQUESTS"),
        (CODES.UNAVAILABLE, "BANK_UNAVAILABLE", False, 503, "BANK_UNAVAILABLE"),
        (CODES.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", False, 504, "DEADLINE_EXCEEDED"),
        (CODES.INTERNAL, "INTERNAL", False, 500, "INTERNAL"),
        (CODES.UNKNOWN, "NOT_FOUND", False, 500, "INTERNAL"),
    ],
)
def test_a_refusal_becomes_its_problem(status: grpc.StatusCode, reason: str, fields: bool, http: int, code: str) -> None:
    violations = (FieldViolation("/a", "required", "请填写", "Fill in"),) if fields else ()
    error = CATALOGUE.from_refusal(Refusal(ServiceProblem(reason, status, "中文", "English"), fields=violations))
    assert (error.kind.status, error.kind.code) == (http, code)
    assert ("Retry-After" in error.headers) == (http in (429, 503))
    document = error.document("en", "https://anju.example", "/api/v1/x", "t")
    assert document.type == f"https://anju.example/problems/{error.kind.slug}"
    assert len(document.errors) == len(violations)
    if http == 500:
        assert "English" not in document.detail
    else:
        assert document.detail == "English"
        assert document.code == reason
        assert error.document("zh-CN", "", "", "").detail == "中文"


def test_every_kind_is_complete_in_both_languages() -> None:
    assert len({kind.slug for kind in CATALOGUE.kinds.values()}) == len(CATALOGUE.kinds)
    for code, kind in CATALOGUE.kinds.items():
        assert code == kind.code
        assert kind.zh
        assert kind.en
        assert kind.en.isascii()
        # Its page says what to do, in both languages, and not the title again.
        assert kind.zh_detail not in ("", kind.zh)
        assert kind.en_detail.isascii()
        assert kind.en_detail not in ("", kind.en)


def test_every_reason_of_the_chassis_has_its_page() -> None:
    reasons = {value.reason for value in vars(errors).values() if isinstance(value, ServiceProblem)}
    assert reasons <= set(CATALOGUE.kinds)


def test_production_needs_https() -> None:
    with pytest.raises(ValidationError):
        Settings(production=True, public_url="http://anju.example", oidc_issuer="https://id.example")
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=("not a network",))
    assert (
        Settings(production=True, public_url="https://anju.example/", oidc_issuer="https://id.example").public_url == "https://anju.example"
    )
