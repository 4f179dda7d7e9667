"""Between rows and protobuf."""

from __future__ import annotations

from datetime import UTC, datetime

from anju.payments.v1 import payments_pb2 as pb
from chassis.errors import FieldViolation, invalid
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from payments.domain.ledger import Balance
from payments.tables import Bill, Intent


def stamp(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    result = Timestamp()
    result.FromDatetime(value)
    return result


def missing(pointer: str) -> FieldViolation:
    return FieldViolation(pointer, "REQUIRED", "请填写此项。", "This field is required.")


def wrong(pointer: str, zh: str, en: str) -> FieldViolation:
    return FieldViolation(pointer, "INVALID", zh, en)


def instant(holder: Message, name: str) -> datetime:
    """A timestamp field that must be there, in UTC. Raises Refusal(INVALID_FIELDS)."""
    if not holder.HasField(name):
        raise invalid([missing(f"/{name}")])
    try:
        value: datetime = getattr(holder, name).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid([wrong(f"/{name}", "时间无效。", "This is not a time.")]) from None
    return value


def bill(found: Bill) -> pb.Bill:
    return pb.Bill(
        id=found.id,
        lease_no=found.lease_no,
        application_no=found.application_no,
        kind=found.kind,
        period=found.period,
        amount_fen=found.amount_fen,
        paid_fen=found.paid_fen,
        state=found.state,
        issued_at=stamp(found.issued_at),
        due_at=stamp(found.due_at),
        paid_at=stamp(found.paid_at),
        owner=found.owner,
        district=found.district,
    )


def intent(found: Intent) -> pb.Intent:
    return pb.Intent(id=found.id, bill_id=found.bill_id, amount_fen=found.amount_fen, state=found.state, pay_url=found.pay_url)


def balance(found: Balance) -> pb.AccountBalance:
    return pb.AccountBalance(account=found.head.code, title=found.head.title, debit_fen=found.debit_fen, credit_fen=found.credit_fen)
