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
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.workflow import ParentClosePolicy

from anju_workflows import search_attributes
from anju_workflows.application.calls import release_household
from anju_workflows.case import Case, refuse
from anju_workflows.telling import Telling, count, day, household
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
        await self.no_earlier_than_recorded(self.given.not_before)
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
                    if await self.left(self.leaving):
                        return Outcome(outcome="left")
                    continue
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

    async def offered(self, told: OfferMade, terms: WaitingTerms) -> calls.DraftedLease | None:
        """One offer to its end; the drafted lease when it was accepted. What was told is a hint: housing says what it has offered."""
        offer = await self.taken(told)
        if offer is None:
            return None
        expires = offer.expires_at
        # While nobody worked on it the household could not have answered.
        unserved = bool(self.generation) and expires <= workflow.now()
        drafted: list[calls.DraftedLease] = []

        async def take() -> bool:
            found = await self.answered(offer, terms)
            if found is not None:
                drafted.append(found)
            return found is not None

        if await self.listen(lambda: self.answer is not None or self.leaving is not None, take, expires, "配租确认期限"):
            self.answer = None
            return drafted[0] if drafted[0].lease_no else None
        self.declines += 0 if unserved else 1
        self.offer = None
        # Back on the list: nothing to do for the household until housing offers a unit.
        self.move("offer_expired", waiting_on="house_manager", deadline=terms.expires_at)
        step = self.step("offer_expired", tell=[self.back_on_the_list("offer_expired", terms)])
        close = calls.CloseOffer(offer_id=offer.offer_id, step=step, outcome="expired", unserved=unserved)
        await self.ask(lambda: calls.close_offer(close))
        return None

    async def taken(self, told: OfferMade) -> OfferMade | None:
        """The offer as housing has it, now open; None when it has made none. One that a workflow before this had taken is open already."""
        offer: OfferMade | None = told
        if self.stage != "offered":
            take_it = calls.TakeOffer(
                no=self.given.application_no, offer=told, step=self.step("offer_made", tell=[household("offer_made")])
            )
            offer = (await self.ask(lambda: calls.take_offer(take_it))).offer
            if offer is None:
                self.not_said("offer_made")
                return None
        self.offer, self.answer = offer, None
        if self.stage != "offered":
            self.move("offer_made", waiting_on="citizen", deadline=offer.expires_at if offer is not None else None)
        return offer

    def back_on_the_list(self, template: str, terms: WaitingTerms) -> Telling:
        return household(template, left=count(max(0, terms.max_declines - self.declines)))

    async def answered(self, offer: OfferMade, terms: WaitingTerms) -> calls.DraftedLease | None:
        """Has housing record what the household said; who leaves the list declines with the same word. None when the household has not said so."""
        said = self.answer
        if said is not None and said.accept:
            # Housing knows the lease it drafts, and until when it must be signed.
            step = self.step("offer_accepted", said.actor, said.request_id, [household("offer_accepted")])
            close = calls.CloseOffer(offer_id=offer.offer_id, step=step, outcome="accepted")
            found = await self.carried_out(said, "offer_accepted", lambda: calls.close_offer(close), waiting_on="nobody")
            if found is None:
                self.answer = None
            return found
        word: OfferAnswer | Leaving | None = said or self.leaving
        assert word is not None
        self.declines += 1
        self.offer = None
        step = self.step("offer_declined", word.actor, word.request_id, [self.back_on_the_list("offer_declined", terms)])
        reason = said.reason if said is not None else ""
        close = calls.CloseOffer(offer_id=offer.offer_id, step=step, outcome="declined", reason=reason)
        found = await self.carried_out(
            word, "offer_declined", lambda: calls.close_offer(close), waiting_on="house_manager", deadline=terms.expires_at
        )
        if found is None:
            self.declines -= 1
            self.offer, self.answer = offer, None
            if said is None:
                self.leaving = None
        return found

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

    async def left(self, said: Leaving) -> bool:
        """Off the list by the household's own word; False when it has not said so."""
        step = self.step("left", said.actor, said.request_id, [household("left_waiting")])
        close = calls.CloseWaiting(no=self.given.application_no, step=step, outcome="left")
        if await self.carried_out(said, "left", lambda: calls.close_waiting(close), waiting_on="nobody") is None:
            self.leaving = None
            return False
        await self.over()
        return True

    async def end(self, event: str, outcome: str, template: str) -> Outcome:
        self.move(event, waiting_on="nobody")
        step = self.step(event, tell=[household(template)])
        close = calls.CloseWaiting(no=self.given.application_no, step=step, outcome=outcome)
        await self.ask(lambda: calls.close_waiting(close))
        await self.over()
        return Outcome(outcome=outcome)

    async def over(self) -> None:
        await self.ask(lambda: release_household(self.given.application_no))
        await self.finish()

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
        if not current or self.answer is not None or self.leaving is not None or not self.new(said):
            raise refuse("OFFER_NOT_OPEN", "该配租已经结束或已答复，请刷新后查看。")

    @workflow.update(name=LEAVE, description="申请家庭退出轮候")
    def leave(self, said: Leaving) -> Accepted:
        self.leaving = said
        return Accepted(stage="left")

    @leave.validator
    def _check_leave(self, said: Leaving) -> None:
        self.require_standing()
        if self.stage in MOVES.ends or self.leaving is not None or self.answer is not None or not self.new(said):
            raise refuse("ALREADY_ENDED", "轮候已经结束或正在办理配租，不能退出。")
