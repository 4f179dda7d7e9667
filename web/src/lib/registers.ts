/** The registers this city asks about a household, in its order; the vocabulary knows more of them than a city may have. */
import { reactive } from "vue";
import { api } from "@/api/client";
import { offline, Problem } from "@/api/problem";
import type { ConsentGiven } from "@/api/schema";

export type Register = ConsentGiven["registers"][number];
export const registers = reactive<{ asked: Register[]; problem: Problem | null }>({ asked: [], problem: null });
let loading: Promise<void> | null = null;

/** Loads them once; after a failure the next page, or the person in front of it, tries again. */
export function loadRegisters(): Promise<void> {
  loading ??= api
    .conditions()
    .then((found) => {
      // The gateway takes consent to all it names, also to one newer than these pages.
      registers.asked = found.registers as Register[];
      registers.problem = null;
    })
    .catch((error: unknown) => {
      registers.problem = error instanceof Problem ? error : offline();
      loading = null;
    });
  return loading;
}
