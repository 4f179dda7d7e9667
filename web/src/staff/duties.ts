/** Which part of the console each duty works with. The gateway and the services decide again. */
import type { Key } from "@/i18n";
import { hasRole, session } from "@/lib/session";

export const PARTS: { to: string; title: Key; roles: string[] }[] = [
  { to: "/tasks", title: "staff.nav.tasks", roles: ["street_clerk", "district_reviewer", "city_reviewer"] },
  {
    to: "/cases",
    title: "staff.nav.cases",
    roles: ["street_clerk", "district_reviewer", "city_reviewer", "house_manager", "operator", "auditor"],
  },
  { to: "/waiting", title: "staff.nav.waiting", roles: ["house_manager", "city_reviewer", "district_reviewer", "auditor"] },
  { to: "/leases", title: "staff.nav.leases", roles: ["house_manager", "finance", "auditor"] },
  { to: "/counters", title: "staff.nav.counters", roles: ["district_reviewer", "city_reviewer", "house_manager", "operator", "auditor"] },
  { to: "/ledger", title: "staff.nav.ledger", roles: ["finance", "auditor"] },
  { to: "/inbox", title: "staff.nav.inbox", roles: ["street_clerk", "district_reviewer", "city_reviewer", "house_manager", "finance", "operator"] },
];

export const myParts = () => (session.user?.kind === "staff" ? PARTS.filter((part) => hasRole(...part.roles)) : []);

/** The districts this person may act in: a code covers everything below it. */
export function coversDistrict(code: string): boolean {
  return session.user?.divisions.some((mine) => code.startsWith(mine) || mine.startsWith(code)) ?? false;
}
