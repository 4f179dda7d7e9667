/** Which part of the console each duty works with. The gateway and the services decide again. */
import { title, type Key } from "@/i18n";
import { hasRole, session } from "@/lib/session";
import { levels } from "@/terms";

const REVIEWERS: string[] = Object.values(levels).map((level) => level.role);

export const PARTS: { to: string; title: Key; roles: string[] }[] = [
  { to: "/tasks", title: "staff.nav.tasks", roles: [...REVIEWERS] },
  {
    to: "/cases",
    title: "staff.nav.cases",
    roles: [...REVIEWERS, "house_manager", "operator", "auditor"],
  },
  { to: "/waiting", title: "staff.nav.waiting", roles: ["house_manager", "city_reviewer", "district_reviewer", "auditor"] },
  { to: "/leases", title: "staff.nav.leases", roles: ["house_manager", "finance", "auditor"] },
  { to: "/counters", title: "staff.nav.counters", roles: ["district_reviewer", "city_reviewer", "house_manager", "operator", "auditor"] },
  { to: "/ledger", title: "staff.nav.ledger", roles: ["finance", "auditor"] },
  { to: "/inbox", title: "staff.nav.inbox", roles: [...REVIEWERS, "house_manager", "finance", "operator"] },
];

/** Who must act, as seen from the desk: the household is "you" only on its own pages. */
export const awaited = (code: string) => (code === "citizen" ? title("actors", code) : title("waiting_on", code));

export const myParts = () => (session.user?.kind === "staff" ? PARTS.filter((part) => hasRole(...part.roles)) : []);

/** The districts this person may act in: a code covers everything below it. */
export function coversDistrict(code: string): boolean {
  return session.user?.divisions.some((mine) => code.startsWith(mine) || mine.startsWith(code)) ?? false;
}
