import { watch } from "vue";
import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { locale, t, type Key } from "@/i18n";
import { loadDivisions } from "@/lib/divisions";
import { watchMoves } from "@/lib/navigation";
import { hasRole, loadSession, session } from "@/lib/session";
import { focusHeading, focusOn } from "@/ui/focus";
import { PAGES, STAFF } from "./duties";

declare module "vue-router" {
  interface RouteMeta {
    /** Duties whose page it is; without, anybody may open it. */
    roles?: string[];
    /** What the help of the page says. */
    help?: Key;
  }
}

export const router = createRouter({
  history: createWebHistory("/staff"),
  // A list that is sorted or turned stays where it is.
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: "/", component: () => import("./pages/HomePage.vue"), meta: { title: "desk.title", roles: STAFF, help: "help.desk" } },
    ...PAGES.map(({ path, title, roles, help, component }) => ({ path, component, meta: { title, roles, help } }) as RouteRecordRaw),
    { path: "/signin", component: () => import("./pages/SignInPage.vue"), meta: { title: "signin.title" } },
    { path: "/:rest(.*)*", component: () => import("./pages/NotFoundPage.vue"), meta: { title: "notfound.title" } },
  ],
});

router.beforeEach(async (to) => {
  await loadSession();
  if (!to.meta.roles) return true;
  if (session.user?.kind !== "staff") return { path: "/signin", query: { next: to.fullPath } };
  // Who has no duty here at all is told so where he would sign on.
  if (!hasRole(...to.meta.roles)) return { path: to.path === "/" ? "/signin" : "/" };
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
