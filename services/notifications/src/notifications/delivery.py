"""How a message goes out beside the inbox: by the first channel open to the household, again while its other side is away, then by the next one.

A receipt that comes later and says that nothing arrived is a failed channel like any other. What begins a legal time is not left at silence: when no
receipt comes, the next channel takes it as well, since "sent" proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju_profile.messages import Messages
from chassis import ids, logs
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.outbox import Handler, Outbox, Settle
from sqlalchemy.ext.asyncio import AsyncSession

from notifications import store
from notifications.channels import ORDER, Channel, Parcel, Receipt, RefusedError, UnavailableError
from notifications.domain.templates import Template, catalogue
from notifications.domain.values import Fact
from notifications.store import Address, Sealed
from notifications.tables import Delivery, InboxMessage, Reach

_log = logs.get(__name__)
CONTACT_SECONDS: Final = 3.0
# Whom a street's clerks are told of, and by which text, when a number takes no messages.
CLERK: Final = "street_clerk"
UNREACHABLE: Final = "number_refused"
# Kinds of the outbox's entries: what is to be handed to a channel, and what a receipt should have come of.
DELIVER: Final = "deliver"
UNCONFIRMED: Final = "unconfirmed"


class Contacts:
    """Where a household is reached, as casework knows it at the moment."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._casework = casework_rpc.CaseworkServiceStub(client.channel)

    async def of(self, application_no: str) -> casework.GetContactResponse:
        request = casework.GetContactRequest(application_no=application_no)
        answer: casework.GetContactResponse = await self._client.call(self._casework.GetContact, request, timeout=CONTACT_SECONDS)
        return answer


