/** 大字版: larger type and targets, one column. Switched by a button or by ?elder=1, and remembered. */
import { ref, watch } from "vue";
import { keep, kept } from "./store";

const NAME = "anju.elder";
export const elder = ref(false);

export function startElder(): void {
  const asked = new URLSearchParams(window.location.search).get("elder");
  elder.value = asked === null ? kept("localStorage", NAME) === "1" : asked === "1";
  watch(
    elder,
    (on) => {
      document.documentElement.classList.toggle("elder", on);
      keep("localStorage", NAME, on ? "1" : "0");
    },
    { immediate: true },
  );
}
