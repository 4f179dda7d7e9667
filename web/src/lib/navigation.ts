/** Moving between pages when the next page's code cannot be fetched: no network, or a newer release has replaced the files. */
import { ref } from "vue";
import type { Router } from "vue-router";

/** Where somebody wanted to go and could not; empty when the last move succeeded. */
export const stranded = ref("");

export function watchMoves(router: Router): void {
  router.onError((_error, to) => {
    stranded.value = router.resolve(to.fullPath).href;
  });
  router.afterEach(() => {
    stranded.value = "";
  });
}

/** Loads the wanted page afresh, but only once it can be had: the browser's own error page would take away what is on the screen. */
export async function moveOn(): Promise<void> {
  const reachable = await fetch(stranded.value, { method: "HEAD" }).then(
    () => true,
    () => false,
  );
  if (reachable) window.location.assign(stranded.value);
}
