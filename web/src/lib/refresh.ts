/** Asks again from time to time while the page is looked at, and at once when somebody comes back to it. What is shown meanwhile stays. */
import { onScopeDispose } from "vue";

export function useRefresh(again: () => unknown, seconds: number): void {
  const ask = () => {
    if (!document.hidden) again();
  };
  const timer = window.setInterval(ask, seconds * 1_000);
  document.addEventListener("visibilitychange", ask);
  onScopeDispose(() => {
    window.clearInterval(timer);
    document.removeEventListener("visibilitychange", ask);
  });
}
