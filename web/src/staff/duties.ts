/** Which pages of the console each duty works with. The gateway and the services decide again. */
import type { RouteRecordRaw } from "vue-router";
import { title, withTexts, type Key } from "@/i18n";
import { letters } from "@/i18n/parts";
import { hasRole, session } from "@/lib/session";
import { levels } from "@/terms";

const REVIEWERS: string[] = Object.values(levels).map((level) => level.role);

/** Who reads complaints, each as far as it is his business, and who writes them down. */
const HEARS: string[] = [...REVIEWERS, "house_manager", "auditor"];

/** Parts of the navigation, in its order. */
export const GROUPS = ["work", "homes", "money", "oversight", "platform"] as const;
type Group = (typeof GROUPS)[number];

interface Page {
  path: string;
  title: Key;
  /** Its name in the navigation, the part it stands in and its sign there; a page below another one's path has none. */
  nav?: { name: Key; group: Group; icon: Icon };
  /** What somebody who opens it for the first time has to know. */
  help: Key;
  roles: string[];
  component: RouteRecordRaw["component"];
}
export type Icon =
  | "tasks"
  | "cases"
  | "waiting"
  | "leases"
  | "arrears"
  | "ledger"
  | "counters"
  | "readers"
  | "objections"
  | "recusals"
  | "exports"
  | "operations"
  | "steps"
  | "organisation"
  | "changes"
  | "counter"
  | "letters"
  | "policies"
  | "cash"
  | "broadcasts"
  | "templates"
  | "complaints";

