"""Waiting: from registration to an accepted home (Order 11, articles 10 to 14)."""

from __future__ import annotations

from anju_contracts import lease
from anju_contracts.base import Accepted, Outcome
from anju_contracts.waiting import (
    ANSWER_OFFER,
    LEAVE,
    MOVES,
    NAME,
    OFFER_MADE,
    Leaving,
    OfferAnswer,
    OfferMade,
    WaitingInput,
    WaitingTerms,
)
from chassis import calendar
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.workflow import ParentClosePolicy

from anju_workflows import search_attributes
from anju_workflows.application.calls import release_household
from anju_workflows.case import Case, refuse
from anju_workflows.telling import count, day, household, text
from anju_workflows.waiting import calls


@workflow.defn(name=NAME)
class Waiting(Case):
    """A registered household's time on the waiting list.

    Has itself put on the list, and learns from housing on what terms it waits. Waits for housing to offer a unit in list order, and then for the
    household's answer, each with a limit: an offer expires, too many declined or expired offers strike the household off, five years end the
    registration (with alarms well before). Ends leased (a Lease workflow goes on), left, struck off or expired.

    One that was started again goes on where housing has the household: waiting, with an offer whose deadline stays, or on its way into a lease.
    """

    @workflow.init
    def __init__(self, given: WaitingInput) -> None:
        super().__init__(MOVES, given.application_no, given.place, generation=given.generation)
        self.given = given
        # The attributes it was started with say where it is.
        self.placed = True
        self.terms: WaitingTerms | None = None
        self.offers: list[OfferMade] = []
        self.offer: OfferMade | None = None
        self.answer: OfferAnswer | None = None
        self.leaving: Leaving | None = None
        self.declines = 0
        self.heard: set[str] = set()

    @workflow.run
    async def run(self, given: WaitingInput) -> Outcome:
        return await self.through(self.course())

    async def course(self) -> Outcome:
        found = await self.registered()
        self.terms = terms = found.terms
        limit, alarms = terms.expires_at, [at for at in terms.alarms_at if at > workflow.now()]
        if not self.generation:
            self.expect("house_manager", limit)
        elif found.drafted is not None:
            return await self.leased(found.drafted)
        elif self.stage == "waiting" and self.declines >= terms.max_declines:
            return await self.end("too_many_declines", "struck_off", "struck_off")
        while True:
            if self.stage == "waiting":
                if not await self.until(lambda: bool(self.offers) or self.leaving is not None, min([*alarms, limit]), "轮候期"):
                    if not alarms:
                        return await self.end("limit_reached", "expired", "waiting_expired")
                    alarms.pop(0)
                    await self.remind(household("waiting_alarm", expires=day(limit)))
                    continue
                if self.leaving is not None:
                    return await self.end("left", "left", "left_waiting")
            drafted = await self.offered(self.offers.pop(0), terms)
            if drafted is not None:
                return await self.leased(drafted)
            if self.leaving is None and self.declines >= terms.max_declines:
                return await self.end("too_many_declines", "struck_off", "struck_off")

    async def registered(self) -> calls.Registration:
        """Puts the household on the list; housing tells it its rank, which it alone knows. A household that is on it already is not told so again."""
        self.show()
        news = [] if self.generation else [household("registered")]
        entry = calls.RegisterWaiting(no=self.given.application_no, step=self.step("registered", tell=news))
        found = await self.ask(lambda: calls.register_waiting(entry))
        self.declines = found.declines
        if found.offer is not None:
            self.offer_made(found.offer)
        if self.generation:
            self.taken_up(found)
        return found

    def taken_up(self, found: calls.Registration) -> None:
        if found.drafted is not None:
            self.take_up(stage="leased", waiting_on="nobody", deadline=None)
        elif found.offer is not None and found.told:
            self.offer = found.offer
            self.take_up(stage="offered", waiting_on="citizen", deadline=found.offer.expires_at)
        else:
            self.take_up(stage="waiting", waiting_on="house_manager", deadline=found.terms.expires_at)

    async def offered(self, offer: OfferMade, terms: WaitingTerms) -> calls.DraftedLease | None:
        """One offer to its end; the drafted lease when it was accepted."""
        self.offer, self.answer = offer, None
        # While nobody worked on it the household could not have answered.
        unserved = self.stage == "offered" and offer.expires_at <= workflow.now()
        if self.stage == "offered":
            expires = offer.expires_at
        else:
            # The household's own calendar decides how long it may think, even when housing's clock is behind it.
            expires = max(offer.expires_at, calendar.days_after(workflow.now(), terms.offer_open_days))
            self.move("offer_made", waiting_on="citizen", deadline=expires)
        # Whoever took it before may have been ended before it could tell; the same day is told once.
        told = f"{offer.offer_id}-{calendar.local_date(expires):%Y%m%d}"
        await self.remind(household("offer_made", unit=text(offer.unit), expires=day(expires)), about=told)
        answered = await self.until(lambda: self.answer is not None or self.leaving is not None, expires, "配租确认期限")
        said = self.answer
        if said is not None and said.accept:
            self.move("offer_accepted", waiting_on="nobody")
            # Housing knows the lease it drafts, and until when it must be signed.
            step = self.step("offer_accepted", said.actor, said.request_id, [household("offer_accepted")])
            return await self.closed(calls.CloseOffer(offer_id=offer.offer_id, step=step, outcome="accepted"))
        self.declines += 0 if unserved else 1
        outcome = "declined" if answered else "expired"
        self.offer = None
        # Back on the list: nothing to do for the household until housing offers a unit.
        self.move(f"offer_{outcome}", waiting_on="house_manager", deadline=terms.expires_at)
        news = household(f"offer_{outcome}", left=count(max(0, terms.max_declines - self.declines)))
        actor, word, reason = (said.actor, said.request_id, said.reason) if said is not None else ("system", "", "")
        step = self.step(f"offer_{outcome}", actor, word, [news])
        close = {"offer_id": offer.offer_id, "step": step, "outcome": outcome, "reason": reason, "unserved": unserved}
        await self.closed(calls.CloseOffer.model_validate(close))
        self.answer = None
        return None

    async def closed(self, close: calls.CloseOffer) -> calls.DraftedLease:
        return await self.ask(lambda: calls.close_offer(close))

    async def leased(self, drafted: calls.DraftedLease) -> Outcome:
        """Off the list and into the lease."""
        assert drafted.sign_by is not None
        close = calls.CloseWaiting(no=self.given.application_no, step=self.step("leased"), outcome="leased")
        await self.ask(lambda: calls.close_waiting(close))
        place = self.given.place
        await workflow.start_child_workflow(
            lease.NAME,
            lease.LeaseInput(
                lease_no=drafted.lease_no,
                application_no=self.given.application_no,
                owner=self.given.owner,
                place=place,
                unit=drafted.unit,
                sign_by=drafted.sign_by,
                separate_queues=self.given.separate_queues,
            ),
            id=lease.workflow_id(drafted.lease_no),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=search_attributes.at_start(
                stage=lease.MOVES.start, waiting_on="citizen", deadline=drafted.sign_by, place=(place.district, place.street)
            ),
            static_summary=f"{lease.MOVES.title} {drafted.lease_no}",
        )
        await self.finish()
        return Outcome(outcome="leased")

    async def end(self, event: str, outcome: str, template: str) -> Outcome:
        self.move(event, waiting_on="nobody")
        actor, word = (self.leaving.actor, self.leaving.request_id) if self.leaving is not None else ("system", "")
        step = self.step(event, actor, word, [household(template)])
        close = calls.CloseWaiting(no=self.given.application_no, step=step, outcome=outcome)
        await self.ask(lambda: calls.close_waiting(close))
        await self.ask(lambda: release_household(self.given.application_no))
        await self.finish()
        return Outcome(outcome=outcome)

    def details(self) -> list[str]:
        lines = super().details()
        if self.offer is not None:
            lines.append(f"**配租**：{self.offer.unit}")
        if self.terms is not None:
            lines.append(f"**已放弃**：{self.declines} 次（上限 {self.terms.max_declines} 次）")
        return lines

    def state_details(self) -> dict[str, str]:
        return {"offer": self.offer.offer_id if self.offer is not None else "", "declines": str(self.declines)}

    @workflow.signal(name=OFFER_MADE, description="房管部门已配租")
    def offer_made(self, said: OfferMade) -> None:
        # Housing tells at least once, and may tell again what has long been answered.
        if said.offer_id not in self.heard:
            self.heard.add(said.offer_id)
            self.offers.append(said)

    @workflow.update(name=ANSWER_OFFER, description="申请家庭答复配租：接受或放弃")
    def answer_offer(self, said: OfferAnswer) -> Accepted:
        self.answer = said
        return Accepted(stage=MOVES.next(self.stage, "offer_accepted" if said.accept else "offer_declined"))

    @answer_offer.validator
    def _check_answer_offer(self, said: OfferAnswer) -> None:
        self.require_standing()
        current = self.offer is not None and self.offer.offer_id == said.offer_id and self.stage == "offered"
        if not current or self.answer is not None or self.leaving is not None:
            raise refuse("OFFER_NOT_OPEN", "该配租已经结束或已答复，请刷新后查看。")

    @workflow.update(name=LEAVE, description="申请家庭退出轮候")
    def leave(self, said: Leaving) -> Accepted:
        self.leaving = said
        return Accepted(stage="left")

    @leave.validator
    def _check_leave(self, said: Leaving) -> None:
        self.require_standing()
        if self.stage in MOVES.ends or self.leaving is not None or self.answer is not None:
            raise refuse("ALREADY_ENDED", "轮候已经结束或正在办理配租，不能退出。")
