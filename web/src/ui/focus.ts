import { nextTick } from "vue";

/** Moves keyboard and screen reader to an element once it is on the page; what is not focusable by itself is made so. */
export async function focusOn(id: string): Promise<boolean> {
  await nextTick();
  const found = document.getElementById(id);
  if (!found) return false;
  // A group of radios is reached through its first choice.
  const target = found.matches("fieldset") ? (found.querySelector<HTMLElement>("input") ?? found) : found;
  if (!target.matches("a,button,input,select,textarea")) target.setAttribute("tabindex", "-1");
  target.focus();
  target.scrollIntoView({ block: "center" });
  return true;
}

export async function focusHeading(): Promise<void> {
  await nextTick();
  const heading = document.querySelector<HTMLElement>("main h1");
  if (!heading) return;
  heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
}
