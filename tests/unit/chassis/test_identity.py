"""Who may vouch for whom: a key speaks for its own process, and only the web edge's for people."""

from __future__ import annotations

import base64
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from chassis import service
from chassis.errors import NOT_ALLOWED, NOT_FOUND, UNAUTHENTICATED, UNAVAILABLE, Problem, Refusal, to_application_error
from chassis.identity import (
    LEEWAY_SECONDS,
    TOKEN_SECONDS,
    Caller,
    Passport,
    Signer,
    Verifier,
    generate_keys,
    load_key,
    load_key_set,
    rotate_keys,
)
from chassis.settings import ProcessSettings
from joserfc import jwt


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    generate_keys(tmp_path, {"web-gateway": ("citizen", "staff", "system"), **dict.fromkeys(("worker", "eligibility"), ("system",))})
    return tmp_path


@pytest.fixture
def verifier(keys: Path) -> Verifier:
    return Verifier(load_key_set(keys / "callers.jwks"))


def signer(keys: Path, issuer: str) -> Signer:
    return Signer(load_key(keys / f"{issuer}.jwk"), issuer)


def own(process: Signer) -> str:
    return process.token(process.system(), "casework", writes=True)


def refused(verifier: Verifier, token: str) -> bool:
    try:
        verifier.passport(token)
    except Refusal as refusal:
        return refusal.problem.reason == "UNAUTHENTICATED"
    return False


def test_the_edge_speaks_for_people_and_a_process_for_itself(keys: Path, verifier: Verifier) -> None:
    edge, worker = signer(keys, "web-gateway"), signer(keys, "worker")
    for caller in (Caller("c-1", "citizen"), Caller("s-1", "staff", ("street_clerk",), ("410202001",), "en"), edge.system()):
        assert verifier.passport(edge.token(caller, "casework", writes=False)) == Passport(
            caller, "casework", writes=False, signer="web-gateway"
        )
    assert verifier.passport(own(worker)).caller == worker.system()
    for caller in (Caller("c-1", "citizen"), Caller("s-1", "staff", ("operator",), ("4102",))):
        assert refused(verifier, worker.token(caller, "casework", writes=False))


@pytest.mark.parametrize(
    "caller",
    [
        Caller("system:casework", "system", ("casework",)),
        Caller("system:worker", "system", ("worker", "casework")),
        Caller("c-1", "system", ("worker",)),
        Caller("system:worker", "system", ("worker",), ("4102",)),
        Caller("system:worker", "system", ("worker",), ("",)),
    ],
)
def test_a_process_cannot_borrow_a_person_a_role_or_a_division(keys: Path, verifier: Verifier, caller: Caller) -> None:
    assert refused(verifier, signer(keys, "worker").token(caller, "casework", writes=False))


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_what_is_not_a_token_is_refused_and_nothing_else(keys: Path, verifier: Verifier) -> None:
    worker = signer(keys, "worker")
    head, claims, signature = own(worker).split(".")
    heads: list[Any] = [
        [],
        None,
        {"alg": "none"},
        {"alg": None, "kid": "worker"},
        {"alg": "HS256", "kid": "worker"},
        {"alg": "Ed25519", "kid": ["worker"]},
        {"alg": "Ed25519", "kid": "web-gateway"},
        {"alg": "Ed25519"},
        b"\xff",
        b"[" * 10_000,
    ]
    tokens = ["", "a", "..", "a.b.c", f"{head}.{_part({})}.{signature}", f"{head}.{claims}.", f"{head}.{claims}.{signature[:-8]}AAAAAAAA"]
    for token in [*tokens, *(f"{_part(each)}.{claims}.{signature}" for each in heads)]:
        assert refused(verifier, token), token[:60]


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": "later"},
        {"exp": 1},
        {"kind": ["system"]},
        {"kind": "root"},
        {"roles": 7},
        {"iss": "web-gateway"},
        {"divisions": None},
        {"passes_on": "a.b.c"},
    ],
)
def test_odd_claims_under_a_good_signature_are_refused(keys: Path, verifier: Verifier, changes: dict[str, Any]) -> None:
    claims: dict[str, Any] = {"aud": "casework", "writes": True} | {
        "iss": "worker",
        "sub": "system:worker",
        "kind": "system",
        "roles": ["worker"],
        "divisions": [],
        "exp": int(time.time()) + 60,
    }
    key = load_key(keys / "worker.jwk").signing()

    def signed(claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "Ed25519", "kid": "worker"}, claims, key, algorithms=["Ed25519"])

    assert verifier.passport(signed(claims)).caller.sub == "system:worker"
    assert refused(verifier, signed({**claims, **changes}))
    for name in ("iss", "sub", "kind", "roles", "divisions", "exp", "aud", "writes"):
        assert refused(verifier, signed({key: value for key, value in claims.items() if key != name}))