/** A page is an entry here, and the router, the navigation and the help follow. */
export const PAGES: Page[] = [
  {
    path: "/arrears",
    title: "arrears.title",
    nav: { name: "staff.nav.arrears", group: "money", icon: "arrears" },
    help: "help.arrears",
    roles: ["finance", "house_manager"],
    component: () => import("./pages/ArrearsPage.vue"),
  },
  {
    path: "/tasks",
    title: "tasks.title",
    nav: { name: "staff.nav.tasks", group: "work", icon: "tasks" },
    help: "help.tasks",
    roles: REVIEWERS,
    component: () => import("./pages/TasksPage.vue"),
  },
  {
    path: "/recusals",
    title: "recusal.title",
    nav: { name: "staff.nav.recusals", group: "work", icon: "recusals" },
    help: "help.recusals",
    roles: [...REVIEWERS, "auditor"],
    component: () => import("./pages/RecusalPage.vue"),
  },
  {
    path: "/cases",
    title: "cases_staff.title",
    nav: { name: "staff.nav.cases", group: "work", icon: "cases" },
    help: "help.cases",
    roles: [...REVIEWERS, "house_manager", "operator", "auditor"],
    component: () => import("./pages/CasesPage.vue"),
  },
  {
    path: "/cases/:no",
    title: "case.title",
    help: "help.case",
    roles: [...REVIEWERS, "house_manager", "operator", "auditor"],
    component: () => import("./pages/CasePage.vue"),
  },
  {
    path: "/counter",
    title: "counter.title",
    nav: { name: "counter.title", group: "work", icon: "counter" },
    help: "help.counter",
    roles: ["street_clerk"],
    component: () => import("./pages/CounterPage.vue"),
  },
  {
    path: "/counter/new",
    title: "counter.new",
    help: "help.counter_new",
    roles: ["street_clerk"],
    component: () => import("./pages/CounterFormPage.vue"),
  },
  {
    path: "/counter/visit",
    title: "counter.again",
    help: "help.counter_visit",
    roles: ["street_clerk"],
    component: () => import("./pages/CounterVisitPage.vue"),
  },
  {
    path: "/letters",
    title: "letters.title",
    nav: { name: "staff.nav.letters", group: "work", icon: "letters" },
    help: "help.letters",
    roles: ["street_clerk"],
    component: () => import("./pages/LettersPage.vue"),
  },
  {
    path: "/complaints",
    title: "complaints.title",
    nav: { name: "staff.nav.complaints", group: "work", icon: "complaints" },
    help: "help.complaints",
    roles: HEARS,
    component: withTexts(letters, () => import("./pages/ComplaintsPage.vue")),
  },
  {
    path: "/complaints/new",
    title: "complaints.new",
    help: "help.complaints_new",
    roles: REVIEWERS,
    component: withTexts(letters, () => import("./pages/NewComplaintPage.vue")),
  },
  {
    path: "/complaints/:no",
    title: "complaints.one",
    help: "help.complaint",
    roles: HEARS,
    component: withTexts(letters, () => import("./pages/ComplaintPage.vue")),
  },
  {
    path: "/waiting",
    title: "allocate.title",
    nav: { name: "staff.nav.waiting", group: "homes", icon: "waiting" },
    help: "help.waiting",
    roles: ["house_manager", "city_reviewer", "district_reviewer", "auditor"],
    component: () => import("./pages/WaitingPage.vue"),
  },
  {
    path: "/leases",
    title: "leases_staff.title",
    nav: { name: "staff.nav.leases", group: "homes", icon: "leases" },
    help: "help.leases",
    roles: ["house_manager", "finance", "auditor"],
    component: () => import("./pages/LeasesPage.vue"),
  },
  {
    path: "/leases/:no",
    title: "lease.title",
    help: "help.lease",
    roles: ["house_manager", "finance", "auditor"],
    component: () => import("./pages/LeasePage.vue"),
  },
  {
    path: "/leases/:no/bills/:period",
    title: "arrears.bill",
    help: "help.bill",
    roles: ["house_manager", "finance", "auditor"],
    component: () => import("./pages/BillPage.vue"),
  },
  {
    path: "/exports",
    title: "exports.title",
    nav: { name: "staff.nav.exports", group: "oversight", icon: "exports" },
    help: "help.exports",
    roles: [...REVIEWERS, "house_manager", "finance", "operator", "auditor"],
    component: () => import("./pages/ExportsPage.vue"),
  },
  {
    path: "/counters",
    title: "counters.title",
    nav: { name: "staff.nav.counters", group: "oversight", icon: "counters" },
    help: "help.counters",
    roles: ["district_reviewer", "city_reviewer", "house_manager", "operator", "auditor"],
    component: () => import("./pages/CountersPage.vue"),
  },
  {
    path: "/policies",
    title: "policy_desk.title",
    nav: { name: "policy_desk.title", group: "oversight", icon: "policies" },
    help: "help.policy_desk",
    roles: ["city_reviewer", "auditor"],
    component: () => import("./pages/PoliciesPage.vue"),
  },
  {
    path: "/policies/new",
    title: "policy_desk.new",
    help: "help.policy_edit",
    roles: ["city_reviewer"],
    component: () => import("./pages/PolicyPage.vue"),
  },
  {
    path: "/policies/edit/:id",
    title: "policy_desk.edit",
    help: "help.policy_edit",
    roles: ["city_reviewer", "auditor"],
    component: () => import("./pages/PolicyPage.vue"),
  },
  {
    path: "/templates",
    title: "templates.title",
    nav: { name: "templates.title", group: "oversight", icon: "templates" },
    help: "help.templates",
    roles: ["city_reviewer", "operator", "auditor"],
    component: () => import("./pages/TemplatesPage.vue"),
  },
  {
    path: "/broadcasts",
    title: "broadcasts.title",
    nav: { name: "broadcasts.title", group: "oversight", icon: "broadcasts" },
    help: "help.broadcasts",
    roles: ["city_reviewer", "auditor"],
    component: () => import("./pages/BroadcastsPage.vue"),
  },
  {
    path: "/broadcasts/new",
    title: "broadcasts.new",
    help: "help.broadcasts",
    roles: ["city_reviewer"],
    component: () => import("./pages/BroadcastFormPage.vue"),
  },
  {
    path: "/broadcasts/:id",
    title: "broadcasts.title",
    help: "help.broadcasts",
    roles: ["city_reviewer", "auditor"],
    component: () => import("./pages/BroadcastPage.vue"),
  },
  {
    path: "/cash",
    title: "cash.title",
    nav: { name: "staff.nav.cash", group: "money", icon: "cash" },
    help: "help.cash",
    roles: ["finance", "house_manager", "auditor"],
    component: () => import("./pages/CashPage.vue"),
  },
  {
    path: "/ledger",
    title: "ledger.title",
    nav: { name: "staff.nav.ledger", group: "money", icon: "ledger" },
    help: "help.ledger",
    roles: ["finance", "auditor"],
    component: () => import("./pages/LedgerPage.vue"),
  },
  {
    path: "/readers",
    title: "readers.title",
    nav: { name: "staff.nav.readers", group: "oversight", icon: "readers" },
    help: "help.readers",
    roles: ["auditor"],
    component: () => import("./pages/ReadersPage.vue"),
  },
  {
    path: "/looks",
    title: "looks.title",
    help: "help.looks",
    roles: ["auditor"],
    component: () => import("./pages/LooksPage.vue"),
  },
  {
    path: "/follow-ups",
    title: "follow_ups.title",
    nav: { name: "staff.nav.follow_ups", group: "oversight", icon: "objections" },
    help: "help.follow_ups",
    roles: ["district_reviewer", "city_reviewer", "auditor"],
    component: () => import("./pages/FollowUpsPage.vue"),
  },
  {
    path: "/query-objections",
    title: "query_objections.title",
    nav: { name: "staff.nav.query_objections", group: "oversight", icon: "objections" },
    help: "help.query_objections",
    roles: ["auditor"],
    component: () => import("./pages/QueryObjectionsPage.vue"),
  },
  {
    path: "/operations",
    title: "ops.title",
    nav: { name: "staff.nav.operations", group: "platform", icon: "operations" },
    help: "help.operations",
    roles: ["operator"],
    component: () => import("./pages/OperationsPage.vue"),
  },
  {
    path: "/operator-steps",
    title: "steps.title",
    nav: { name: "steps.nav", group: "oversight", icon: "steps" },
    help: "help.steps",
    roles: ["operator", "auditor"],
    component: () => import("./pages/OperatorStepsPage.vue"),
  },
  {
    path: "/organisation",
    title: "org.title",
    nav: { name: "org.nav", group: "oversight", icon: "organisation" },
    help: "help.org",
    roles: ["user_admin", "audit_admin", "auditor"],
    component: () => import("./pages/OrganisationPage.vue"),
  },
  {
    path: "/organisation/appoint",
    title: "org.appoint",
    help: "help.org_appoint",
    roles: ["user_admin"],
    component: () => import("./pages/AppointPage.vue"),
  },
  {
    path: "/organisation/people/:account",
    title: "org.person",
    help: "help.org_person",
    roles: ["user_admin", "audit_admin", "auditor"],
    component: () => import("./pages/StaffMemberPage.vue"),
  },
  {
    path: "/organisation/units",
    title: "units_page.title",
    nav: { name: "units_page.nav", group: "oversight", icon: "organisation" },
    help: "help.units",
    roles: ["user_admin", "audit_admin", "auditor"],
    component: () => import("./pages/UnitsPage.vue"),
  },
  {
    path: "/organisation/changes",
    title: "org.changes",
    nav: { name: "org.changes", group: "oversight", icon: "changes" },
    help: "help.org_changes",
    roles: ["audit_admin"],
    component: () => import("./pages/OrganisationChangesPage.vue"),
  },
  {
    path: "/inbox",
    title: "staff.nav.inbox",
    help: "help.inbox",
    roles: [...REVIEWERS, "house_manager", "finance", "operator", "auditor"],
    component: () => import("@/citizen/pages/InboxPage.vue"),
  },
];

/** Everybody with a page of his own: he begins at the first page. */
export const STAFF = [...new Set(PAGES.flatMap((page) => page.roles))];

/** Who must act, as seen from the desk: the household is "you" only on its own pages. */
export const awaited = (code: string) => (code === "citizen" ? title("actors", code) : title("waiting_on", code));

const isStaff = () => session.user?.kind === "staff";
/** Whether the person signed on works with the page at a path. */
export const works = (path: string) => isStaff() && PAGES.some((page) => page.path === path && hasRole(...page.roles));

/** The navigation of the person signed on, part by part; a part of which he has nothing is left out. */
export function myParts() {
  const mine = PAGES.flatMap(({ path, nav, roles }) => (nav && isStaff() && hasRole(...roles) ? [{ to: path, ...nav }] : []));
  return GROUPS.map((group) => ({ group, pages: mine.filter((page) => page.group === group) })).filter((part) => part.pages.length);
}

/** The districts this person may act in: a code covers everything below it. */
export function coversDistrict(code: string): boolean {
  return session.user?.divisions.some((mine) => code.startsWith(mine) || mine.startsWith(code)) ?? false;
}
