/** What the person signed on has under way here, what he must do himself before all else. What could not be read is unknown, and never taken for nothing. */
import { computed, onScopeDispose } from "vue";
import { api } from "@/api/client";
import type { ApplicationSummary, Bill, Lease, Offer, Tenancy } from "@/api/schema";
import { t, title } from "@/i18n";
import { useLoad } from "@/lib/action";
import { day, moment, period, yuan } from "@/lib/format";
import { isOver as isSettled } from "./pages/bills";

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
  title: string;
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
  const [cases, bills, leases] = await Promise.all([api.applications({ limit: MOST }), api.bills({ limit: MOST }), api.leases({ limit: MOST })]);
  const own: Own[] = await Promise.all(
    cases.items.map(async (item) => ({ item, tenancy: item.stage === "registered" ? await api.tenancy(item.no) : null })),
  );
  const deposited = new Set(bills.items.filter((each) => each.kind === "deposit" && each.state === "paid").map((each) => each.lease_no));
  return { open: own.filter((each) => !isOver(each)), bills: bills.items.filter((each) => !isSettled(each)), leases: leases.items, deposited };
}

const billPath = (bill: Bill) => `/leases/${bill.id.replace("/", "/bills/")}`;
const left = (bills: Bill[]) => yuan(bills.reduce((sum, each) => sum + each.amount_fen - each.paid_fen, 0));

function debts(bills: Bill[]): Matter[] {
  const late = bills.filter((each) => each.kind !== "deposit" && LATE.includes(each.state));
  const [only] = late;
  if (!only) return [];
  const to = late.length === 1 ? billPath(only) : "/bills";
  return [{ kind: "debt", title: t("mine.debt", { n: late.length, money: left(late) }), text: t("mine.debt_text"), to, action: t("mine.pay") }];
}

function payable(bill: Bill): Matter {
  const what = `${period(bill.period)} ${title("bill_kinds", bill.kind)}`;
  return { kind: "act", title: t("mine.bill", { what, money: left([bill]) }), text: t("mine.by", { at: moment(bill.due_at) }), to: billPath(bill), action: t("mine.pay") };
}

function offered(no: string, offer: Offer): Matter {
  return {
    kind: "act",
    title: t("mine.offer", { at: moment(offer.expires_at) }),
    text: t("offer.until_text"),
    to: `/cases/${no}/offers/${offer.id}`,
    action: t("case.offer_view"),
  };
}

function leased(lease: Lease, deposited: boolean): Matter[] {
  const to = `/leases/${lease.no}`;
  if (lease.state === "signing")
    return [{ kind: "act", title: t("mine.sign", { at: moment(lease.sign_by) }), text: t("mine.sign_text"), to: `${to}/sign`, action: t("case.lease_sign") }];
  if (lease.state === "deposit" && !deposited)
    return [{ kind: "act", title: t("mine.deposit", { money: yuan(lease.deposit_fen) }), text: t("mine.deposit_text"), to: `${to}/bills/deposit`, action: t("mine.pay") }];
  if (LEASE_OVER.includes(lease.state)) return [];
  return [{ kind: "run", title: `${title("lease_states", lease.state)} · ${lease.unit.estate_name} ${lease.unit.number}`, text: "", to, action: t("case.lease_view") }];
}

function underWay({ item, tenancy }: Own): Matter[] {
  const to = `/cases/${item.no}`;
  const offer = tenancy?.offers.find((each) => each.state === "open");
  if (offer) return [offered(item.no, offer)];
  if (item.stage === "correction") {
    const text = item.deadline_at ? t("mine.correct_text", { at: moment(item.deadline_at) }) : "";
    return [{ kind: "act", title: t("mine.correct", { no: item.no }), text, to: `${to}/correct`, action: t("case.correct") }];
  }
  // Its lease says more.
  if (tenancy?.lease) return [];
  const waiting = tenancy?.waiting;
  const state = waiting ? `${title("waiting_states", waiting.state)}：${t("case.rank", { n: waiting.rank })}` : title("stages", item.stage, item.stage_title);
  const who = waiting ? t("mine.waiting_text", { until: day(waiting.expires_at) }) : t("mine.who", { who: title("waiting_on", item.waiting_on) });
  const until = !waiting && item.deadline_at ? t("mine.until", { at: moment(item.deadline_at) }) : "";
  const text = item.blocked_at ? t("case.blocked") : `${who}${until}`;
  return [{ kind: item.waiting_on === "citizen" ? "act" : "run", title: `${item.no} · ${state}`, text, to, action: t("cases.open") }];
}

export function useMine() {
  const all = useLoad(read);
  // A phone is laid aside and taken up again on the same page.
  const seen = () => void (document.hidden || all.reload());
  document.addEventListener("visibilitychange", seen);
  onScopeDispose(() => document.removeEventListener("visibilitychange", seen));
  const matters = computed<Matter[]>(() => {
    if (!all.data) return [];
    const { open, bills, leases, deposited } = all.data;
    const found = [
      ...debts(bills),
      ...open.flatMap(underWay),
      ...leases.flatMap((each) => leased(each, deposited.has(each.no))),
      // A deposit is asked for with its lease.
      ...bills.filter((each) => each.kind !== "deposit" && each.state === "open").map(payable),
    ];
    const order = ["debt", "act", "run"];
    return found.sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
  });
  /** The case that stands in the way of another application; undefined for none, and while nothing is known. */
  const open = computed(() => all.data?.open[0]?.item);
  return { all, matters, open };
}
