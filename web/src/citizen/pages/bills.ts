import type { Bill } from "@/api/schema";
import { t, title } from "@/i18n";
import { period } from "@/lib/format";

/** A rent stays owed for ever; a deposit that was not paid in time ends with its lease and is owed no more. */
export const isOver = (bill: Bill) => bill.state === "paid" || isVoid(bill);
export const isVoid = (bill: Bill) => bill.kind === "deposit" && bill.state === "arrears";
export const billState = (bill: Bill) => (isVoid(bill) ? t("bill.void") : title("bill_states", bill.state));
export const billName = (bill: Bill) =>
  bill.period ? t("bill.name", { month: period(bill.period), kind: title("bill_kinds", bill.kind) }) : title("bill_kinds", bill.kind);
/** The page of a bill, whose id is its lease and its month. */
export const billLink = (id: string) => `/leases/${id.replace("/", "/bills/")}`;
