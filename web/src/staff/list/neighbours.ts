/** From one matter to the next of the list somebody came from, in the order he had it in. */
import { computed } from "vue";
import { useRoute } from "vue-router";
import { session } from "@/lib/session";
import { keep, kept } from "@/lib/store";

interface Left {
  paths: string[];
  back: string;
}
const place = () => `anju.left.${session.user?.sub ?? ""}`;

/** The rows of the page of a list that is on the screen, and its address. Of this tab: another one has come from another list. */
export function leaving(paths: string[], back: string): void {
  keep("sessionStorage", place(), JSON.stringify({ paths, back } satisfies Left));
}

export function useNeighbours() {
  const path = useRoute().path;
  const left = read();
  const at = left.paths.indexOf(path);
  return computed(() => (at < 0 ? null : { before: left.paths[at - 1] ?? "", after: left.paths[at + 1] ?? "", back: left.back }));
}

/** By an older release or by hand it may be anything. */
function read(): Left {
  try {
    const { paths, back } = JSON.parse(kept("sessionStorage", place()) ?? "{}") as Partial<Left>;
    const inside = (each: unknown): each is string => typeof each === "string" && /^\/(?!\/)/.test(each);
    return Array.isArray(paths) && inside(back) ? { paths: paths.filter(inside), back } : { paths: [], back: "" };
  } catch {
    return { paths: [], back: "" };
  }
}