class Deliveries:
    """Puts messages on their way (``begin``), is the outbox's handler of what is due (``handlers``), and takes receipts."""

    def __init__(
        self,
        database: Database,
        sealed: Sealed,
        contacts: Contacts,
        channels: Mapping[str, Channel],
        city: Messages,
        patience_seconds: int,
    ) -> None:
        self._database = database
        self._sealed = sealed
        self._contacts = contacts
        self._channels = channels
        self._city = city
        self._patience = timedelta(seconds=patience_seconds)
        self._outbox: Outbox | None = None

    def handlers(self) -> dict[str, Handler]:
        return {DELIVER: self._deliver, UNCONFIRMED: self._unconfirmed}

    def by(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def begin(
        self, session: AsyncSession, template: Template, messages: Sequence[tuple[InboxMessage, casework.GetContactResponse]]
    ) -> None:
        """Puts new messages on their way, in the caller's transaction; to nobody whose template stays in the inbox."""
        if not template.sms or not messages:
            return
        # The rows their deliveries belong to stand first.
        await session.flush()
        reaches = await store.reaches(session, [message.owner for message, _ in messages])
        for message, contact in messages:
            self._next(session, message, contact, reaches[message.owner], ())

    async def _deliver(self, payload: dict[str, Any]) -> Settle | None:
        async with self._database.statements() as session:
            job = await store.job(session, payload["delivery_id"])
        if job is None:
            return None
        delivery = job.delivery
        address = self._sealed.open_address(delivery) or Address("", "")
        state, wrong_address = "sent", False
        try:
            await self._channels[delivery.channel].send(Parcel(delivery.id, job.message.template, address.to, address.text))
        except UnavailableError:
            if datetime.now(UTC) - delivery.due_at < self._patience:
                raise
            _log.error("delivery_given_up", delivery=delivery.id, template=job.message.template)
            state = "given_up"
        except RefusedError as refused:
            state, wrong_address = "refused", refused.address
        at = datetime.now(UTC)
        if state == "sent":

            async def sent(session: AsyncSession) -> None:
                if await store.close(session, delivery.id, state, at) and delivery.channel == "sms" and _starts_clock(job.message.template):
                    self._add(session, UNCONFIRMED, delivery.id, self._city.receipt_within)

            return sent
        # Asked before the transaction: a slow casework must not hold a connection.
        contact = await self._contacts.of(job.message.application_no)
        async with self._database.transaction() as session:
            if await store.close(session, delivery.id, state, at):
                await self._failed(session, job.message, delivery, contact, at, wrong_address=wrong_address)
        return None

    async def _unconfirmed(self, payload: dict[str, Any]) -> None:
        """Silence is no delivery: the next channel begins beside the one whose receipt may still come."""
        async with self._database.statements() as session:
            known = await store.delivery(session, payload["delivery_id"])
            if known is None or known.state != "sent":
                return
            message = await store.message(session, known.message_id)
        contact = await self._contacts.of(message.application_no)
        async with self._database.transaction() as session:
            delivery = await store.delivery(session, known.id, lock=True)
            if delivery is not None and delivery.state == "sent":
                await self._go_on(session, message, contact)

    async def received(self, receipt: Receipt) -> bool:
        """True when the receipt was news."""
        state = "delivered" if receipt.delivered else "refused"
        async with self._database.statements() as session:
            known = await store.delivery(session, receipt.id)
            if known is None or known.state not in ("queued", "sent"):
                return False
            message = await store.message(session, known.message_id)
        contact = None if receipt.delivered else await self._contacts.of(message.application_no)
        async with self._database.transaction() as session:
            delivery = await store.receive(session, receipt.id, state, receipt.at)
            if delivery is None:
                return False
            if contact is None:
                await store.number_reached(session, message.owner, delivery.address_index)
            else:
                await self._failed(session, message, delivery, contact, receipt.at, wrong_address=receipt.address)
        return True

    async def _failed(
        self,
        session: AsyncSession,
        message: InboxMessage,
        delivery: Delivery,
        contact: casework.GetContactResponse,
        at: datetime,
        *,
        wrong_address: bool,
    ) -> None:
        if wrong_address and await store.refuse_number(session, message.owner, delivery.address_index, at):
            session.add(self._word_to_clerk(message, at))
        await self._go_on(session, message, contact)

    async def _go_on(self, session: AsyncSession, message: InboxMessage, contact: casework.GetContactResponse) -> None:
        before = (await store.tried(session, [message.id])).get(message.id, [])
        reach = await store.reach(session, message.owner)
        self._next(session, message, contact, reach, tuple(each.channel for each in before))

    def _next(
        self, session: AsyncSession, message: InboxMessage, contact: casework.GetContactResponse, reach: Reach, before: tuple[str, ...]
    ) -> None:
        """Begins the next channel that is open to the household; after the last one the inbox has to do."""
        for channel in ORDER:
            if channel in before or channel not in self._channels or not _open(channel, reach, contact):
                continue
            session.add(self._made(session, message, channel, reach, contact))
            return

    def _made(
        self, session: AsyncSession, message: InboxMessage, channel: str, reach: Reach, contact: casework.GetContactResponse
    ) -> Delivery:
        now = datetime.now(UTC)
        due = self._city.not_before(now) if channel == "sms" and reach.quiet and not _starts_clock(message.template) else now
        delivery = Delivery(id=f"{message.id}.{channel}", message_id=message.id, channel=channel, due_at=due, state_at=now)
        if channel == "sms":
            words = self._sealed.open_content(message).by_locale(contact.locale).sms
            delivery.address = self._sealed.address(message.id, channel, Address(contact.phone, words))
            delivery.address_index = self._sealed.address_index(contact.phone)
        self._add(session, DELIVER, delivery.id, due - now)
        return delivery

    def _add(self, session: AsyncSession, kind: str, delivery_id: str, after: timedelta) -> None:
        assert self._outbox is not None
        self._outbox.add(session, kind, {"delivery_id": delivery_id}, after=after)

    def _word_to_clerk(self, about: InboxMessage, at: datetime) -> InboxMessage:
        template, id = catalogue()[UNREACHABLE], ids.new_id("m-")
        return InboxMessage(
            id=id,
            role=CLERK,
            division=about.division,
            application_no=about.application_no,
            template=template.id,
            template_version=template.version,
            content=self._sealed.content(id, template.render({"no": Fact("text", about.application_no)})),
            at=at,
        )


def _open(channel: str, reach: Reach, contact: casework.GetContactResponse) -> bool:
    return channel == "letter" or (reach.sms and bool(contact.phone))


def _starts_clock(template: str) -> bool:
    known = catalogue().get(template)
    return known is None or known.starts_clock
