/** Which pages of the console each duty works with. The gateway and the services decide again. */
import type { RouteRecordRaw } from "vue-router";
import { title, type Key } from "@/i18n";
import { hasRole, session } from "@/lib/session";
import { levels } from "@/terms";

const REVIEWERS: string[] = Object.values(levels).map((level) => level.role);

/** A page is a line here, and the router and the navigation follow. `nav`: its name there; a page below another one's path has none. */
export const PAGES: { path: string; title: Key; nav?: Key; roles: string[]; component: RouteRecordRaw["component"] }[] = [
  { path: "/arrears", title: "arrears.title", nav: "staff.nav.arrears", roles: ["finance", "house_manager"], component: () => import("./pages/ArrearsPage.vue") },
  { path: "/tasks", title: "tasks.title", nav: "staff.nav.tasks", roles: REVIEWERS, component: () => import("./pages/TasksPage.vue") },
  {
    path: "/cases",
    title: "cases_staff.title",
    nav: "staff.nav.cases",
    roles: [...REVIEWERS, "house_manager", "operator", "auditor"],
    component: () => import("./pages/CasesPage.vue"),
  },
  { path: "/cases/:no", title: "case.title", roles: [...REVIEWERS, "house_manager", "operator", "auditor"], component: () => import("./pages/CasePage.vue") },
  {
    path: "/waiting",
    title: "allocate.title",
    nav: "staff.nav.waiting",
    roles: ["house_manager", "city_reviewer", "district_reviewer", "auditor"],
    component: () => import("./pages/WaitingPage.vue"),
  },
  { path: "/leases", title: "leases_staff.title", nav: "staff.nav.leases", roles: ["house_manager", "finance", "auditor"], component: () => import("./pages/LeasesPage.vue") },
  {
    path: "/counters",
    title: "counters.title",
    nav: "staff.nav.counters",
    roles: ["district_reviewer", "city_reviewer", "house_manager", "operator", "auditor"],
    component: () => import("./pages/CountersPage.vue"),
  },
  { path: "/ledger", title: "ledger.title", nav: "staff.nav.ledger", roles: ["finance", "auditor"], component: () => import("./pages/LedgerPage.vue") },
  { path: "/readers", title: "readers.title", nav: "staff.nav.readers", roles: ["auditor"], component: () => import("./pages/ReadersPage.vue") },
  {
    path: "/inbox",
    title: "staff.nav.inbox",
    nav: "staff.nav.inbox",
    roles: [...REVIEWERS, "house_manager", "finance", "operator"],
    component: () => import("@/citizen/pages/InboxPage.vue"),
  },
];

/** Who must act, as seen from the desk: the household is "you" only on its own pages. */
export const awaited = (code: string) => (code === "citizen" ? title("actors", code) : title("waiting_on", code));

const isStaff = () => session.user?.kind === "staff";
export const myParts = () => PAGES.flatMap(({ path, nav, roles }) => (nav && isStaff() && hasRole(...roles) ? [{ to: path, title: nav }] : []));

/** The districts this person may act in: a code covers everything below it. */
export function coversDistrict(code: string): boolean {
  return session.user?.divisions.some((mine) => code.startsWith(mine) || mine.startsWith(code)) ?? false;
}
