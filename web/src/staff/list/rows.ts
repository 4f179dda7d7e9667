/** A list of the console: its filters, order and page stand in the address, so that a page can be sent to a colleague, kept, and gone back to. */
import { computed, nextTick, reactive, ref, watch, type WritableComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";
import { useLoad } from "@/lib/action";
import { announce } from "@/lib/announce";
import { t } from "@/i18n";
import { session } from "@/lib/session";
import { keep, kept } from "@/lib/store";
import { loadViews, queryOf, viewsOf } from "./views";

export interface Column<Row> {
  key: string;
  title: string;
  /** What stands in the cell, unless the page has a slot for it (`#cell-key`). */
  text?: (row: Row) => string;
  /** What the gateway sorts it by; without, it is not sorted by. */
  sort?: string;
  number?: boolean;
  /** A long text takes a second line rather than making the table wider. */
  wraps?: boolean;
}
export interface Ask {
  limit: number;
  skip: number;
  sort?: string;
  count: true;
}
/** What the filters say: a text or nothing, and whether a box is ticked. */
export interface Filters {
  word: (key: string) => string | undefined;
  flag: (key: string) => true | undefined;
}
/** What stands in the address and says where somebody is in the list, not which list it is. */
const PASSING = ["page", "open"];
export const SIZES = [20, 50, 100] as const;
/** The gateway counts, and turns pages, no further. */
export const MOST = 10_000;
/** A list put together from several services is turned no further than this. */
export const MERGED = 2_000;

/** `name` of the list keeps what somebody likes about it on this screen: columns and density. The views he keeps of it are the city's (`views.ts`). */
export function useRows<Row>(name: string, own: string, fetchPage: (ask: Ask, filters: Filters) => Promise<{ items: Row[]; next_cursor: string; total?: number | null }>, most = MOST) {
  const [route, router] = [useRoute(), useRouter()];
  const here = route.path;
  const known = new Set(["sort", "size"]);
  const word = (key: string) => (typeof route.query[key] === "string" ? (route.query[key] as string) : "");
  const size = computed(() => SIZES.find((each) => String(each) === word("size")) ?? 50);
  /** Of a list that is not counted nobody knows more than whether it goes on. */
  const last = computed(() => (total.value === null ? number.value + (more.value ? 1 : 0) : Math.max(1, Math.ceil(Math.min(total.value, most) / size.value))));
  const number = computed(() => Math.min(Math.max(1, Number.parseInt(word("page"), 10) || 1), most / size.value));
  const sort = computed(() => word("sort") || own);
  const total = ref<number | null>(0);
  const more = ref(false);
  /** Whoever comes to the list itself finds it as he has chosen; an address that asks for something is what it says. */
  let arriving = !Object.keys(route.query).length;
  async function arrive(): Promise<void> {
    await loadViews();
    const first = viewsOf(here).find((each) => each.default);
    if (first && route.path === here && !Object.keys(route.query).length) await router.replace({ query: queryOf(first) });
    await nextTick();
    arriving = false;
  }
  const main = useLoad(async () => {
    if (arriving) await arrive();
    const ask: Ask = { limit: size.value, skip: (number.value - 1) * size.value, sort: word("sort") || undefined, count: true };
    const found = await fetchPage(ask, { word: (key) => asked(key) || undefined, flag: (key) => asked(key) === "1" || undefined });
    total.value = found.total ?? null;
    more.value = Boolean(found.next_cursor);
    return found.items;
  });

  /** Changes what is asked for; whatever changes what is in the list begins at its first page. */
  async function ask(changes: Record<string, string>): Promise<void> {
    const query = Object.fromEntries(Object.entries({ ...route.query, page: "", ...changes }).filter(([, value]) => value));
    await router.push({ query });
  }
  watch(
    () => route.query,
    async () => {
      // Somebody leaving for another page changes its query, not this one's.
      if (route.path !== here || arriving) return;
      await main.reload();
      if (!main.problem) void announce(total.value === null ? t("list.page_of_unknown", { n: number.value }) : t("list.count", { n: total.value }));
    },
  );
  function asked(key: string): string {
    known.add(key);
    return word(key);
  }
  function filter(key: string): WritableComputedRef<string> {
    known.add(key);
    return computed({ get: () => word(key), set: (value) => void ask({ [key]: value }) });
  }
  function flag(key: string): WritableComputedRef<boolean> {
    known.add(key);
    return computed({ get: () => word(key) === "1", set: (on) => void ask({ [key]: on ? "1" : "" }) });
  }
  const knows = (key: string) => known.has(key);

  const place = `anju.list.${session.user?.sub ?? ""}.${name}`;
  const liked = reactive<{ hidden: string[]; dense: boolean }>({ hidden: [], dense: false, ...read(place) });
  watch(liked, () => keep("localStorage", place, JSON.stringify(liked)));
  const inAddress = computed(() => Object.fromEntries(Object.entries(route.query).filter(([key, value]) => !PASSING.includes(key) && typeof value === "string")) as Record<string, string>);

  return reactive({ main, size, number, last, most, sort, total, liked, inAddress, ask, filter, flag, knows, name, path: here });
}
export type Rows<Row> = ReturnType<typeof useRows<Row>>;

/** Kept by an older release or by hand it may be anything: then it is as if nothing were. */
function read(place: string): Partial<{ hidden: string[]; dense: boolean }> {
  try {
    const found: unknown = JSON.parse(kept("localStorage", place) ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    const { hidden, dense } = found as Record<string, unknown>;
    return { ...(Array.isArray(hidden) && { hidden: hidden as string[] }), dense: dense === true };
  } catch {
    return {};
  }
}
