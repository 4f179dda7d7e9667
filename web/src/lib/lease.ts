/** The term of a lease: its two days once it is in effect, before that how long it will be. */
import type { Lease } from "@/api/schema";
import { t } from "@/i18n";
import { day } from "@/lib/format";

export function term(lease: Pick<Lease, "starts_on" | "ends_on" | "term_months">): string {
  return lease.starts_on
    ? t("lease.term_value", { from: day(lease.starts_on), to: day(lease.ends_on) })
    : t("lease.term_to_come", { months: lease.term_months });
}
