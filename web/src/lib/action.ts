/** Loading and doing: the two things a page asks of the gateway. */
import { onScopeDispose, reactive, ref, shallowRef, watch } from "vue";
import { offline, Problem } from "@/api/problem";
import { locale } from "@/i18n";
import { announce } from "./announce";
import { digest, uuid } from "./ids";

export function asProblem(error: unknown, reading = false): Problem {
  if (error instanceof Problem && !(reading && error.status === 0)) return error;
  if (!(error instanceof Problem)) console.error(error);
  return offline(reading);
}

export function useLoad<R>(load: () => Promise<R>) {
  const data = shallowRef<R | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const loading = ref(false);
  let newest = 0;
  async function reload(): Promise<void> {
    const mine = ++newest;
    loading.value = true;
    try {
      const found = await load();
      if (mine === newest) {
        data.value = found;
        problem.value = null;
      }
    } catch (error) {
      if (mine === newest) problem.value = asProblem(error, true);
    } finally {
      if (mine === newest) loading.value = false;
    }
  }
  onScopeDispose(() => newest++);
  // Much of what the gateway answers is in the language it was asked in.
  watch(locale, () => void reload());
  void reload();
  return reactive({ data, problem, loading, reload });
}

/** A key that stays while the same request may still be under way, so that a second tap or a retry is the same request. */
export class RequestKey {
  constructor(
    private key = "",
    private print = "",
    private readonly changed: (key: string, print: string) => void = () => undefined,
  ) {}

  for(body: unknown): string {
    const print = digest(JSON.stringify(body));
    if (!this.key || print !== this.print) {
      this.key = uuid();
      this.print = print;
      this.changed(this.key, print);
    }
    return this.key;
  }

  done(): void {
    this.key = "";
    this.print = "";
    this.changed("", "");
  }
}

export function useAction<A extends unknown[], R>(run: (key: string, ...args: A) => Promise<R>, key = new RequestKey()) {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  /** Undefined when it was refused, failed, or is already running. */
  async function go(...args: A): Promise<R | undefined> {
    if (busy.value) return undefined;
    busy.value = true;
    problem.value = null;
    try {
      const result = await run(key.for(args), ...args);
      key.done();
      return result;
    } catch (error) {
      problem.value = asProblem(error);
      if (problem.value.final) key.done();
      void announce(problem.value.title);
      return undefined;
    } finally {
      busy.value = false;
    }
  }
  return reactive({ busy, problem, go });
}

export type List<I> = ReturnType<typeof useList<I>>;

/** A cursor list that grows by "more". */
export function useList<I>(fetchPage: (cursor: string) => Promise<{ items: I[]; next_cursor: string }>) {
  const items = shallowRef<I[]>([]);
  const cursor = ref("");
  const first = useLoad(async () => {
    const page = await fetchPage("");
    items.value = page.items;
    cursor.value = page.next_cursor;
    return page;
  });
  const more = useAction(async () => {
    const page = await fetchPage(cursor.value);
    items.value = [...items.value, ...page.items];
    cursor.value = page.next_cursor;
  });
  return reactive({ items, cursor, first, more });
}
