/** Two languages, no library: plain strings with {blanks}. English must have every key of Chinese, which the type checker holds. */
import { ref, watch } from "vue";
import { keep, kept } from "@/lib/store";
import * as en from "./en";
import * as zh from "./zh";
import { terms } from "@/terms";

export type Locale = "zh-CN" | "en";
const NAME = "anju.locale";
const chinese = { ...zh.common, ...zh.citizen, ...zh.apply, ...zh.staff };
export type Key = keyof typeof chinese;
const english: Record<Key, string> = { ...en.common, ...en.citizen, ...en.apply, ...en.staff };

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

export function t(key: Key, blanks: Record<string, string | number> = {}): string {
  const text = (locale.value === "en" ? english : chinese)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in blanks ? String(blanks[name]) : whole));
}

export type Vocabulary = keyof typeof terms;
export type CodeOf<V extends Vocabulary> = keyof (typeof terms)[V] & string;

type Titles = { zh: string; en: string };
const found = (vocabulary: Vocabulary, code: string | null | undefined) =>
  (terms[vocabulary] as Record<string, (Titles & { hint?: Titles }) | undefined>)[code ?? ""];
const inLocale = (titles: Titles | undefined) => titles?.[locale.value === "en" ? "en" : "zh"];

/** The codes of a vocabulary in its own order. */
export function codes<V extends Vocabulary>(vocabulary: V): CodeOf<V>[] {
  return Object.keys(terms[vocabulary]) as CodeOf<V>[];
}

/** The title of a code, or the fallback for one newer than these pages. */
export function title(vocabulary: Vocabulary, code: string | null | undefined, fallback = ""): string {
  return inLocale(found(vocabulary, code)) ?? (fallback || (code ?? ""));
}

/** What people are told beside the title when they have to choose. */
export function hint(vocabulary: Vocabulary, code: string): string | undefined {
  return inLocale(found(vocabulary, code)?.hint);
}
