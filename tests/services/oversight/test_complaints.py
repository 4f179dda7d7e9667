"""Complaints: taken in, dealt with, answered, rated; by account, by code, at the counter."""

from __future__ import annotations

import asyncio

import pytest
from anju.oversight.v1 import complaints_pb2 as pb
from chassis.ids import new_id

from tests.services.oversight.desk import (
    CITIZEN,
    CITY,
    CITY_SECOND,
    CLERK,
    COLLEAGUE,
    DISTRICT,
    EVERYBODY,
    MANAGER,
    OFFICER,
    OTHER,
    SAID,
    STREET,
    Desk,
    reason,
)
from tests.support.keys import staff

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_complaint_is_accepted_answered_and_rated(desk: Desk) -> None:
    filed = await desk.file(contact="138 0000 0000")
    assert (filed.no[:3], filed.code) == ("TS-", "")
    mine = await desk.read(filed.no)
    assert (mine.stage, mine.waiting_on, mine.level, mine.text, mine.contact) == (
        "accepting",
        "district",
        "district",
        SAID,
        "138 0000 0000",
    )
    assert list(mine.actions) == ["withdraw"]
    accepted = await desk.act(filed.no, "accept")
    assert (accepted.stage, list(accepted.actions)) == ("handling", ["reassign", "answer", "merge"])
    assert await reason(desk.act(filed.no, "answer")) == "INVALID_FIELDS"
    answered = await desk.act(filed.no, "answer", said="已安排周三上门维修。")
    assert answered.stage == "answered"
    mine = await desk.read(filed.no)
    assert (mine.answer, list(mine.actions)) == ("已安排周三上门维修。", ["rate", "reopen", "withdraw"])
    assert [entry.event for entry in mine.timeline] == ["assigned", "accepted", "answered"]
    assert await reason(desk.respond(filed.no, "rate")) == "INVALID_FIELDS"
    rated = await desk.respond(filed.no, "rate", score=5)
    assert (rated.stage, rated.score, list(rated.actions)) == ("closed", 5, [])
    assert await reason(desk.respond(filed.no, "rate", score=1)) == "COMPLAINT_MOVED_ON"
    facts = await desk.sql("SELECT code, codes->>'complaint_events', figures->>'score' FROM fact WHERE code LIKE 'complaint%' ORDER BY seq")
    assert [row[1] for row in facts] == [None, "assigned", "accepted", "answered", "rated"]
    assert facts[-1][2] == "5"


async def test_nobody_holds_a_complaint_a_colleague_goes_on_where_somebody_has_left(desk: Desk) -> None:
    filed = await desk.file()
    await desk.act(filed.no, "accept", OFFICER)
    seen = await desk.read(filed.no, COLLEAGUE)
    assert (seen.stage, list(seen.actions)) == ("handling", ["reassign", "answer", "merge"])
    assert (await desk.act(filed.no, "answer", COLLEAGUE, said="已安排上门维修。")).stage == "answered"


async def test_nothing_of_text_or_person_stands_in_the_clear(desk: Desk) -> None:
    filed = await desk.file(contact="13900001111", about_staff=True, about_name="李大勇")
    await desk.act(filed.no, "accept", CITY)
    await desk.act(filed.no, "answer", CITY, said="经核实，已批评教育。")
    for table in ("complaint", "complaint_step", "complaint_text", "word", "outbox", "fact", "staff_read"):
        rows = str(await desk.sql(f"SELECT to_jsonb(t)::text FROM {table} t"))
        for secret in ("水管", "13900001111", "李大勇", "批评"):
            assert secret not in rows, (table, secret)
    words = [said.model_dump_json() for _, said in desk.walker.seen]
    assert words
    for given in (*words, *(each.model_dump_json() for each in desk.walker.given.values())):
        assert not any(secret in given for secret in ("水管", "13900001111", "李大勇", "批评", "citizen-1", "index of the citizen"))


