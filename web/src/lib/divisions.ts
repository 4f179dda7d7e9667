import { reactive } from "vue";
import { api } from "@/api/client";
import type { Division } from "@/api/types";

const state = reactive<{ byCode: Record<string, Division>; items: Division[] }>({ byCode: {}, items: [] });
let loading: Promise<void> | null = null;

/** Loads the city's divisions once; a failure may be tried again by the next page. */
export function loadDivisions(): Promise<void> {
  loading ??= api
    .divisions()
    .then((items) => {
      state.items = items;
      state.byCode = Object.fromEntries(items.map((each) => [each.code, each]));
    })
    .catch(() => {
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
