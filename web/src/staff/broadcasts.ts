/** A notice to many households, as a page names it. */
import type { BroadcastRow } from "@/api/schema";
import { locale } from "@/i18n";

export const nameOf = (of: Pick<BroadcastRow, "title_zh" | "title_en">): string => (locale.value === "en" ? of.title_en : of.title_zh);