async def test_the_same_request_is_one_complaint_and_the_same_text_is_not_taken_twice(desk: Desk) -> None:
    key = new_id()
    first, second = await asyncio.gather(desk.file(idempotency_key=key), desk.file(idempotency_key=key))
    assert first.no == second.no
    assert await reason(desk.file(idempotency_key=key, said="完全是另外一件事情。")) == "IDEMPOTENCY_KEY_REUSED"
    assert await reason(desk.file()) == "ALREADY_SAID"
    assert (await desk.file(OTHER)).no != first.no


async def test_without_a_name_the_code_is_the_only_way_back(desk: Desk) -> None:
    key = new_id()
    filed = await desk.file(EVERYBODY, idempotency_key=key)
    assert len(filed.code) == 19
    assert (await desk.file(EVERYBODY, idempotency_key=key)).code == filed.code
    assert filed.code.replace("-", "") not in str(await desk.sql("SELECT to_jsonb(t)::text FROM complaint t")).replace("-", "").upper()
    found = await desk.follow(filed.no, filed.code.lower().replace("-", " "))
    assert (found.no, found.text, found.stage) == (filed.no, SAID, "accepting")
    # Nobody else is let in, whoever he is; a number there is not answers like a wrong code.
    wrong = [desk.follow(filed.no, "AAAA-AAAA-AAAA-AAAA"), desk.follow("TS-2026-999999", filed.code), desk.follow(filed.no, "")]
    assert [await reason(each) for each in wrong] == ["FOLLOW_UP_UNKNOWN"] * 3
    assert await reason(desk.read(filed.no, EVERYBODY)) == await reason(desk.read(filed.no)) == "NOT_FOUND"
    assert await reason(desk.respond(filed.no, "withdraw", EVERYBODY)) == "FOLLOW_UP_UNKNOWN"
    await desk.act(filed.no, "accept")
    await desk.act(filed.no, "answer", said="已处理。")
    assert (await desk.respond(filed.no, "rate", EVERYBODY, code=filed.code, score=4)).stage == "closed"
    # Signed on, and without a name all the same: the account is not kept.
    hidden = await desk.file(anonymous=True, said="我不想让人知道我是谁，请查一查。")
    assert hidden.code
    assert "citizen-1" not in str(await desk.sql(f"SELECT to_jsonb(t)::text FROM complaint t WHERE no = '{hidden.no}'"))
    assert await desk.listed_mine() == []


async def test_guessing_a_code_ends_and_the_hour_after_it_begins_anew(desk: Desk) -> None:
    filed = await desk.file(EVERYBODY)
    guesses = [await reason(desk.follow(filed.no, f"AAAA-AAAA-AAAA-{n:04d}")) for n in range(12)]
    assert guesses == ["FOLLOW_UP_UNKNOWN"] * 10 + ["FOLLOW_UP_LATER"] * 2
    # The right one is refused as well: whether it was right is not to be read from the answer.
    assert await reason(desk.follow(filed.no, filed.code)) == "FOLLOW_UP_LATER"
    nobody = [await reason(desk.follow("TS-2026-999998", f"AAAA-AAAA-AAAA-{n:04d}")) for n in range(12)]
    assert nobody == guesses
    assert "TS-2026-99" not in str(await desk.sql("SELECT to_jsonb(t)::text FROM follow_try t"))
    await desk.sql("UPDATE follow_try SET since = since - interval '61 minutes'")
    assert (await desk.follow(filed.no, filed.code)).no == filed.no