def test_a_token_ends_though_it_was_seen_before(keys: Path, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = signer(keys, "worker")
    token = own(worker)
    assert verifier.passport(token)
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert refused(verifier, token)


def test_keys_are_private_and_stay(keys: Path) -> None:
    before = {path.name: path.read_text() for path in keys.glob("*.jwk")}
    generate_keys(keys, {"web-gateway": ("citizen", "staff"), "worker": ("system",)})
    assert {path.name: path.read_text() for path in keys.glob("*.jwk")} == before
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}
    assert all("d" not in key for key in json.loads((keys / "callers.jwks").read_text())["keys"])


@pytest.mark.parametrize(("late", "taken"), [(50, True), (70, False)])
def test_clocks_may_differ_by_a_minute_and_no_more(
    keys: Path, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, late: int, taken: bool
) -> None:
    token = own(signer(keys, "worker"))
    now = time.time()
    monkeypatch.setattr("chassis.identity.time.time", lambda: now + TOKEN_SECONDS + late)
    assert refused(verifier, token) is not taken


@pytest.mark.parametrize(("problem", "final"), [(UNAUTHENTICATED, False), (UNAVAILABLE, False), (NOT_ALLOWED, True), (NOT_FOUND, True)])
def test_a_wrong_key_or_clock_is_tried_again_and_an_answer_is_final(problem: Problem, final: bool) -> None:
    assert to_application_error(Refusal(problem)).non_retryable is final


def test_a_process_passes_on_only_who_is_calling_it_once_and_in_his_own_name(keys: Path, verifier: Verifier) -> None:
    edge, worker, eligibility = (signer(keys, name) for name in ("web-gateway", "worker", "eligibility"))
    person = Caller("c-1", "citizen")
    came = edge.token(person, "eligibility", writes=False)
    passed = eligibility.passed_on(came, "casework", writes=False)
    assert verifier.passport(passed) == Passport(person, "casework", writes=False, signer="eligibility", carrier="eligibility")
    # Not who has called somebody else, not a process, not twice.
    assert refused(verifier, worker.passed_on(came, "casework", writes=False))
    assert refused(verifier, eligibility.passed_on(edge.token(person, "casework", writes=False), "casework", writes=False))
    assert refused(verifier, eligibility.passed_on(worker.token(worker.system(), "eligibility", writes=True), "casework", writes=True))
    onward = eligibility.passed_on(came, "worker", writes=False)
    assert refused(verifier, worker.passed_on(onward, "casework", writes=False))
    assert verifier.passport(onward)
    assert refused(verifier, worker.passed_on(onward, "housing", writes=False)), "also when what it wraps was seen before"


