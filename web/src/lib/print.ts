/** What paper shows: parts that are folded away on the screen stand open, and when it was printed. */
import { ref } from "vue";
import { moment } from "./format";

/** The moment of the latest print, in words; empty before. */
export const printedAt = ref("");
let folded: HTMLDetailsElement[] = [];

export function startPrint(): void {
  window.addEventListener("beforeprint", () => {
    printedAt.value = moment(new Date().toISOString());
    folded = [...document.querySelectorAll<HTMLDetailsElement>("main details:not([open])")];
    for (const each of folded) each.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
    folded = [];
  });
}
