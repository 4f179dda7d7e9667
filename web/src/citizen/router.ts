import { watch } from "vue";
import { createRouter, createWebHistory, type NavigationGuard, type RouteRecordRaw } from "vue-router";
import { api } from "@/api/client";
import { locale, t, withTexts, type Key } from "@/i18n";
import { apply, authorisations, evaluations, letters, money, policies } from "@/i18n/parts";
import { watchMoves } from "@/lib/navigation";
import { loadRegisters } from "@/lib/registers";
import { loadSession, session } from "@/lib/session";
import { focusHeading, focusOn } from "@/ui/focus";
import { billLink } from "./pages/bills";
import { points } from "./points";

declare module "vue-router" {
  interface RouteMeta {
    title?: Key;
    /** Needs a citizen who is signed on. */
    mine?: boolean;
    /** A question page: without the navigation bar, which would lead away from a half-filled form. */
    question?: boolean;
  }
}

const question = (path: string, title: Key, page: () => Promise<unknown>) =>
  ({ path, component: withTexts(apply, page), meta: { title, mine: true, question: true } }) as RouteRecordRaw;

/** The same pages ask for a new application and for a correction. */
const questions = (): RouteRecordRaw[] => [
  question("", "apply.title", () => import("./apply/StartPage.vue")),
  question("category", "section.category", () => import("./apply/CategoryPage.vue")),
  question("members", "section.members", () => import("./apply/MembersPage.vue")),
  question("members/:index(\\d+)", "section.members", () => import("./apply/MemberPage.vue")),
  question("marriage", "section.marriage", () => import("./apply/MarriagePage.vue")),
  question("homes", "section.homes", () => import("./apply/HomesPage.vue")),
  question("homes/:index(\\d+)", "section.homes", () => import("./apply/HomePage.vue")),
  question("vehicles", "section.vehicles", () => import("./apply/VehiclesPage.vue")),
  question("vehicles/:index(\\d+)", "section.vehicles", () => import("./apply/VehiclePage.vue")),
  question("place", "section.place", () => import("./apply/PlacePage.vue")),
  question("consent", "section.consent", () => import("./apply/ConsentPage.vue")),
  question("check", "check.title", () => import("./apply/CheckPage.vue")),
];

const open = (path: string, title: Key, component: RouteRecordRaw["component"]) => ({ path, component, meta: { title } }) as RouteRecordRaw;
const mine = (path: string, title: Key, component: RouteRecordRaw["component"]) => ({ path, component, meta: { title, mine: true } }) as RouteRecordRaw;

/** A message knows its case and the month; the lease between them is asked for. All bills where there is none, or nobody answers. */
const toBill: NavigationGuard = async (to) => {
  const lease = (await api.tenancy(String(to.params.no)).catch(() => null))?.lease;
  return { path: lease ? billLink(`${lease.no}/${String(to.params.period)}`) : "/bills", replace: true };
};