def test_who_is_passed_on_is_so_no_longer_than_his_own_token_is_good(
    keys: Path, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge, eligibility, began = signer(keys, "web-gateway"), signer(keys, "eligibility"), time.time()
    came = edge.token(Caller("c-1", "citizen"), "eligibility", writes=False)
    monkeypatch.setattr("chassis.identity.time.time", lambda: began + 200)
    passed = eligibility.passed_on(came, "casework", writes=False)
    assert verifier.passport(passed)
    monkeypatch.setattr("chassis.identity.time.time", lambda: began + TOKEN_SECONDS + 1)
    assert refused(verifier, passed), "the outer one would be good for 199 seconds more"


ISSUERS: Any = {"web-gateway": ("citizen", "staff", "system"), **dict.fromkeys(("worker", "eligibility"), ("system",))}


def test_caller_keys_are_rotated_under_processes_that_go_on_working(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times, with a copy for each process, which reaches the one that asks before it reaches the one that is asked."""
    asks, asked = keys.parent / "asks", keys.parent / "asked"
    for copy in (asks, asked):
        shutil.copytree(keys, copy)
    settings = {name: ProcessSettings(keys_dir=folder) for name, folder in (("asks", asks), ("asked", asked))}
    worker, verifier, began = service.signer(settings["asks"], "worker"), service.verifier(settings["asked"]), time.time()
    monkeypatch.setattr("chassis.files.LOOK_SECONDS", 0.0)

    def kid() -> str:
        # Not one that was signed before and is still good.
        worker._cache.clear()
        token = own(worker)
        assert verifier.passport(token) == Passport(worker.system(), "casework", writes=True, signer="worker")
        found: str = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
        return found

    seen = [kid()]
    for round_ in range(1, 4):
        starts = began + 600 * round_
        rotate_keys(keys, ISSUERS, starts)
        for name in ("worker.jwk", "callers.jwks"):
            shutil.copy(keys / name, asks / name)
        shutil.copy(keys / "callers.jwks", asked / "callers.jwks")
        assert kid() == seen[-1], "known, and used by nobody"
        monkeypatch.setattr("chassis.identity.time.time", lambda at=starts: at)
        seen.append(kid())
    assert len(set(seen)) == 4
    assert seen[0] == "worker"


def test_a_caller_key_ends_with_the_last_token_it_has_signed(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, began = signer(keys, "worker"), time.time()
    rotate_keys(keys, ISSUERS, began)

    def verifies() -> bool:
        copied._cache.clear()
        return not refused(Verifier(load_key_set(keys / "callers.jwks")), own(copied))

    rotate_keys(keys, ISSUERS, began)
    assert verifies(), "what was signed before is good for five minutes, however often keys are rotated meanwhile"
    monkeypatch.setattr("chassis.identity.time.time", lambda: began + TOKEN_SECONDS + 2 * LEEWAY_SECONDS + 1)
    rotate_keys(keys, ISSUERS, began + 3600)
    assert not verifies(), "whoever has copied it has nothing any more"
    # And the one that signs until the newest does is there.
    assert not refused(Verifier(load_key_set(keys / "callers.jwks")), own(signer(keys, "worker")))


def test_a_second_key_of_a_process_speaks_for_that_process_alone(keys: Path) -> None:
    rotate_keys(keys, ISSUERS, 0)
    verifier, worker = Verifier(load_key_set(keys / "callers.jwks")), signer(keys, "worker")
    assert verifier.passport(own(worker)).signer == "worker"
    second = load_key(keys / "worker.jwk").signing()
    for issuer in (second.kid, "web-gateway", "eligibility"):
        assert refused(verifier, own(Signer(load_key(keys / "worker.jwk"), str(issuer))))
    assert refused(verifier, worker.token(Caller("c-1", "citizen"), "casework", writes=False))
    assert signer(keys, "web-gateway").system() == verifier.passport(own(signer(keys, "web-gateway"))).caller


def test_a_key_of_the_time_before_rotation_is_read(keys: Path, verifier: Verifier) -> None:
    alone = json.loads((keys / "worker.jwk").read_text())["keys"][0]
    del alone["anju_since"]
    (keys / "worker.jwk").write_text(json.dumps(alone))
    assert verifier.passport(own(signer(keys, "worker")))
    rotate_keys(keys, ISSUERS, 0)
    assert len(load_key(keys / "worker.jwk").keys) == 2


def test_a_key_a_process_does_not_know_makes_it_look_at_once(keys: Path) -> None:
    verifier = service.verifier(ProcessSettings(keys_dir=keys))
    assert verifier.passport(own(signer(keys, "worker")))
    rotate_keys(keys, ISSUERS, 0)
    assert verifier.passport(own(signer(keys, "worker")))