async def test_a_person_looks_at_once_for_danger_somebody_alone_and_a_cluster(desk: Desk) -> None:
    danger = await desk.file(OTHER, said="楼道里有很浓的煤气味，没有人管。", kind="consultation")
    shown = await desk.read(danger.no, OFFICER)
    assert (shown.stage, list(shown.flags)) == ("triage", ["risk_word"])
    alone = await desk.file(OTHER, said="隔壁老人的灯坏了很久。", alone=True, kind="suggestion")
    assert list((await desk.read(alone.no, CITY)).flags) == ["alone"]
    plain = [await desk.file(OTHER, said=f"电梯又停了，这是第 {n} 次。") for n in range(3)]
    assert [list((await desk.read(each.no, OFFICER)).flags) for each in plain] == [[], [], ["cluster"]]
    # Who wrote it is not told why somebody looks at it first.
    assert list((await desk.read(danger.no, OTHER)).flags) == []
    assert (await desk.act(danger.no, "accept")).stage == "handling"


async def test_what_is_about_staff_is_answered_by_two_and_never_by_whom_it_is_about(desk: Desk) -> None:
    filed = await desk.file(about_staff=True, about_name="王 强")
    assert (await desk.read(filed.no)).level == "city"
    # The district is not told; nor is a colleague of that name, nor an account the desk has named.
    assert await reason(desk.read(filed.no, OFFICER)) == "NOT_FOUND"
    assert await reason(desk.read(filed.no, CITY_SECOND, official="王强")) == "NOT_FOUND"
    assert filed.no not in await desk.listed(CITY_SECOND, official="王强")
    assert await reason(desk.act(filed.no, "accept", CITY_SECOND, official="王强")) == "NOT_FOUND"
    await desk.act(filed.no, "accept", CITY, about="city-9", official="张丽")
    assert await reason(desk.read(filed.no, staff("city_reviewer", "4102", sub="city-9"))) == "NOT_FOUND"
    assert await reason(desk.act(filed.no, "reassign", CITY, said="请区里办", level="district", division=DISTRICT)) == "STAYS_AT_CITY"
    assert (await desk.act(filed.no, "answer", CITY, said="已核实并道歉。")).stage == "second_reading"
    assert (await desk.read(filed.no)).answer == ""
    assert await reason(desk.act(filed.no, "agree", CITY)) == "ANOTHER_PERSON"
    # The same person under another account is the same person.
    twin = staff("city_reviewer", "4102", sub="city-1b")
    twin = type(twin)(**{**twin.__dict__, "person": CITY.person})
    assert await reason(desk.act(filed.no, "agree", twin)) == "ANOTHER_PERSON"
    assert (await desk.act(filed.no, "send_back", CITY_SECOND, said="请写明整改时间。")).stage == "handling"
    await desk.act(filed.no, "answer", CITY, said="已核实并道歉，三日内整改。")
    assert (await desk.read(filed.no, CITY_SECOND)).proposed == "已核实并道歉，三日内整改。"
    assert (await desk.act(filed.no, "agree", CITY_SECOND)).stage == "answered"
    mine = await desk.read(filed.no)
    assert mine.answer == "已核实并道歉，三日内整改。"
    assert not any("整改时间" in entry.text for entry in mine.timeline)


async def test_who_is_not_verified_or_wrote_it_himself_deals_with_nothing(desk: Desk) -> None:
    filed = await desk.file()
    stranger = type(OFFICER)(**{**OFFICER.__dict__, "sub": "officer-9", "person": ""})
    assert await reason(desk.act(filed.no, "accept", stranger)) == "NOT_VERIFIED"
    own = type(OFFICER)(**{**OFFICER.__dict__, "sub": "officer-8", "person": CITIZEN.person})
    assert await reason(desk.act(filed.no, "accept", own)) == "NOT_FOUND"
    assert filed.no not in await desk.listed(own)


