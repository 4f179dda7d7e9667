import { watch } from "vue";
import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { locale, t, type Key } from "@/i18n";
import { loadDivisions } from "@/lib/divisions";
import { watchMoves } from "@/lib/navigation";
import { loadSession, session } from "@/lib/session";
import { focusHeading, focusOn } from "@/ui/focus";
import { myParts, PARTS } from "./duties";

const page = (path: string, title: Key, component: RouteRecordRaw["component"]) => ({ path, component, meta: { title, mine: true } }) as RouteRecordRaw;

export const router = createRouter({
  history: createWebHistory("/staff"),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: "/", redirect: () => myParts()[0]?.to ?? "/tasks" },
    page("/tasks", "tasks.title", () => import("./pages/TasksPage.vue")),
    page("/cases", "cases_staff.title", () => import("./pages/CasesPage.vue")),
    page("/cases/:no", "case.title", () => import("./pages/CasePage.vue")),
    page("/waiting", "allocate.title", () => import("./pages/WaitingPage.vue")),
    page("/leases", "leases_staff.title", () => import("./pages/LeasesPage.vue")),
    page("/counters", "counters.title", () => import("./pages/CountersPage.vue")),
    page("/ledger", "ledger.title", () => import("./pages/LedgerPage.vue")),
    page("/inbox", "staff.nav.inbox", () => import("@/citizen/pages/InboxPage.vue")),
    { path: "/signin", component: () => import("./pages/SignInPage.vue"), meta: { title: "signin.title" } },
    { path: "/:rest(.*)*", component: () => import("./pages/NotFoundPage.vue"), meta: { title: "notfound.title" } },
  ],
});

router.beforeEach(async (to) => {
  await loadSession();
  if (!to.meta.mine) return true;
  if (session.user?.kind !== "staff") return { path: "/signin", query: { next: to.fullPath } };
  const part = PARTS.find((each) => to.path === each.to || to.path.startsWith(`${each.to}/`));
  if (part && !myParts().includes(part)) return myParts()[0]?.to ?? { path: "/signin" };
  return true;
});

function setTitle(): void {
  const key = router.currentRoute.value.meta.title as Key | undefined;
  document.title = key ? `${t(key)} · ${t("app.name")} ${t("staff.title")}` : `${t("app.name")} ${t("staff.title")}`;
}

watchMoves(router);
let first = true;
router.afterEach(async (to, from) => {
  setTitle();
  void loadDivisions();
  const moved = to.path !== from.path && !first;
  first = false;
  if (to.hash && (await focusOn(to.hash.slice(1)))) return;
  if (moved) await focusHeading();
});
watch(locale, setTitle);
