"""Breaker, chain, paging, signatures, secrets, purposes, the settings file."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import casework.reading
import pytest
from anju_contracts.application import LookupOutcome
from anju_terms import is_code, terms
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from registry_gateway import departments, registers
from registry_gateway.connectors.paging import collect
from registry_gateway.connectors.secrets import CallSecret, SecretKeeper
from registry_gateway.domain import breaker, chain, purposes, signing
from registry_gateway.domain.facts import aggregate
from registry_gateway.domain.faults import Fault, RegisterFaultError
from registry_gateway.domain.summaries import summarise
from registry_gateway.registers.social_insurance import answers as social_insurance

# --- breaker -----------------------------------------------------------------------------------------------------------------------------


def test_five_failures_in_a_row_open_and_one_question_probes() -> None:
    door = breaker.Breaker()
    for _ in range(breaker.FAILURES_TO_OPEN):
        assert door.allows(0.0)
        door.failed(0.0)
    assert not door.allows(9.9)
    assert door.allows(10.0)
    assert not door.allows(10.0), "one probe at a time"
    door.succeeded()
    assert door.allows(10.0)
    assert door.allows(10.0)


def test_a_success_in_between_starts_the_count_again() -> None:
    door = breaker.Breaker()
    for _ in range(20):
        door.failed(0.0)
        door.succeeded()
    assert door.allows(0.0)


def test_failed_probes_wait_longer_each_time_up_to_a_limit() -> None:
    door, now, waits = breaker.Breaker(), 0.0, []
    for _ in range(breaker.FAILURES_TO_OPEN):
        door.failed(now)
    for _ in range(8):
        waits.append(door.open_until - now)
        now = door.open_until
        assert door.allows(now)
        door.failed(now)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_questions_already_on_their_way_do_not_lengthen_the_pause() -> None:
    door = breaker.Breaker()
    for _ in range(30):
        door.failed(1.0)
    assert door.open_until == 11.0


def test_retry_after_opens_at_once_but_not_for_ever() -> None:
    door = breaker.Breaker()
    door.failed(0.0, 60)
    assert not door.allows(59.0)
    assert door.allows(60.0)
    door.failed(60.0, 10**6)
    assert door.open_until <= 60 + breaker.LONGEST_PAUSE_SECONDS


def test_a_probe_that_never_came_back_is_given_up() -> None:
    door = breaker.Breaker()
    door.failed(0.0, 10)
    assert door.allows(10.0)
    assert not door.allows(15.0)
    assert door.allows(10.0 + breaker.PROBE_SECONDS)


# --- chain -------------------------------------------------------------------------------------------------------------------------------


def entries(count: int) -> list[dict[str, Any]]:
    made, prev = [], chain.GENESIS
    for seq in range(1, count + 1):
        entry = {"seq": seq, "kind": "question", "purpose": f"p{seq}", "at": datetime(2026, 11, 23, tzinfo=UTC), "prev_hash": prev}
        prev = entry["hash"] = chain.entry_hash(prev, entry)
        made.append(entry)
    return made


def test_an_untouched_chain_holds() -> None:
    assert chain.first_bad(entries(50)) is None
    assert chain.first_bad([]) is None


@given(st.integers(0, 19), st.sampled_from(["change", "delete", "swap", "insert", "rehash"]))
def test_any_tampering_names_the_first_bad_entry(place: int, how: str) -> None:
    made = entries(20)
    bad = place + 1
    match how:
        case "change":
            made[place]["purpose"] = "x"
        case "delete":
            del made[place]
            if place == 19:
                return  # a cut-off end is found against the checkpoint, not inside the chain
        case "swap":
            other = (place + 1) % 20
            made[place], made[other] = made[other], made[place]
            bad = min(place, other) + 1
        case "insert":
            made.insert(place, {**made[place], "purpose": "x"})
        case "rehash":
            made[place]["purpose"] = "x"
            made[place]["hash"] = chain.entry_hash(made[place]["prev_hash"], made[place])
            if place == 19:
                return
            bad = place + 2
    assert chain.first_bad(made) == bad


def test_evidence_is_salted() -> None:
    assert chain.evidence_hash(b"a", b"b") == hashlib.sha256(b"ab").hexdigest()
    assert chain.evidence_hash(b"salt-1", b"body") != chain.evidence_hash(b"salt-2", b"body")


# --- paging ------------------------------------------------------------------------------------------------------------------------------


def pages(*passes: list[tuple[int, int]]) -> Any:
    """Answers with (total, rows on this page), pass after pass."""
    script = [page for one in passes for page in one]
    asked: list[int] = []

    async def page(index: int) -> social_insurance.Page:
        asked.append(index)
        total, count = script[len(asked) - 1]
        return social_insurance.Page(total, tuple({"n": f"{len(asked)}-{i}"} for i in range(count)))

    page.asked = asked  # type: ignore[attr-defined]
    return page


async def test_pages_to_the_end() -> None:
    page = pages([(25, 10), (25, 10), (25, 5)])
    assert len((await collect(page, 10))[0]) == 25
    assert page.asked == [0, 1, 2]
    assert await collect(pages([(0, 0)]), 10) == ([], False)
    assert len((await collect(pages([(10, 10)]), 10))[0]) == 10


async def test_a_person_is_known_who_is_known_on_every_page() -> None:
    async def page(index: int) -> social_insurance.Page:
        return social_insurance.Page(15, ({},) * (10 if index == 0 else 5), confirmed=index in known)

    for known in ((0, 1), (0,), (1,), ()):
        assert (await collect(page, 10))[1] == (known == (0, 1))


async def test_a_changed_total_starts_again() -> None:
    page = pages([(25, 10), (26, 10)], [(26, 10), (26, 10), (26, 6)])
    assert len((await collect(page, 10))[0]) == 26
    assert page.asked == [0, 1, 0, 1, 2]


@pytest.mark.parametrize(
    "passes",
    [
        [[(25, 10), (26, 10)], [(27, 10), (28, 10)], [(29, 10), (30, 10)]],
        [[(25, 10), (25, 3)]],
        [[(5, 10)]],
        [[(10**6, 10)] * 40],
        [[(25, 0)]],
    ],
)
async def test_a_list_that_does_not_add_up_is_no_answer(passes: list[list[tuple[int, int]]]) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        await collect(pages(*passes), 10)
    assert caught.value.fault is Fault.PAGING


# --- signatures and secrets --------------------------------------------------------------------------------------------------------------


def test_the_key_of_javas_sha1prng() -> None:
    assert signing.sha1prng_key("anju").hex() == hashlib.sha1(hashlib.sha1(b"anju").digest()).hexdigest()[:32]


def test_a_secret_sealed_with_another_key_is_refused() -> None:
    for sealed in ("", "AAAA", "not base64!", "QUJDREVGR0hJSktMTU5PUA=="):
        with pytest.raises(RegisterFaultError):
            signing.open_secret("app-key", sealed)


def reply(**changes: str) -> dict[str, str]:
    body = b'{"code":"200"}'
    rtime = "1000000"
    signature = signing.sign("key", "rq_1.1" + rtime + hashlib.sha256(body).hexdigest())
    return {"gateway_requestid": "rq_1.1", "gateway_rtime": rtime, "gateway_reply_sign": signature, **changes}


def check(headers: dict[str, str], *, key: str = "key", body: bytes = b'{"code":"200"}', now_ms: int = 1_000_000) -> None:
    signing.check_reply(headers, "gateway", request_id="rq_1.1", key=key, body=body, now_ms=now_ms)


def test_only_the_fresh_signed_answer_to_this_request_passes() -> None:
    check(reply())
    check(reply(), now_ms=1_000_000 + signing.TOLERANCE_MS)
    for fault, attempt in {
        Fault.NOT_BOUND: lambda: check(reply(gateway_requestid="rq_1.2")),
        Fault.BAD_SIGNATURE: lambda: check(reply(), body=b'{"code":"200" }'),
        Fault.STALE: lambda: check(reply(), now_ms=1_000_001 + signing.TOLERANCE_MS),
    }.items():
        with pytest.raises(RegisterFaultError) as caught:
            attempt()
        assert caught.value.fault is fault
    for headers in (reply(gateway_rtime="1000001"), reply(gateway_reply_sign=""), reply(gateway_reply_sign="ключ")):
        with pytest.raises(RegisterFaultError) as caught:
            check(headers)
        assert caught.value.fault is Fault.BAD_SIGNATURE
    with pytest.raises(RegisterFaultError):
        check(reply(), key="another")
    with pytest.raises(RegisterFaultError):
        check({})


async def test_one_fetch_serves_all_who_wait_and_an_expired_secret_is_renewed_once() -> None:
    fetched = 0

    async def fetch() -> CallSecret:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0)
        return CallSecret(f"s{fetched}")

    async def attempt(secret: CallSecret) -> str:
        await asyncio.sleep(0)
        if secret.secret == "s1":
            raise RegisterFaultError(Fault.EXPIRED)
        return secret.secret

    keeper = SecretKeeper(fetch)
    assert set(await asyncio.gather(*(keeper.call(attempt) for _ in range(20)))) == {"s2"}
    assert fetched == 2

    async def never(secret: CallSecret) -> str:
        raise RegisterFaultError(Fault.EXPIRED)

    with pytest.raises(RegisterFaultError):
        await keeper.call(never)
    assert fetched == 3


async def test_a_silent_department_is_asked_for_a_secret_once_for_all_who_wait() -> None:
    asked = 0
    answer = asyncio.Event()

    async def silent() -> CallSecret:
        nonlocal asked
        asked += 1
        await answer.wait()
        raise RegisterFaultError(Fault.TIMEOUT)

    async def attempt(secret: CallSecret) -> str:
        return secret.secret

    keeper = SecretKeeper(silent)
    waiting = [asyncio.create_task(keeper.call(attempt)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    answer.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert {getattr(result, "fault", None) for result in results[1:]} == {Fault.TIMEOUT}
    assert asked == 1
    with pytest.raises(RegisterFaultError):
        await keeper.call(attempt)
    assert asked == 2, "the next question asks again"


# --- purposes, sums, settings ------------------------------------------------------------------------------------------------------------


VEHICLES = registers.discover()["vehicles"].fields


def test_nothing_outside_the_purpose_leaves() -> None:
    allowed = purposes.fields_for(purposes.ADMISSION, casework.reading.LEGAL_BASIS, VEHICLES)
    purposes.check({"xm", "sfzmhm"}, allowed)
    with pytest.raises(purposes.NotAllowedError):
        purposes.check({"xm", "lxfs"}, allowed)
    for purpose, basis in (("", "own_consent"), ("marketing", "own_consent"), (purposes.ADMISSION, " "), (purposes.ADMISSION, "第八条")):
        with pytest.raises(purposes.NotAllowedError):
            purposes.fields_for(purpose, basis, VEHICLES)


def test_casework_and_the_gateway_name_the_same_purpose() -> None:
    """Two services, one word: a consent given for another text would have every question refused."""
    assert casework.reading.PURPOSE == purposes.ADMISSION
    assert is_code("purposes", casework.reading.PURPOSE)
    assert is_code("legal_bases", casework.reading.LEGAL_BASIS)


def test_silence_weighs_most_then_a_mix_up_then_somebody_unknown_then_a_record() -> None:
    found, nothing, mixed, silent = LookupOutcome.FOUND, LookupOutcome.NO_RECORD, LookupOutcome.MISMATCH, LookupOutcome.UNAVAILABLE
    unknown = LookupOutcome.UNKNOWN_PERSON
    assert aggregate([found, mixed, unknown]) is mixed
    assert aggregate([found, unknown, nothing]) is unknown
    assert aggregate([found, mixed, silent, nothing]) is silent
    assert aggregate([found, mixed, nothing]) is mixed
    assert aggregate([found, nothing]) is found
    assert aggregate([nothing, nothing]) is nothing


@pytest.mark.parametrize("register", terms("registers"))
@pytest.mark.parametrize("outcome", LookupOutcome)
def test_every_outcome_has_a_plain_sentence(register: str, outcome: LookupOutcome) -> None:
    spec = registers.discover()[register]
    sentence = summarise(outcome, spec.found, spec.no_record, 3, 2, 7 if register == "real_estate" else 1)
    assert sentence.zh.endswith(("。", "）。"))
    assert sentence.en.endswith(".")
    assert sentence.en.isascii()
    assert "{" not in sentence.zh + sentence.en


@pytest.mark.parametrize("register", terms("registers"))
def test_every_register_of_the_vocabulary_can_be_asked(register: str) -> None:
    spec = registers.discover()[register]
    assert spec.code == register
    assert {field.name for field in spec.message.DESCRIPTOR.fields} <= set(spec.fact.__dataclass_fields__)


def test_the_departments_file_is_checked_and_its_keys_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "departments.json"
    file.write_text('{"vehicles": {"base_url": "ftp://x", "rid": "r", "sid": "s", "app_key": "very-secret"}}')
    with pytest.raises(ValidationError) as caught:
        departments.load(file, registers.discover())
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("content", ["{}", '{"horoscopes": {"base_url": "http://x"}}'])
def test_a_departments_file_names_registers_that_can_be_asked(tmp_path: Path, content: str) -> None:
    file = tmp_path / "departments.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="known: social_insurance"):
        departments.load(file, registers.discover())
