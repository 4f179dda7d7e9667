import type { Part } from "@/i18n";

/** The words of counters come with them. */
export const points: Part = {
  "zh-CN": async () => (await import("@/i18n/points")).points,
  en: async () => (await import("../i18n/points.ts?en")).points,
};
