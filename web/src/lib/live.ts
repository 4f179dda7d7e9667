/** Tells a page when its case has changed: server-sent events, and polling wherever a proxy or an old WebView breaks them. */
import { onScopeDispose, ref, watch } from "vue";

const POLL_MS = 15_000;

export function useLive(no: string, known: () => number, changed: () => void) {
  const live = ref(false);
  const told = ref(0);
  // What the page is only just loading is no news.
  watch([told, known], ([version, shown]) => {
    if (shown && version > shown) changed();
  });
  let source: EventSource | null = null;
  let timer = 0;

  function poll(): void {
    window.clearInterval(timer);
    timer = window.setInterval(() => {
      if (!document.hidden) changed();
    }, POLL_MS);
  }

  function listen(): void {
    if (typeof EventSource === "undefined") return poll();
    source = new EventSource(`/api/v1/applications/${encodeURIComponent(no)}/events`);
    source.addEventListener("open", () => {
      live.value = true;
      window.clearInterval(timer);
    });
    source.addEventListener("application", (event) => {
      told.value = (JSON.parse((event as MessageEvent<string>).data) as { version: number }).version;
    });
    // The browser reconnects by itself; meanwhile, and for good when it gave up, the page asks.
    source.addEventListener("error", () => {
      live.value = false;
      poll();
    });
  }

  function seen(): void {
    if (!document.hidden) changed();
  }

  listen();
  document.addEventListener("visibilitychange", seen);
  onScopeDispose(() => {
    source?.close();
    window.clearInterval(timer);
    document.removeEventListener("visibilitychange", seen);
  });
  return live;
}
