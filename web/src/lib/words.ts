/** Words typed into a form outside the application: kept like its draft through a reload and a new sign-on, until they are sent. */
import { ref, watch, type Ref } from "vue";
import { session } from "./session";
import { keep, kept } from "./store";

// Of one person: whoever signs on next on the same device never sees them.
const place = (name: string) => `anju.words.${session.user?.sub ?? ""}.${name}`;

export function useWords(name: string): Ref<string> {
  const at = place(name);
  const words = ref(kept("sessionStorage", at) ?? "");
  watch(words, (now) => keep("sessionStorage", at, now || null), { flush: "sync" });
  return words;
}

export function forgetWords(name: string): void {
  keep("sessionStorage", place(name), null);
}
