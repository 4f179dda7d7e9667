"""Waiting: from registration to an accepted home (Order 11, articles 10 to 14)."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.workflow import ParentClosePolicy

from anju_workflows import calls, deadlines, search_attributes
from anju_workflows.case import Case, refuse
from anju_workflows.contracts import (
    LEASE,
    WAITING,
    Accepted,
    LeaseInput,
    OfferAnswer,
    OfferMade,
    WaitingInput,
    WaitingResult,
    Withdrawal,
    lease_id,
)
from anju_workflows.transitions import LEASE as LEASE_MOVES
from anju_workflows.transitions import WAITING as MOVES


@workflow.defn(name=WAITING)
class Waiting(Case):
    """A registered household's time on the waiting list.

    Waits for housing to offer a unit in list order, and then for the household's answer, each with a limit: an offer expires, too many declined or
    expired offers strike the household off, five years end the registration (with alarms well before). Ends leased (a Lease workflow goes on),
    left, struck off or expired.
    """

    table = MOVES

    @workflow.init
    def __init__(self, given: WaitingInput) -> None:
        super().__init__(given.application.no)
        self.given = given
        self.application = given.application
        self.place = (self.application.district, self.application.street)
        self.offers: list[OfferMade] = []
        self.offer: OfferMade | None = None
        self.answer: OfferAnswer | None = None
        self.leaving: Withdrawal | None = None
        self.declines = 0
        self.sign_by: datetime | None = None
        self.heard: set[str] = set()

    @workflow.run
    async def run(self, given: WaitingInput) -> WaitingResult:
        return await self.through(self.course())

    async def course(self) -> WaitingResult:
        clocks = self.application.clocks
        limit = deadlines.waiting_limit(self.given.registered_at, clocks)
        alarms = deadlines.waiting_alarms(self.given.registered_at, clocks)
        self.waiting_on, self.deadline = "house_manager", limit
        self.show()
        while True:
            if not await self.until(lambda: bool(self.offers) or self.leaving is not None, min([*alarms, limit]), "轮候期"):
                if not alarms:
                    return await self.end("limit_reached", "expired", "waiting_expired")
                alarms.pop(0)
                await self.tell("waiting_alarm", expires=deadlines.china_day(limit))
                continue
            if self.leaving is not None:
                return await self.end("left", "left", "left_waiting")
            lease = await self.offered(self.offers.pop(0), limit)
            if lease is not None:
                return await self.lease(lease)
            if self.leaving is None and self.declines >= clocks.max_declines:
                return await self.end("too_many_declines", "struck_off", "struck_off")

    async def offered(self, offer: OfferMade, limit: datetime) -> calls.DraftedLease | None:
        """One offer to its end; the drafted lease when it was accepted."""
        clocks = self.application.clocks
        # The household's own calendar decides how long it may think, even when housing's clock is behind it.
        expires = max(offer.expires_at, deadlines.offer(workflow.now(), clocks))
        self.offer, self.answer = offer, None
        self.move("offer_made", waiting_on="citizen", deadline=expires)
        await self.tell("offer_made", unit=offer.unit, expires=deadlines.china_day(expires))
        answered = await self.until(lambda: self.answer is not None or self.leaving is not None, expires, "配租确认期限")
        if self.answer is not None and self.answer.accept:
            return await self.accepted(offer, self.answer)
        self.declines += 1
        outcome = "declined" if answered else "expired"
        self.offer = None
        # Back on the list: nothing to do for the household until housing offers a unit.
        self.move(f"offer_{outcome}", waiting_on="house_manager", deadline=limit)
        reason = self.answer.reason if self.answer is not None else ""
        actor = self.answer.actor if self.answer is not None else "system"
        close = calls.CloseOffer(offer_id=offer.offer_id, step=self.step(f"offer_{outcome}", actor), outcome=outcome, reason=reason)
        await self.ask(lambda: calls.close_offer(close))
        await self.tell(f"offer_{outcome}", left=str(max(0, clocks.max_declines - self.declines)))
        self.answer = None
        return None

    async def accepted(self, offer: OfferMade, answer: OfferAnswer) -> calls.DraftedLease:
        clocks = self.application.clocks
        self.sign_by = sign_by = deadlines.signing(workflow.now(), clocks)
        self.move("offer_accepted", waiting_on="nobody")
        close = calls.CloseOffer(
            offer_id=offer.offer_id,
            step=self.step("offer_accepted", answer.actor),
            outcome="accepted",
            term_months=clocks.lease_term_months,
            sign_by=sign_by,
        )
        lease = await self.ask(lambda: calls.close_offer(close))
        await self.tell("offer_accepted", lease=lease.lease_no, sign_by=deadlines.china_day(sign_by))
        return lease

    async def lease(self, drafted: calls.DraftedLease) -> WaitingResult:
        """Off the list and into the lease."""
        assert self.offer is not None
        assert self.sign_by is not None
        close = calls.CloseWaiting(no=self.application.no, step=self.step("leased"), outcome="leased")
        await self.ask(lambda: calls.close_waiting(close))
        await workflow.start_child_workflow(
            LEASE,
            LeaseInput(
                lease_no=drafted.lease_no,
                application_no=self.application.no,
                owner=self.application.owner,
                district=self.application.district,
                street=self.application.street,
                unit=self.offer.unit,
                monthly_rent_fen=drafted.monthly_rent_fen,
                deposit_fen=drafted.deposit_fen,
                starts_on=drafted.starts_on,
                ends_on=drafted.ends_on,
                # The day the household was told, and housing has on record.
                sign_by=self.sign_by,
                clocks=self.application.clocks,
                separate_queues=self.application.separate_queues,
            ),
            id=lease_id(drafted.lease_no),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=search_attributes.at_start(
                stage=LEASE_MOVES.start,
                waiting_on="citizen",
                deadline=self.sign_by,
                place=(self.application.district, self.application.street),
            ),
            static_summary=f"租赁合同 {drafted.lease_no}",
        )
        await self.finish()
        return WaitingResult(outcome="leased", lease_no=drafted.lease_no)

    async def end(self, event: str, outcome: str, template: str) -> WaitingResult:
        self.move(event, waiting_on="nobody")
        actor = self.leaving.actor if self.leaving is not None else "system"
        close = calls.CloseWaiting(no=self.application.no, step=self.step(event, actor), outcome=outcome)
        await self.ask(lambda: calls.close_waiting(close))
        await self.ask(lambda: calls.release_household(calls.ReleaseHousehold(no=self.application.no)))
        await self.tell(template)
        await self.finish()
        return WaitingResult(outcome=outcome)

    def details(self) -> list[str]:
        lines = super().details()
        if self.offer is not None:
            lines.append(f"**配租**：{self.offer.unit}")
        lines.append(f"**已放弃**：{self.declines} 次（上限 {self.application.clocks.max_declines} 次）")
        return lines

    @workflow.signal(name="offer_made", description="房管部门已配租")
    def offer_made(self, said: OfferMade) -> None:
        # Housing tells at least once, and may tell again what has long been answered.
        if said.offer_id not in self.heard:
            self.heard.add(said.offer_id)
            self.offers.append(said)

    @workflow.update(name="answer_offer", description="申请家庭答复配租：接受或放弃")
    def answer_offer(self, said: OfferAnswer) -> Accepted:
        self.answer = said
        return Accepted(stage=MOVES.next(self.stage, "offer_accepted" if said.accept else "offer_declined"))

    @answer_offer.validator
    def _check_answer_offer(self, said: OfferAnswer) -> None:
        current = self.offer is not None and self.offer.offer_id == said.offer_id and self.stage == "offered"
        if not current or self.answer is not None or self.leaving is not None:
            raise refuse("OFFER_NOT_OPEN", "该配租已经结束或已答复，请刷新后查看。")

    @workflow.update(name="leave", description="申请家庭退出轮候")
    def leave(self, said: Withdrawal) -> Accepted:
        self.leaving = said
        return Accepted(stage="left")

    @leave.validator
    def _check_leave(self, said: Withdrawal) -> None:
        if self.stage in MOVES.ends or self.leaving is not None or self.answer is not None:
            raise refuse("ALREADY_ENDED", "轮候已经结束或正在办理配租，不能退出。")
