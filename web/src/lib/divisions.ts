import { reactive } from "vue";
import { api } from "@/api/client";
import { offline, Problem } from "@/api/problem";
import type { Division } from "@/api/schema";
import { title } from "@/i18n";
import { today } from "./format";

const state = reactive<{ byCode: Record<string, Division>; items: Division[]; problem: Problem | null }>({ byCode: {}, items: [], problem: null });
const RETRY_MS = 10_000;
let loading: Promise<void> | null = null;
let failedAt = 0;

/** Loads the city's divisions once, when a page first names a place; after a failure the next page, or the person in front of it, tries again. */
export function loadDivisions(): Promise<void> {
  loading ??= api
    .divisions()
    .then((items) => {
      state.items = items;
      state.byCode = Object.fromEntries(items.map((each) => [each.code, each]));
      state.problem = null;
    })
    .catch((error: unknown) => {
      state.problem = error instanceof Problem && error.status ? error : offline(true);
      loading = null;
      failedAt = Date.now();
    });
  return loading;
}

/** A page names a place: whoever is without a network is not asked at every stroke. */
function wanted(): void {
  if (!state.problem || Date.now() - failedAt > RETRY_MS) void loadDivisions();
}

export function divisionName(code: string): string {
  wanted();
  // While the names are on their way a gap is read more easily than a number.
  return state.byCode[code]?.name ?? (state.items.length ? code : "");
}

export function cityName(): string {
  wanted();
  return state.items.find((each) => each.level === "city")?.name ?? "";
}

/** Those of today; what is no more is named in old cases and chosen nowhere. */
export function divisionsOf(level: string, parent?: string): Division[] {
  wanted();
  const day = today();
  const exists = (each: Division) => (!each.begins || each.begins <= day) && (!each.ends || day <= each.ends);
  return state.items.filter((each) => each.level === level && exists(each) && (parent === undefined || each.parent === parent));
}

export const divisions = state;

/** Real estate is kept by every district for itself, the others by one office of the city. */
export function office({ endpoint, register }: { endpoint: string; register: string }): string {
  return [endpoint === register ? "" : divisionName(endpoint), title("registers", register)].join(" ").trim();
}