async def test_a_report_of_misuse_keeps_the_reporter_from_the_house_manager_and_tells_him_the_outcome(desk: Desk) -> None:
    filed = await desk.file(said="三单元五楼的张某把房子转租给了别人，我住四楼。", kind="misuse", contact="13911112222")
    assert await reason(desk.read(filed.no, MANAGER)) == "NOT_FOUND"
    assert await reason(desk.act(filed.no, "accept")) == "INVALID_FIELDS"
    assert (await desk.act(filed.no, "accept", said="请核查三单元五楼是否由承租人居住。")).stage == "investigating"
    seen = await desk.read(filed.no, MANAGER)
    assert (seen.brief, seen.stage) == ("请核查三单元五楼是否由承租人居住。", "investigating")
    for field in ("text", "contact", "reporter", "channel", "answer", "reference_no", "about_name", "proposed"):
        assert getattr(seen, field) == "", field
    assert [entry.text for entry in seen.timeline] == [""] * len(seen.timeline)
    assert filed.no in await desk.listed(MANAGER)
    await desk.act(filed.no, "answer", said="经查属实，已责令限期腾退。")
    assert (await desk.read(filed.no)).answer == "经查属实，已责令限期腾退。"
    assert (await desk.read(filed.no, MANAGER)).answer == ""


async def test_it_is_opened_again_once_here_and_once_at_the_other_desk(desk: Desk) -> None:
    filed = await desk.file()
    for level, officer in (("district", OFFICER), ("district", COLLEAGUE), ("city", CITY)):
        assert (await desk.read(filed.no)).level == level
        await desk.act(filed.no, "accept", officer)
        await desk.act(filed.no, "answer", officer, said=f"{level} 已答复。")
        if level != "city":
            assert await reason(desk.respond(filed.no, "reopen")) == "INVALID_FIELDS"
            # The third time it goes to the city, whose desk has not been asked before.
            await desk.respond(filed.no, "reopen", text="还是没有解决。")
            filed_now = await desk.read(filed.no)
            assert filed_now.stage == "accepting"
    assert (await desk.read(filed.no)).answer == "city 已答复。"
    assert await reason(desk.respond(filed.no, "reopen", text="还是不满意。")) == "NO_MORE_ROUNDS"
    assert (await desk.respond(filed.no, "rate", score=1)).stage == "closed"


async def test_it_goes_to_another_desk_with_a_reason(desk: Desk) -> None:
    filed = await desk.file()
    assert await reason(desk.act(filed.no, "reassign", said="不归我们", level="district", division=STREET)) == "INVALID_FIELDS"
    assert await reason(desk.act(filed.no, "reassign", level="city", division=STREET)) == "INVALID_FIELDS"
    moved = await desk.act(filed.no, "reassign", said="属于市里的政策问题。", level="city", division=STREET)
    assert (moved.stage, moved.level) == ("accepting", "city")
    assert await reason(desk.act(filed.no, "accept")) == "NOT_YOUR_DESK"
    assert "属于市里的政策问题。" in [entry.text for entry in (await desk.read(filed.no)).timeline]
    assert (await desk.act(filed.no, "accept", CITY)).stage == "handling"


async def test_two_of_one_matter_are_merged_and_both_are_told_the_answer(desk: Desk) -> None:
    first, second, question = await desk.file(), await desk.file(OTHER), await desk.file(OTHER, "漏水谁来修？", kind="consultation")
    for into in (question.no, second.no, "TS-2026-999999"):
        assert await reason(desk.act(second.no, "merge", said="同一处漏水。", into=into)) == "CANNOT_MERGE"
    assert (await desk.act(second.no, "merge", said="同一处漏水。", into=first.no)).stage == "merged"
    assert (await desk.read(first.no, OFFICER)).merged == 1
    assert await reason(desk.respond(first.no, "withdraw")) == "HAS_MERGED"
    await desk.act(first.no, "accept")
    await desk.act(first.no, "answer", said="本周修好。")
    assert (await desk.read(second.no, OTHER)).answer == "本周修好。"
    # One message each, to his own account.
    told = await desk.sql("SELECT count(*) FROM outbox WHERE kind = 'tell'")
    assert told[0][0] == 2 + 1 + 2


