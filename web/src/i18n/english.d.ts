/** A module of texts in English, made by vite.config.ts. */
type Said = Record<string, { is: string }>;
declare module "*/terms.ts?en" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
/** The codes of a part alone, in Chinese and in English. */
declare module "*/terms.ts?letters" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
declare module "*/terms.ts?letters-en" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
declare module "*/terms.ts?evaluations" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
declare module "*/terms.ts?evaluations-en" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
declare module "*/terms.ts?policies" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
declare module "*/terms.ts?policies-en" {
  export const terms: Record<string, Record<string, { is: string; hint?: { is: string } }>>;
}
declare module "*/common.ts?en" {
  export const common: Said;
}
declare module "*/citizen.ts?en" {
  export const citizen: Said;
}
declare module "*/apply.ts?en" {
  export const apply: Said;
}
declare module "*/staff.ts?en" {
  export const staff: Said;
}
declare module "*/authorisations.ts?en" {
  export const authorisations: Said;
}
declare module "*/points.ts?en" {
  export const points: Said;
}
declare module "*/evaluations.ts?en" {
  export const evaluations: Said;
}
declare module "*/policies.ts?en" {
  export const policies: Said;
}
declare module "*/money.ts?en" {
  export const money: Said;
}
declare module "*/letters.ts?en" {
  export const letters: Said;
}
