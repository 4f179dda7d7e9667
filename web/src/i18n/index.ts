/** Two languages, no library: plain strings with {blanks}, both languages of a text side by side. Titles of codes come from the terms. */
import { ref, watch } from "vue";
import { keep, kept } from "@/lib/store";
import { terms } from "@/terms";
import type { apply } from "./apply";
import type { citizen } from "./citizen";
import { common } from "./common";
import type { staff } from "./staff";

export type Locale = "zh-CN" | "en";
const NAME = "anju.locale";
type InBoth = { zh: string; en: string };
type Texts = typeof common & typeof citizen & typeof apply & typeof staff;
export type Key = keyof Texts;
const texts = { ...common } as Record<Key, InBoth>;

/** Each application brings its own texts: nobody on a phone downloads the console's. */
export function speak(...more: Partial<Record<Key, InBoth>>[]): void {
  Object.assign(texts, ...more);
}

export const locale = ref<Locale>(kept("localStorage", NAME) === "en" ? "en" : "zh-CN");

export function startLocale(): void {
  const asked = new URLSearchParams(window.location.search).get("lang");
  if (asked) locale.value = asked === "en" ? "en" : "zh-CN";
  watch(
    locale,
    (now) => {
      document.documentElement.lang = now;
      keep("localStorage", NAME, now);
    },
    { immediate: true },
  );
}

const inLocale = (both: InBoth) => both[locale.value === "en" ? "en" : "zh"];

export function t(key: Key, blanks: Record<string, string | number> = {}): string {
  return inLocale(texts[key]).replace(/\{(\w+)\}/g, (whole, name: string) => (name in blanks ? String(blanks[name]) : whole));
}

export type Vocabulary = keyof typeof terms;
export type CodeOf<V extends Vocabulary> = keyof (typeof terms)[V] & string;

const termOf = (vocabulary: Vocabulary, code: string | null | undefined) =>
  (terms[vocabulary] as Record<string, (InBoth & { hint?: InBoth }) | undefined>)[code ?? ""];

/** The codes of a vocabulary in its own order. */
export function codes<V extends Vocabulary>(vocabulary: V): CodeOf<V>[] {
  return Object.keys(terms[vocabulary]) as CodeOf<V>[];
}

/** The title of a code, or the fallback for one newer than these pages. */
export function title(vocabulary: Vocabulary, code: string | null | undefined, fallback = ""): string {
  const term = termOf(vocabulary, code);
  return term ? inLocale(term) : fallback || (code ?? "");
}

/** What people are told beside the title when they have to choose. */
export function hint(vocabulary: Vocabulary, code: string): string | undefined {
  const said = termOf(vocabulary, code)?.hint;
  return said && inLocale(said);
}
