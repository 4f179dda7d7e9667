/** Texts that come with the pages which say them, each part in both languages. */
import type { Part } from ".";

export const apply: Part = {
  "zh-CN": async () => (await import("./apply")).apply,
  en: async () => (await import("./apply.ts?en")).apply,
};
export const policies: Part = {
  "zh-CN": async () => (await import("./policies")).policies,
  en: async () => (await import("./policies.ts?en")).policies,
  terms: {
    "zh-CN": async () => (await import("../terms.ts?policies")).terms,
    en: async () => (await import("../terms.ts?policies-en")).terms,
  },
};
export const authorisations: Part = {
  "zh-CN": async () => (await import("./authorisations")).authorisations,
  en: async () => (await import("./authorisations.ts?en")).authorisations,
};
export const evaluations: Part = {
  "zh-CN": async () => (await import("./evaluations")).evaluations,
  en: async () => (await import("./evaluations.ts?en")).evaluations,
  terms: {
    "zh-CN": async () => (await import("../terms.ts?evaluations")).terms,
    en: async () => (await import("../terms.ts?evaluations-en")).terms,
  },
};
export const letters: Part = {
  "zh-CN": async () => (await import("./letters")).letters,
  en: async () => (await import("./letters.ts?en")).letters,
  terms: {
    "zh-CN": async () => (await import("../terms.ts?letters")).terms,
    en: async () => (await import("../terms.ts?letters-en")).terms,
  },
};
export const money: Part = {
  "zh-CN": async () => (await import("./money")).money,
  en: async () => (await import("./money.ts?en")).money,
};
