/** Two languages, no library: plain strings with {blanks}, both languages of a text side by side in the source and each by itself in the build (vite.config.ts).
 * Titles of codes come from the terms. */
import { computed, ref, shallowRef } from "vue";
import { keep, kept } from "@/lib/store";
import { terms } from "@/terms";
import type { apply } from "./apply";
import type { authorisations } from "./authorisations";
import type { citizen } from "./citizen";
import { common } from "./common";
import type { evaluations } from "./evaluations";
import type { letters } from "./letters";
import type { money } from "./money";
import type { points } from "./points";
import type { policies } from "./policies";
import type { staff } from "./staff";

export type Locale = "zh-CN" | "en";
const NAME = "anju.locale";
type Texts = typeof common & typeof citizen & typeof apply & typeof authorisations & typeof money & typeof policies & typeof evaluations & typeof letters & typeof points & typeof staff;
export type Key = keyof Texts;
export type Vocabulary = keyof typeof terms;
export type CodeOf<V extends Vocabulary> = keyof (typeof terms)[V] & string;

/** As the build leaves them. */
interface Words {
  texts: Record<string, { is: string }>;
  terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
const asBuilt = <T>(written: object) => written as unknown as T;

const words: Record<Locale, Words | null> = { "zh-CN": null, en: null };
const spoken = shallowRef<Words>({ texts: {}, terms: {} });
let fetchEnglish: () => Promise<{ english: Words }>;

/** Each application brings its own texts: nobody on a phone downloads the console's, nor a language he does not read. */
export function speak(chinese: object, english: typeof fetchEnglish): void {
  words["zh-CN"] = { texts: asBuilt<Words["texts"]>({ ...common, ...chinese }), terms: asBuilt<Words["terms"]>(terms) };
  spoken.value = words["zh-CN"];
  fetchEnglish = english;
}

/** Texts that come with the pages which say them, and not with the first page: both languages of a part, each fetched when it is read. */
type Fetched = Record<Locale, () => Promise<object>>;
/** `terms`: the codes which these pages alone name. */
export type Part = Fetched & { terms?: Fetched };
const learnt = new Set<Part>();

async function understand(language: Locale, part: Part): Promise<void> {
  const [texts, codes] = await Promise.all([part[language](), part.terms?.[language]()]);
  Object.assign((words[language] as Words).texts, texts);
  Object.assign((words[language] as Words).terms, codes);
}

/** What a route loads: the page, once its texts are here. */
export const withTexts =
  <P>(part: Part, page: () => Promise<P>) =>
  async (): Promise<P> => {
    learnt.add(part);
    const [found] = await Promise.all([page(), understand(current.value, part)]);
    return found;
  };

const current = ref<Locale>("zh-CN");
/** Set it, and the pages turn to the other language once its words are here; without a network they stay in the one they have. */
export const locale = computed<Locale>({ get: () => current.value, set: (wanted) => void turn(wanted) });

async function turn(wanted: Locale): Promise<void> {
  if (wanted === "en") words.en ??= await fetchEnglish().then((found) => found.english, () => null);
  const found = words[wanted];
  if (!found || !(await Promise.all([...learnt].map((part) => understand(wanted, part))).then(() => true, () => false))) return;
  spoken.value = found;
  current.value = wanted;
  document.documentElement.lang = wanted;
  keep("localStorage", NAME, wanted);
}

/** In the language asked for by ?lang= or last chosen; wait for it before anything is said. */
export async function startLocale(): Promise<void> {
  const asked = new URLSearchParams(window.location.search).get("lang") ?? kept("localStorage", NAME);
  await turn(asked === "en" ? "en" : "zh-CN");
}

export function t(key: Key, blanks: Record<string, string | number> = {}): string {
  const text = spoken.value.texts[key]?.is ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in blanks ? String(blanks[name]) : whole));
}

const termOf = (vocabulary: Vocabulary, code: string | null | undefined) => spoken.value.terms[vocabulary]?.[code ?? ""];

/** The codes of a vocabulary in its own order. */
export function codes<V extends Vocabulary>(vocabulary: V): CodeOf<V>[] {
  return Object.keys(spoken.value.terms[vocabulary] ?? {}) as CodeOf<V>[];
}

/** The title of a code, or the fallback for one newer than these pages. */
export function title(vocabulary: Vocabulary, code: string | null | undefined, fallback = ""): string {
  return termOf(vocabulary, code)?.is ?? (fallback || (code ?? ""));
}

/** What people are told beside the title when they have to choose. */
export function hint(vocabulary: Vocabulary, code: string): string | undefined {
  return termOf(vocabulary, code)?.hint?.is;
}
