/** How somebody wants to see lists again: his own views, kept by the city and the same on every computer he signs on at. */
import { reactive } from "vue";
import { api } from "@/api/staff";
import type { SavedView } from "@/api/schema";
import { locale } from "@/i18n";

/** A list does not wait longer for the view it opens with. */
const PATIENCE_MS = 2_000;
export const views = reactive<{ all: SavedView[]; known: boolean }>({ all: [], known: false });
let asked: Promise<void> | null = null;

export function loadViews(): Promise<void> {
  asked ??= api
    .views()
    .then((found) => {
      views.all = found;
      views.known = true;
    })
    .catch(() => {
      // Whoever opens the menu reads that they are not there now; the list goes on without.
      asked = null;
    });
  return Promise.race([asked, new Promise<void>((done) => setTimeout(done, PATIENCE_MS))]);
}
export const viewsOf = (list: string) => views.all.filter((each) => each.list === list).sort((one, other) => one.name.localeCompare(other.name, locale.value));
export const queryOf = (view: SavedView): Record<string, string> => Object.fromEntries(new URLSearchParams(view.query));
export const textOf = (query: Record<string, string>): string => new URLSearchParams(query).toString();

export async function keepView(view: SavedView): Promise<SavedView> {
  const { id, ...body } = view;
  const kept = await api.keepView(id, body);
  const others = views.all.filter((each) => each.id !== id).map((each) => (kept.default && each.list === kept.list ? { ...each, default: false } : each));
  views.all = [...others, kept];
  return kept;
}
export async function removeView(id: string): Promise<true> {
  await api.removeView(id);
  views.all = views.all.filter((each) => each.id !== id);
  return true;
}
