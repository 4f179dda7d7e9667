/** What the person signed on has under way here, what he must do himself before all else. What could not be read is unknown, and never taken for nothing. */
import { computed, effectScope, onScopeDispose, shallowRef, watch } from "vue";
import { api } from "@/api/client";
import type { ApplicationSummary, Bill, Claim, Lease, Offer, Tenancy } from "@/api/schema";
import { t, title } from "@/i18n";
import { useLoad } from "@/lib/action";
import { day, moment, yuan } from "@/lib/format";
import { session } from "@/lib/session";
import { billLink, billName, isOver as isSettled } from "./pages/bills";

/** Ends after which a case is over. */
const ENDED = ["registered", "rejected", "withdrawn", "lapsed"];
/** Ends of waiting after which the household may apply again. */
const LEFT = ["left", "struck_off", "expired"];
const LEASE_OVER = ["ended", "lapsed"];
const LATE = ["overdue", "arrears"];
const MOST = 100;

export interface Matter {
  /** debt and act are the person's own to do; run is in others' hands. */
  kind: "debt" | "act" | "run";
  /** Which of his matters it is, such as the number of a case. */
  about: string;
  title: string;
  who: string;
  until: string;
  text: string;
  to: string;
  action: string;
}

/** A case and, once it is registered, its tenancy; null while housing does not know it yet. */
interface Own {
  item: ApplicationSummary;
  tenancy: Tenancy | null;
}

/** Whether the household may apply again: a registered one only when its waiting or its lease is over. */
function isOver({ item, tenancy }: Own): boolean {
  if (item.stage !== "registered") return ENDED.includes(item.stage);
  return LEASE_OVER.includes(tenancy?.lease?.state ?? "") || LEFT.includes(tenancy?.waiting?.state ?? "");
}

async function read() {
  const [cases, bills, leases, claims] = await Promise.all([
    api.applications({ limit: MOST }),
    api.bills({ limit: MOST }),
    api.leases({ limit: MOST }),
    // Without a verified number nobody knows whom a household names.
    session.user?.prefill?.id_number ? api.claims() : [],
  ]);
  const own: Own[] = await Promise.all(
    cases.items.map(async (item) => ({ item, tenancy: item.stage === "registered" ? await api.tenancy(item.no) : null })),
  );
  const deposited = new Set(bills.items.filter((each) => each.kind === "deposit" && each.state === "paid").map((each) => each.lease_no));
  return { own, bills: bills.items.filter((each) => !isSettled(each)), leases: leases.items, claims: claims.filter((each) => each.state !== "refused"), deposited };
}

const left = (bills: Bill[]) => yuan(bills.reduce((sum, each) => sum + each.amount_fen - each.paid_fen, 0));
const YOURS = { text: "", until: "", about: "" };

function debts(bills: Bill[]): Matter[] {
  const late = bills.filter((each) => each.kind !== "deposit" && LATE.includes(each.state));
  const [only] = late;
  if (!only) return [];
  const to = late.length === 1 ? billLink(only.id) : "/bills";
  const said = { title: t("mine.debt", { n: late.length, money: left(late) }), text: t("mine.debt_text"), who: t("mine.you") };
  return [{ ...YOURS, ...said, kind: "debt", to, action: t("mine.pay") }];
}

function payable(bill: Bill): Matter {
  const said = { title: t("mine.bill", { what: billName(bill), money: left([bill]) }), until: t("mine.by", { at: moment(bill.due_at) }), who: t("mine.you") };
  return { ...YOURS, ...said, kind: "act", to: billLink(bill.id), action: t("mine.pay") };
}

function offered(no: string, offer: Offer): Matter {
  const said = { title: t("mine.offer", { at: moment(offer.expires_at) }), text: t("offer.until_text"), who: t("mine.you") };
  return { ...YOURS, ...said, kind: "act", about: no, to: `/cases/${no}/offers/${offer.id}`, action: t("case.offer_view") };
}

function leased(lease: Lease, deposited: boolean): Matter[] {
  const to = `/leases/${lease.no}`;
  const yours = { ...YOURS, kind: "act" as const, about: lease.no, who: t("mine.you") };
  if (lease.state === "signing")
    return [{ ...yours, title: t("mine.sign", { at: moment(lease.sign_by) }), text: t("mine.sign_text"), to: `${to}/sign`, action: t("case.lease_sign") }];
  if (lease.state === "deposit" && !deposited)
    return [{ ...yours, title: t("mine.deposit", { money: yuan(lease.deposit_fen) }), text: t("mine.deposit_text"), to: `${to}/bills/deposit`, action: t("mine.pay") }];
  if (LEASE_OVER.includes(lease.state)) return [];
  const home = `${lease.unit.estate_name} ${lease.unit.number}`;
  return [{ ...YOURS, kind: "run", about: home, title: title("lease_states", lease.state), who: "", to, action: t("case.lease_view") }];
}