export const router = createRouter({
  history: createWebHistory("/"),
  scrollBehavior: (to, _from, saved) => saved ?? (to.hash ? false : { top: 0 }),
  routes: [
    open("/", "home.title", () => import("./pages/HomePage.vue")),
    open("/conditions", "conditions.title", () => import("./pages/ConditionsPage.vue")),
    open("/counters", "points.title", withTexts(points, () => import("./pages/CountersPage.vue"))),
    open("/policies", "policies.title", withTexts(policies, () => import("./pages/PoliciesPage.vue"))),
    open("/policies/:id", "policies.title", withTexts(policies, () => import("./pages/PolicyPage.vue"))),
    open("/evaluations", "figures.title", withTexts(evaluations, () => import("./pages/EvaluationsPage.vue"))),
    open("/receipts/:code", "receipt_page.title", withTexts(evaluations, () => import("./pages/VisitPage.vue"))),
    mine("/evaluate", "evaluate.title", withTexts(evaluations, () => import("./pages/EvaluatePage.vue"))),
    open("/say", "say.title", withTexts(letters, () => import("./pages/SayPage.vue"))),
    open("/letters/follow", "follow.title", withTexts(letters, () => import("./pages/FollowPage.vue"))),
    mine("/letters", "my_letters.title", withTexts(letters, () => import("./pages/LettersPage.vue"))),
    mine("/letters/:no", "letter.title", withTexts(letters, () => import("./pages/LetterPage.vue"))),
    open("/notices", "notices.title", () => import("./pages/NoticesPage.vue")),
    open("/waiting", "waiting.title", () => import("./pages/WaitingPage.vue")),
    open("/contracts/check/:no/:mark", "check_contract.title", () => import("./pages/CheckContractPage.vue")),
    open("/payment-receipts/:receipt/:mark", "receipt_check.title", withTexts(money, () => import("./pages/CheckReceiptPage.vue"))),
    mine("/notices/:no/objection", "objection.title", () => import("./pages/ObjectionPage.vue")),
    { path: "/apply", children: questions() },
    { path: "/cases/:no/correct", children: questions() },
    mine("/cases", "cases.title", () => import("./pages/CasesPage.vue")),
    mine("/cases/:no", "case.title", () => import("./pages/CasePage.vue")),
    mine("/cases/:no/receipt", "receipt.title", () => import("./pages/ReceiptPage.vue")),
    mine("/cases/:no/withdraw", "withdraw.title", () => import("./pages/WithdrawPage.vue")),
    mine("/cases/:no/leave", "leave.title", () => import("./pages/LeavePage.vue")),
    { path: "/cases/:no/bills/:period", component: () => import("./pages/BillsPage.vue"), meta: { title: "bills.title", mine: true }, beforeEnter: toBill },
    mine("/cases/:no/access-log", "access.title", () => import("./pages/AccessPage.vue")),
    mine("/cases/:no/offers/:id", "offer.title", () => import("./pages/OfferPage.vue")),
    mine("/leases", "leases.title", () => import("./pages/LeasesPage.vue")),
    mine("/leases/:lease", "lease.title", () => import("./pages/LeasePage.vue")),
    mine("/leases/:lease/contract", "contract.title", () => import("./pages/ContractPage.vue")),
    mine("/leases/:lease/sign", "sign.title", () => import("./pages/SignPage.vue")),
    mine("/leases/:lease/bills/:period", "bills.title", withTexts(money, () => import("./pages/BillPage.vue"))),
    mine("/leases/:lease/statement", "statement.title", withTexts(money, () => import("./pages/StatementPage.vue"))),
    mine("/bills", "bills.title", () => import("./pages/BillsPage.vue")),
    mine("/myself/queries", "myself.title", () => import("./pages/MyQueriesPage.vue")),
    mine("/myself/authorisations", "authorisations.title", withTexts(authorisations, () => import("./pages/AuthorisationsPage.vue"))),
    mine("/confirm", "confirm.title", withTexts(apply, () => import("./pages/ConfirmPage.vue"))),
    mine("/myself/reach", "reach.title", () => import("./pages/ReachPage.vue")),
    mine("/inbox", "inbox.title", () => import("./pages/InboxPage.vue")),
    { path: "/signin", component: () => import("./pages/SignInPage.vue"), meta: { title: "signin.title" } },
    { path: "/:rest(.*)*", component: () => import("./pages/NotFoundPage.vue"), meta: { title: "notfound.title" } },
  ],
});

router.beforeEach(async (to) => {
  // What is agreed to, the forms have to know: a failure is said on the page.
  if (to.meta.question) await loadRegisters();
  if (!to.meta.mine) {
    void loadSession();
    return true;
  }
  await loadSession();
  if (session.user?.kind !== "citizen") return { path: "/signin", query: { next: to.fullPath } };
  if (to.meta.question) {
    const { isBegun, isHandedIn, openDraft } = await import("./apply/draft");
    const no = String(to.params.no ?? "");
    const first = no ? `/cases/${no}/correct` : "/apply";
    if (isHandedIn(no) && to.path !== first) return first;
    await openDraft(no, to.path === first);
    // Only the first page fetches the dossier which is corrected.
    if (no && to.path !== first && !isBegun(no)) return first;
  }
  return true;
});

function setTitle(): void {
  const key = router.currentRoute.value.meta.title;
  document.title = key ? `${t(key)} · ${t("app.full")}` : t("app.full");
}

watchMoves(router);
let first = true;
router.afterEach(async (to, from) => {
  setTitle();
  // The first page is the browser's to announce.
  const moved = to.path !== from.path && !first;
  first = false;
  if (to.hash && (await focusOn(to.hash.slice(1)))) return;
  if (moved) await focusHeading();
});
watch(locale, setTitle);
