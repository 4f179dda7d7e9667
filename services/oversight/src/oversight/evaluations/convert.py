"""Rows to messages, and what people typed to what is kept."""

from __future__ import annotations

from typing import Final

from anju.oversight.v1 import oversight_pb2 as pb
from anju_people import text
from anju_terms import is_code
from chassis.crypto import KeyRing
from chassis.errors import FieldViolation, invalid
from chassis.wire import missing, stamp, wrong

from oversight.domain.opinions import BAD, LEVELS, MAX_CHARS, reasons_of
from oversight.evaluations.store import Row
from oversight.tables import Finished

MAX_ANSWER_CHARS: Final = 1000
_DISTRICT_DIGITS: Final = 6


def place(table: str, column: str, id: str) -> str:
    """What a sealed value is bound to."""
    return f"{table}|{column}|{id}"


def whose(finished: Finished) -> dict[str, str]:
    """The desk that follows it up: the district's, or the city's for what is kept from the districts."""
    in_district = len(finished.division) >= _DISTRICT_DIGITS
    return {"role": "district_reviewer" if in_district else "city_reviewer", "division": finished.division[:_DISTRICT_DIGITS]}


def to_service(row: Row, ring: KeyRing, *, words: bool = True) -> pb.Service:
    """``words``: whether the reader may see what people wrote."""
    finished, said, follow_up = row
    service = pb.Service(
        id=finished.id,
        item=finished.item,
        application_no=finished.application_no,
        subject=finished.subject,
        division=finished.division,
        finished_at=stamp(finished.at),
    )
    if said is not None:
        service.evaluation.CopyFrom(pb.Evaluation(level=said.level, reasons=said.reasons, channel=said.channel, at=stamp(said.at)))
        if words and said.words_sealed:
            service.evaluation.words = ring.decrypt(said.words_sealed, place("evaluation", "words_sealed", finished.id)).decode()
    if follow_up is not None:
        state = "done" if follow_up.state == "done" else "overdue" if follow_up.escalated_at is not None else "open"
        shown = pb.FollowUp(
            state=state,
            due_at=stamp(follow_up.due_at),
            escalated_at=stamp(follow_up.escalated_at),
            result=follow_up.result,
            answered_at=stamp(follow_up.answered_at),
        )
        if words and follow_up.answer_sealed:
            shown.answer = ring.decrypt(follow_up.answer_sealed, place("follow_up", "answer_sealed", finished.id)).decode()
        service.follow_up.CopyFrom(shown)
    return service


def opinion(said: pb.Opinion) -> pb.Opinion:
    """What was said, in one form: reasons once each and in order. Raises Refusal(INVALID_FIELDS)."""
    if said.level not in LEVELS:
        raise invalid([wrong("/opinion/level", "请选择满意程度。", "Choose how satisfied you are.")])
    fitting = reasons_of(said.level)
    if any(each not in fitting for each in said.reasons):
        raise invalid(
            [wrong("/opinion/reasons", "所选原因与满意程度不符，请重新选择。", "The reasons do not go with the level; choose again.")]
        )
    kept = [each for each in fitting if each in said.reasons]
    return pb.Opinion(level=said.level, reasons=kept, words=written(said.words, "/opinion/words", MAX_CHARS))


def result(code: str) -> str:
    """Raises Refusal(INVALID_FIELDS)."""
    if not is_code("follow_up_results", code):
        raise invalid([wrong("/result", "请选择回访结果。", "Choose what came of it.")])
    return code


def answer(value: str) -> str:
    """Raises Refusal(INVALID_FIELDS)."""
    said = written(value, "/answer", MAX_ANSWER_CHARS)
    if not said:
        raise invalid([missing("/answer")])
    return said


def written(value: str, pointer: str, most: int) -> str:
    """What a person wrote in one form, lines kept; may be nothing. Raises Refusal(INVALID_FIELDS)."""
    lines = [text.clean(line) for line in value.replace("\r\n", "\n").split("\n")]
    said = "\n".join(lines).strip()
    if len(said) > most:
        raise invalid([FieldViolation(pointer, "TOO_LONG", f"最多填写{most}个字。", f"At most {most} characters.")])
    if any(text.has_control(line) for line in lines):
        raise invalid([wrong(pointer, "内容中有不能识别的字符，请重新输入。", "There are unreadable characters.")])
    return said


def is_bad(level: str) -> bool:
    return level in BAD
