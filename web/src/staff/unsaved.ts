/** Somebody who leaves a page on which he has typed something that was not sent is asked first, by a link as by closing the window. */
import { onScopeDispose } from "vue";
import { onBeforeRouteLeave } from "vue-router";
import { t } from "@/i18n";

export function useUnsaved(typed: () => boolean): void {
  const stay = (event: BeforeUnloadEvent): void => {
    if (typed()) event.preventDefault();
  };
  window.addEventListener("beforeunload", stay);
  onScopeDispose(() => window.removeEventListener("beforeunload", stay));
  onBeforeRouteLeave(() => !typed() || window.confirm(t("unsaved.leave")));
}