async def test_a_clerk_writes_down_what_is_said_at_the_counter_and_what_12345_sends_on(desk: Desk) -> None:
    walked_in = await desk.file(CLERK, channel="counter", reporter="陈阿婆")
    assert (await desk.read(walked_in.no, OFFICER)).reporter == "陈阿婆"
    mine = await desk.read(walked_in.no, CLERK)
    assert (mine.text, mine.reporter) == (SAID, "")
    sent = await desk.file(CLERK, said="12345 转来：电梯故障，请处理。", channel="hotline", reference_no="KF20261126-0001")
    assert (await desk.read(sent.no, OFFICER)).reference_no == "KF20261126-0001"
    assert await desk.listed(OFFICER, no="KF20261126-0001") == [sent.no]
    assert await reason(desk.file(CLERK, said="又一次转来的。", channel="hotline", reference_no="KF20261126-0001")) == "REFERENCE_KNOWN"
    for wrong in ({"channel": "hotline"}, {"channel": ""}, {"channel": "counter", "reference_no": "KF-1234"}):
        assert await reason(desk.file(CLERK, said="少了一项。", **wrong)) == "INVALID_FIELDS"
    assert await reason(desk.file(channel="hotline", reference_no="KF20261126-0002")) == "INVALID_FIELDS"


async def test_what_cannot_be_taken_says_what_to_do_for_every_field_at_once(desk: Desk) -> None:
    from chassis.errors import Refusal

    with pytest.raises(Refusal) as refusal:
        await desk.file(kind="rant", said="  \u200b ", division="999999", contact="1" * 101, about_name="某某")
    assert {field.pointer for field in refusal.value.fields} == {"/kind", "/text", "/division", "/contact", "/about_name"}
    assert await reason(desk.file(said="长" * 2001)) == "INVALID_FIELDS"


async def test_a_step_nobody_has_said_is_not_recorded(desk: Desk) -> None:
    filed = await desk.file()
    at = (await desk.sql(f"SELECT at FROM complaint_step WHERE no = '{filed.no}'"))[0][0]
    forged = pb.AdvanceComplaintRequest(
        no=filed.no, event="accepted", stage="handling", waiting_on="district", level="district", district=DISTRICT, street=STREET
    )
    forged.step.step_id, forged.step.actor, forged.step.word_id = "complaint/x/1", "officer-1", "nobody-said-this"
    forged.step.as_of.FromDatetime(at)
    assert await reason(desk.walker.advance(forged)) == "NOT_SAID"
    # Nor does a clock answer.
    forged.step.actor, forged.step.word_id = "system", ""
    assert await reason(desk.walker.advance(forged)) == "NOT_SAID"
    forged.event, forged.stage = "answered", "answered"
    assert await reason(desk.walker.advance(forged)) == "COMPLAINT_MOVED_ON"
    # What was said as one thing is not recorded as another.
    await desk.act(filed.no, "accept")
    word = desk.walker.seen[-1][1]
    forged.event, forged.stage = "reassigned", "accepting"
    forged.step.actor, forged.step.word_id = word.actor, word.request_id
    assert await reason(desk.walker.advance(forged)) == "NOT_SAID"


async def test_looks_of_staff_are_on_record(desk: Desk) -> None:
    filed = await desk.file()
    await desk.read(filed.no, OFFICER)
    await desk.read(filed.no)
    looks = await desk.sql("SELECT reader, what FROM staff_read")
    assert [tuple(row) for row in looks] == [("officer-1", "complaint")]


async def test_what_somebody_has_said_stays_as_it_came(desk: Desk) -> None:
    from sqlalchemy.exc import DBAPIError

    filed = await desk.file()
    for statement in (
        f"UPDATE complaint SET kind = 'consultation' WHERE no = '{filed.no}'",
        f"UPDATE complaint SET owner = 'somebody' WHERE no = '{filed.no}'",
        f"DELETE FROM complaint WHERE no = '{filed.no}'",
        "DELETE FROM complaint_step",
    ):
        with pytest.raises(DBAPIError, match=r"stays as it came|keeps what it has|permission denied"):
            await desk.sql(statement)
