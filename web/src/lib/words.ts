/** Words typed into a form outside the application: kept like its draft through a reload and a new sign-on, until they are sent. */
import { ref, watch, type Ref } from "vue";
import { session } from "./session";
import { keep, kept } from "./store";

// Of one person: whoever signs on next on the same device never sees them.
const place = (name: string, sub = session.user?.sub ?? "") => `anju.words.${sub}.${name}`;
const coming = (name: string) => `anju.words.coming.${name}`;

export function useWords(name: string): Ref<string> {
  const at = place(name);
  if (session.user && kept("sessionStorage", coming(name))) {
    keep("sessionStorage", at, kept("sessionStorage", place(name, "")));
    for (const left of [place(name, ""), coming(name)]) keep("sessionStorage", left, null);
  }
  const words = ref(kept("sessionStorage", at) ?? "");
  watch(words, (now) => keep("sessionStorage", at, now || null), { flush: "sync" });
  return words;
}

/** Somebody goes to sign on in the middle of a form anybody may fill in: what he has typed comes along, once. */
export function bringAlong(name: string): void {
  if (!session.user) keep("sessionStorage", coming(name), "1");
}

export function forgetWords(name: string): void {
  keep("sessionStorage", place(name), null);
}
