"""Taking payments: one code path for the page, scripted payers and captured-but-silent orders; callbacks at least once."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator
from datetime import datetime

import aiohttp
import structlog
from pydantic import BaseModel, ConfigDict, Field

from anju_sandbox.bank import protocol
from anju_sandbox.bank.ledger import BankLedger, Delivery, Order
from anju_sandbox.exchange import Hub
from anju_sandbox.world.living import SHANGHAI

log = structlog.get_logger("anju_sandbox.bank")
_AT_ONCE = 20
_ANSWER_BYTES = 1024
_ATTEMPT_SECONDS = 10
_IDLE_SECONDS = 5.0


class BankSwitches(BaseModel):
    """What the bank does wrong on purpose; counts run down by themselves, 0 is off."""

    model_config = ConfigDict(extra="forbid")

    drop_callbacks: int = Field(0, ge=0, description="so many next payments send no callback at all")
    drop_every: int = Field(0, ge=0, description="every n-th payment sends no callback")
    duplicate_callbacks: int = Field(0, ge=0, le=1000, description="extra deliveries of every callback")
    delay_callback_seconds: float = Field(0, ge=0)
    answer_500_captured: int = Field(0, ge=0, description="so many next orders answer 500, though the payment is taken")
    timeout_captured: int = Field(0, ge=0, description="so many next orders stay unanswered, though the payment is taken")
    timeout_seconds: float = Field(30, ge=0, le=600)


class Payments:
    """The bank's work behind its pages and interfaces."""

    def __init__(self, hub: Hub, ledger: BankLedger, private_key_pem: str) -> None:
        self.hub = hub
        self.ledger = ledger
        self.switches = BankSwitches()
        self._key = protocol.load_private_key(private_key_pem)
        self._wake = asyncio.Event()
        self._taken = itertools.count(1)

    def open_order(self, fields: dict[str, str]) -> Order:
        """Enters an order whose form and MAC are checked. Raises ProtocolError for a used id or a passed time-out."""
        now = self.hub.world.now()
        expires = None
        if fields.get("TIMEOUT"):
            expires = datetime.strptime(fields["TIMEOUT"], "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
        known = self.ledger.order(fields["ORDERID"])
        if known is None and expires is not None and expires <= now:
            raise protocol.ProtocolError("0130Z110C007", "订单已超时")
        fen = protocol.amount_fen(fields["PAYMENT"])
        order = self.ledger.open_order(fields, fen, secrets.token_urlsafe(24), now, expires)
        if order is None:
            raise protocol.ProtocolError("0130Z110C008", "订单号重复且内容不一致")
        return order

    def pay(self, order_id: str) -> str:
        """The payer confirms. Returns paid, already_paid, expired or unknown."""
        order = self.ledger.order(order_id)
        if order is None:
            return "unknown"
        now = self.hub.world.now()
        if order.status == "open" and order.expired(now):
            return "expired"
        if order.status == "paid" or not self.ledger.capture(order_id, now, self._callbacks()):
            return "already_paid"
        self._wake.set()
        return "paid"

    def _callbacks(self) -> list[tuple[str, float]]:
        """The deliveries a payment gets under the present switches."""
        switches = self.switches
        number = next(self._taken)
        dropped = switches.drop_callbacks > 0 or (switches.drop_every > 0 and number % switches.drop_every == 0)
        switches.drop_callbacks = max(switches.drop_callbacks - 1, 0)
        due_at = time.time() + switches.delay_callback_seconds
        if dropped:
            return [("dropped", due_at)]
        return [("due", due_at)] * (1 + switches.duplicate_callbacks)

    def send_again(self, order_id: str, times: int) -> int:
        """So many further deliveries of a paid order's callback; 0 if it is not paid."""
        order = self.ledger.order(order_id)
        if order is None or order.status != "paid":
            return 0
        for _ in range(times):
            self.ledger.add_callback(order_id, time.time())
        self._wake.set()
        return times

    def retry_now(self, order_id: str = "") -> int:
        """Delivers everything outstanding at once."""
        count = self.ledger.retry_now(order_id)
        self._wake.set()
        return count

    def callback_fields(self, order: Order) -> dict[str, str]:
        """The signed callback of a paid order."""
        fields = {name: order.fields.get(name, "") for name in protocol.CALLBACK_REQUIRED}
        fields |= {"ACC_TYPE": "30", "SUCCESS": "Y", "ACCDATE": order.account_date or ""}
        return fields | {"SIGN": protocol.sign_callback(self._key, fields)}

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Delivers callbacks in the background while the context is open."""
        timeout = aiohttp.ClientTimeout(total=_ATTEMPT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            task = asyncio.create_task(self._deliver_for_ever(session))
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _deliver_for_ever(self, session: aiohttp.ClientSession) -> None:
        while True:
            self._wake.clear()
            due = self.ledger.due_callbacks(time.time(), _AT_ONCE)
            if due:
                await asyncio.gather(*(self._deliver(session, delivery) for delivery in due))
                continue
            upcoming = self.ledger.next_due()
            pause = _IDLE_SECONDS if upcoming is None else min(max(upcoming - time.time(), 0.01), _IDLE_SECONDS)
            with contextlib.suppress(TimeoutError):
                # Not wait_for, which in Python 3.11 may swallow the cancellation that stops this.
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _deliver(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        order = self.ledger.order(delivery.order_id)
        if order is None:
            self.ledger.settle_callback(delivery.seq, "given_up", 0, "no such order")
            return
        try:
            fields = self.callback_fields(order)
            async with session.post(
                self.hub.settings.bank_notify_url, data=aiohttp.FormData(fields, charset="gbk"), allow_redirects=False
            ) as response:
                text = (await response.content.read(_ANSWER_BYTES)).decode("utf-8", "replace")
                accepted = response.status == 200 and "success" in text.lower()
                answer = f"{response.status} {text[:60]}"
        except (aiohttp.ClientError, TimeoutError) as error:
            accepted, answer = False, type(error).__name__
        if accepted:
            self.ledger.settle_callback(delivery.seq, "delivered", time.time(), answer)
            return
        settings = self.hub.settings
        attempts = delivery.attempts + 1
        wait = min(settings.callback_first_retry_seconds * 2 ** min(attempts - 1, 20), settings.callback_longest_retry_seconds)
        state = "given_up" if attempts >= settings.callback_most_attempts else "due"
        self.ledger.settle_callback(delivery.seq, state, time.time() + wait, answer)
        log.info("callback_not_accepted", order_id=order.order_id, attempts=attempts, answer=answer[:40])
