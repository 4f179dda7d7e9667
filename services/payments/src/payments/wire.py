"""Between rows and protobuf."""

from __future__ import annotations

from anju.common.v1 import common_pb2 as common
from anju.payments.v1 import payments_pb2 as pb
from chassis.wire import stamp

from payments.domain.ledger import Balance
from payments.tables import Bill, Intent


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
        credit_fen=found.credit_fen,
        lines=[common.RentLine(**line) for line in found.lines],
    )


def intent(found: Intent) -> pb.Intent:
    return pb.Intent(id=found.id, bill_id=found.bill_id, amount_fen=found.amount_fen, state=found.state, pay_url=found.pay_url)


def balance(found: Balance) -> pb.AccountBalance:
    return pb.AccountBalance(account=found.head.code, title=found.head.title, debit_fen=found.debit_fen, credit_fen=found.credit_fen)
