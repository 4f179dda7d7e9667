import { api } from "@/api/client";
import type { Lease } from "@/api/schema";

const MOST_PAGES = 20;

/** One lease of the household; the API lists leases but has no address for a single one. Null when it is not theirs. */
export async function findLease(no: string): Promise<Lease | null> {
  let cursor = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const { items, next_cursor } = await api.leases({ cursor: cursor || undefined });
    const found = items.find((each) => each.no === no);
    if (found) return found;
    if (!next_cursor) return null;
    cursor = next_cursor;
  }
  return null;
}
