/** One act on several rows of a list: a request for each, one after the other, and of each what became of it. Never for what is decided about a household. */
import { computed, nextTick, onScopeDispose, reactive, ref, watch } from "vue";
import { asProblem } from "@/lib/action";
import { announce } from "@/lib/announce";
import { derived, uuid } from "@/lib/ids";
import { session } from "@/lib/session";
import { keep, kept } from "@/lib/store";
import { t } from "@/i18n";

/** What is said once for all of them. */
export interface Said {
  name: string;
  label: string;
  kind: "day" | "words";
  value: string;
  maxlength?: number;
  /** What is told when it is left empty. */
  missing: string;
}
export interface Act<Row> {
  name: string;
  title: string;
  fits: (row: Row) => boolean;
  /** What is one request for all of them (a file to print) is done at once. */
  together?: (rows: Row[]) => unknown;
  each?: EachRow;
}
/** What is a request for each of them. */
export interface EachRow {
  text: string;
  said: Said[];
  /** What may be written to each of them. */
  own?: { label: string; maxlength?: number };
  /** One row, by its key: it may be tried again under the same request key, after the page was loaded anew as well. */
  run: (key: string, row: string, said: Record<string, string>, own: string) => Promise<unknown>;
}
/** Without an answer nobody knows whether it was done: it is tried again, as the same request. */
type Outcome = "waiting" | "done" | "refused" | "unknown";
interface Line {
  row: string;
  name: string;
  own: string;
  outcome: Outcome;
  words: string;
}
interface Run {
  act: string;
  key: string;
  begun: boolean;
  said: Record<string, string>;
  lines: Line[];
}

/** Rows somebody has ticked, of those the list shows now. */
export function useChosen<Row>(items: () => Row[], rowKey: (row: Row) => string, fits: (row: Row) => boolean) {
  const keys = ref<string[]>([]);
  const able = computed(() => items().filter(fits));
  const rows = computed(() => able.value.filter((row) => keys.value.includes(rowKey(row))));
  watch(able, (now) => (keys.value = keys.value.filter((key) => now.some((row) => rowKey(row) === key))));
  const tell = () => void announce(t("bulk.chosen", { n: rows.value.length }));
  return reactive({
    rows,
    able,
    all: computed(() => able.value.length > 0 && rows.value.length === able.value.length),
    has: (row: Row) => keys.value.includes(rowKey(row)),
    choose(row: Row, on: boolean): void {
      keys.value = [...keys.value.filter((key) => key !== rowKey(row)), ...(on ? [rowKey(row)] : [])];
      tell();
    },
    chooseAll(on: boolean): void {
      keys.value = on ? able.value.map(rowKey) : [];
      tell();
    },
  });
}

/** `name` of the list: what was begun there is kept in this tab until it is left, so that a page loaded anew goes on with the same requests. */
export function useBulk<Row>(name: string, acts: () => Act<Row>[]) {
  const place = `anju.bulk.${session.user?.sub ?? ""}.${name}`;
  const run = ref<Run | null>(read(place));
  const busy = ref(false);
  const stopping = ref(false);
  const current = ref("");
  const act = computed(() => acts().find((each) => each.name === run.value?.act && each.each));
  const count = (...outcomes: Outcome[]) => run.value?.lines.filter((line) => outcomes.includes(line.outcome)).length ?? 0;
  const write = () => keep("sessionStorage", place, run.value?.begun ? JSON.stringify(run.value) : null);
  onScopeDispose(() => (stopping.value = true));

  function prepare(chosen: Act<Row>, rows: { row: string; name: string }[]): void {
    const said = Object.fromEntries((chosen.each?.said ?? []).map((each) => [each.name, each.value]));
    run.value = { act: chosen.name, key: uuid(), begun: false, said, lines: rows.map((each) => ({ ...each, own: "", outcome: "waiting", words: "" })) };
  }
  async function go(): Promise<boolean> {
    const [now, how] = [run.value, act.value?.each];
    if (!now || !how || busy.value) return false;
    busy.value = true;
    stopping.value = false;
    now.begun = true;
    // Those which have not been tried come before those which gave no answer: one that never does keeps no other from its turn.
    const due = [...now.lines.filter((line) => line.outcome === "waiting"), ...now.lines.filter((line) => line.outcome === "unknown")];
    for (const line of due) {
      if (stopping.value) break;
      current.value = line.row;
      // As it stands should the page go away before the answer comes.
      line.outcome = "unknown";
      line.words = "";
      write();
      try {
        await how.run(derived(now.key, line.row), line.row, now.said, line.own.trim());
        line.outcome = "done";
      } catch (error) {
        const problem = asProblem(error);
        line.words = [problem.detail || problem.title, ...problem.fields.map((field) => field.message)].join(" ");
        if (problem.status === 401 || problem.status === 429) line.outcome = "waiting";
        else if (problem.final) line.outcome = "refused";
        // Whoever is not signed on, or not heard at all, is not heard with the next one either.
        if (problem.status === 0 || line.outcome === "waiting") stopping.value = true;
      }
      write();
    }
    busy.value = false;
    current.value = "";
    await nextTick();
    void announce(summary.value);
    return true;
  }
  function leave(): void {
    run.value = null;
    write();
  }
  const tried = computed(() => count("done", "refused", "unknown"));
  const left = computed(() => count("waiting", "unknown"));
  const summary = computed(() => t("bulk.summary", { done: count("done"), refused: count("refused"), left: left.value }));
  return reactive({ run, act, busy, stopping, current, tried, left, summary, prepare, go, leave });
}

/** By an older release or by hand it may be anything: then nothing was begun. */
function read(place: string): Run | null {
  try {
    const found = JSON.parse(kept("sessionStorage", place) ?? "null") as Run | null;
    return found && typeof found.key === "string" && typeof found.said === "object" && Array.isArray(found.lines) ? found : null;
  } catch {
    return null;
  }
}