function underWay({ item, tenancy }: Own): Matter[] {
  const to = `/cases/${item.no}`;
  const offer = tenancy?.offers.find((each) => each.state === "open");
  if (offer) return [offered(item.no, offer)];
  if (item.stage === "correction") {
    const text = item.deadline_at ? t("mine.correct_text", { at: moment(item.deadline_at) }) : "";
    return [{ ...YOURS, kind: "act", about: item.no, title: t("mine.correct", { no: item.no }), text, who: t("mine.you"), to: `${to}/correct`, action: t("case.correct") }];
  }
  // Its lease says more.
  if (tenancy?.lease) return [];
  const waiting = tenancy?.waiting;
  const state = waiting ? `${title("waiting_states", waiting.state)}：${t("case.rank", { n: waiting.rank })}` : title("stages", item.stage, item.stage_title);
  return [
    {
      kind: item.waiting_on === "citizen" ? "act" : "run",
      about: `${t("field.no")} ${item.no}`,
      title: state,
      who: waiting ? "" : t("mine.who", { who: title("waiting_on", item.waiting_on) }),
      until: waiting ? t("mine.waiting_until", { until: day(waiting.expires_at) }) : item.deadline_at ? t("mine.until", { at: moment(item.deadline_at) }) : "",
      text: item.blocked_at ? t("case.blocked") : waiting ? t("mine.waiting_text") : "",
      to,
      action: t("cases.open"),
    },
  ];
}

/** A household that names him and waits for his word, or of which he is a member by his word. */
function claimed(claim: Claim): Matter {
  const awaited = claim.state === "awaited";
  return {
    ...YOURS,
    kind: awaited ? "act" : "run",
    about: `${t("field.no")} ${claim.application_no}`,
    title: t(awaited ? "mine.claim" : "mine.member", { name: claim.applicant }),
    who: awaited ? t("mine.you") : "",
    until: awaited && claim.deadline_at ? t("mine.until", { at: moment(claim.deadline_at) }) : "",
    text: awaited ? t("mine.claim_text") : "",
    to: "/confirm",
    action: t(awaited ? "mine.confirm" : "mine.member_view"),
  };
}

export function useMine() {
  const all = useLoad(read);
  // A phone is laid aside and taken up again on the same page.
  const seen = () => void (document.hidden || all.reload());
  document.addEventListener("visibilitychange", seen);
  onScopeDispose(() => document.removeEventListener("visibilitychange", seen));
  const cases = computed(() => all.data?.own.map((each) => each.item) ?? []);
  const matters = computed<Matter[]>(() => {
    if (!all.data) return [];
    const { own, bills, leases, claims, deposited } = all.data;
    const found = [
      ...debts(bills),
      ...claims.map(claimed),
      ...own.filter((each) => !isOver(each)).flatMap(underWay),
      ...leases.flatMap((each) => leased(each, deposited.has(each.no))),
      // A deposit is asked for with its lease.
      ...bills.filter((each) => each.kind !== "deposit" && each.state === "open").map(payable),
    ];
    const order = ["debt", "act", "run"];
    return found.sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
  });
  /** The case that stands in the way of another application; undefined for none, and while nothing is known. */
  const open = computed(() => all.data?.own.find((each) => !isOver(each))?.item);
  /** Only for somebody who has nothing here that stands in the way of an application, and not before that is known. Being named by somebody does not. */
  const mayApply = computed(() => all.data !== null && !open.value && !matters.value.some((each) => each.to !== "/confirm" || each.kind === "run"));
  return { all, cases, matters, open, mayApply };
}

export type Mine = ReturnType<typeof useMine>;

/** The same on a page anybody may see: asked once it is known who has come, null until then and for nobody. */
export function useMineOnceKnown() {
  const mine = shallowRef<Mine | null>(null);
  const scope = effectScope();
  watch(
    () => session.user?.kind === "citizen",
    (citizen) => (mine.value = citizen ? (scope.run(useMine) ?? null) : null),
    { immediate: true },
  );
  onScopeDispose(() => scope.stop());
  return mine;
}
