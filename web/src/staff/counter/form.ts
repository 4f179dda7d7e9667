/** What a clerk types is checked as what an applicant types himself, but that no mobile phone is needed. */
import { blank, type Draft } from "@/citizen/apply/draft";
import { sectionErrors } from "@/citizen/apply/rules";
import { phoneFault } from "@/lib/people";

const PARTS = ["category", "members", "marriage", "homes", "vehicles", "place"] as const;

export const fresh = (no = ""): Draft => ({ ...blank(), sub: "", no, prefilled: false, refused: {} });

export function missingIn(draft: Draft): { id: string; message: string }[] {
  const noPhoneNeeded = ["PHONE_MISSING", "PHONE_LANDLINE"].includes(phoneFault(draft.phone));
  return PARTS.flatMap((part) => sectionErrors(draft, part)).filter((each) => each.id !== "phone" || !noPhoneNeeded);
}
