import { reactive } from "vue";
import { api } from "@/api/client";
import { offline, Problem } from "@/api/problem";
import type { Division } from "@/api/schema";
import { title } from "@/i18n";

const state = reactive<{ byCode: Record<string, Division>; items: Division[]; problem: Problem | null }>({ byCode: {}, items: [], problem: null });
let loading: Promise<void> | null = null;

/** Loads the city's divisions once; after a failure the next page, or the person in front of it, tries again. */
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
    });
  return loading;
}

export function divisionName(code: string): string {
  return state.byCode[code]?.name ?? code;
}

export function cityName(): string {
  return state.items.find((each) => each.level === "city")?.name ?? "";
}

export function divisionsOf(level: string, parent?: string): Division[] {
  return state.items.filter((each) => each.level === level && (parent === undefined || each.parent === parent));
}

export const divisions = state;

/** Real estate is kept by every district for itself, the others by one office of the city. */
export function office({ endpoint, register }: { endpoint: string; register: string }): string {
  return [endpoint === register ? "" : divisionName(endpoint), title("registers", register)].join(" ").trim();
}
