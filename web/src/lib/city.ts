/** Whose pages these are: the city's name, emblem and colour, as its profile gives them. */
import { computed, shallowRef, watch } from "vue";
import { api } from "@/api/client";
import type { City } from "@/api/schema";
import { locale } from "@/i18n";

export const city = shallowRef<City | null>(null);
export const emblem = computed(() => city.value?.emblem ?? "/favicon.svg");

/** Until it is there, and where it cannot be had, the pages have a colour of their own: no page waits for its paint. */
export async function loadCity(): Promise<void> {
  city.value = await api.city().catch(() => city.value);
  if (city.value) paint(city.value.colour);
}

/** The tokens of base.css that stand for the city's colour: itself, darker for what is pressed, and paler for grounds. */
function paint(colour: string): void {
  const tokens = { "--primary": colour, "--primary-deep": mixed(colour, 0, 0.25), "--primary-soft": mixed(colour, 255, 0.6), "--primary-pale": mixed(colour, 255, 0.91) };
  for (const [name, value] of Object.entries(tokens)) document.documentElement.style.setProperty(name, value);
}

/** A colour #rrggbb with a share of black (0) or white (255). */
function mixed(colour: string, towards: 0 | 255, share: number): string {
  const parts = [1, 3, 5].map((at) => Math.round(parseInt(colour.slice(at, at + 2), 16) * (1 - share) + towards * share));
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

watch(locale, () => void loadCity());
