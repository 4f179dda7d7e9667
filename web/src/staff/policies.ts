/** A policy in the making: what its form begins with, and what is different from a version before. */
import type { ContentView, PolicyContent } from "@/api/schema";
import { t, title } from "@/i18n";
import { day } from "@/lib/format";

export type Article = Required<PolicyContent["articles"][number]>;
export type Form = Omit<PolicyContent, "articles" | "category" | "document_no" | "sample"> & { category: string; document_no: string; sample: boolean; articles: Article[] };

export const nothing = (): Article => ({ number: "", heading: "", text: "", criteria: [], unverified: false });

/** A form of its own: what it was made of stays as it is. */
export function formOf(content: ContentView | undefined): Form {
  if (content) return JSON.parse(JSON.stringify(content)) as Form;
  return { category: "", title: { zh: "", en: "" }, summary: { zh: "", en: "" }, issuer: "", document_no: "", effective_on: "", sample: false, articles: [nothing()] };
}

export interface Difference {
  what: string;
  before: string;
  now: string;
}

/** Everything a reader is shown, part by part. */
function parts(form: Form): Map<string, string> {
  const said: [string, string][] = [
    [t("policies.category"), form.category && title("policy_categories", form.category)],
    [t("policy_desk.title_zh"), form.title.zh],
    [t("policy_desk.title_en"), form.title.en],
    [t("policy_desk.summary_zh"), form.summary.zh],
    [t("policy_desk.summary_en"), form.summary.en],
    [t("policies.issuer"), form.issuer],
    [t("policies.document_no"), form.document_no],
    [t("policies.effective"), form.effective_on && day(form.effective_on)],
    [t("policy_desk.sample"), t(form.sample ? "org.yes" : "app.none")],
  ];
  for (const each of form.articles) {
    const criteria = each.criteria.map((code) => title("criteria", code)).join("、");
    const marks = [criteria, each.unverified ? t("policy_desk.unverified") : ""].filter(Boolean);
    said.push([each.number, [each.heading, each.text, ...marks].filter(Boolean).join("\n")]);
  }
  return new Map(said);
}

export function differences(before: Form, now: Form): Difference[] {
  const [old, fresh] = [parts(before), parts(now)];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .map((what) => ({ what, before: old.get(what) ?? "", now: fresh.get(what) ?? "" }))
    .filter((each) => each.before !== each.now);
}
