/** A lease and its bills as the desk reads them: what comes next, and from whom. */
import type { Bill, Lease } from "@/api/schema";
import { t, title } from "@/i18n";
import { day, moment, period } from "@/lib/format";

export const billName = (bill: Bill) =>
  bill.kind === "deposit" ? title("bill_kinds", "deposit") : t("app.aside", { a: title("bill_kinds", bill.kind), b: period(bill.period) });
export const billPath = (bill: Bill) => `/leases/${bill.id.replace("/", "/bills/")}`;
/** A deposit that was not paid in time has ended its lease and is asked for no more. */
const isVoid = (bill: Bill) => bill.kind === "deposit" && bill.state === "arrears";
export const billWords = (bill: Bill) => (isVoid(bill) ? t("bill.void") : title("bill_states", bill.state));
export const billLate = (bill: Bill) => ["overdue", "arrears"].includes(bill.state) && !isVoid(bill);

export function billNext(bill: Bill): string {
  if (bill.state === "paid") return t("lease_staff.nothing");
  if (isVoid(bill)) return t("lease_staff.lapsed");
  if (bill.state === "arrears") return t("lease_staff.arrears");
  return t(bill.state === "overdue" ? "lease_staff.reminded" : "lease_staff.pays");
}

export function leaseDeadline(lease: Lease): string {
  if (lease.state === "signing") return moment(lease.sign_by);
  return lease.ends_on ? day(lease.ends_on) : t("case.until_none");
}

export function leaseNext(lease: Lease, owed: number): string {
  if (lease.state === "signing") return t("lease_staff.signs");
  if (lease.state === "deposit") return t("lease_staff.deposits");
  if (lease.state === "lapsed") return t("lease_staff.lapsed");
  if (owed > 0) return t("lease_staff.arrears");
  return t(lease.state === "active" ? "lease_staff.pays" : "lease_staff.nothing");
}
