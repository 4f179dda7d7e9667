/** What can be said about a draft without asking the gateway, and where each of the gateway's field errors belongs. */
import type { FieldProblem } from "@/api/problem";
import { t, title, type Key } from "@/i18n";
import { divisionName, divisionsOf } from "@/lib/divisions";
import { today } from "@/lib/format";
import { halfWidth, parseHundredths } from "@/lib/typed";
import { cleanCode, dayOf, isOldCard, numberFault, phoneFault, wasBorn, type NumberFault, type PhoneFault } from "@/lib/people";
import { registers } from "@/lib/registers";
import type { Draft, Section } from "./draft";

/** `page` is the path below the application's start page on which the field stands. */
export interface FieldError {
  id: string;
  message: string;
  page: string;
}

type Say = (id: string, message: string) => void;

function collect(page: string, run: (say: Say) => void): FieldError[] {
  const found: FieldError[] = [];
  run((id, message) => found.push({ id, message, page }));
  return found;
}

const NUMBER_FAULTS: Record<Exclude<NumberFault, "">, Key> = {
  REQUIRED: "member.id_missing",
  ID_OLD_FORM: "member.id_old",
  ID_FORMAT: "member.id_form",
  ID_REGION: "member.id_region",
  ID_BIRTH_DATE: "member.id_birth",
  ID_BIRTH_DATE_FUTURE: "member.id_birth",
  ID_CHECK_DIGIT: "member.id_wrong",
};
const PHONE_FAULTS: Record<Exclude<PhoneFault, "">, Key> = {
  PHONE_MISSING: "place.phone_missing",
  PHONE_LANDLINE: "place.phone_landline",
  PHONE_FORMAT: "place.phone_wrong",
};

/** Where somebody applies who cannot do it here. */
export function counterOf(draft: Draft): string {
  return t("place.counter", { street: draft.street ? divisionName(draft.street) : t("place.your_street") });
}

export function memberName(draft: Draft, index: number): string {
  if (index === 0) return t("member.title_applicant");
  return draft.members[index]?.name.trim() || t("members.nth", { n: index + 1 });
}

export function memberErrors(draft: Draft, index: number): FieldError[] {
  const member = draft.members[index];
  if (!member) return [];
  return collect(`members/${index}`, (say) => {
    const id = (field: string) => `members-${index}-${field}`;
    if (!member.name.trim()) say(id("name"), t("member.name_missing"));
    const wrong = numberFault(member.id_number, today());
    if (wrong) say(id("id_number"), t(NUMBER_FAULTS[wrong]));
    else if (draft.members.some((other, at) => at < index && cleanCode(other.id_number) === cleanCode(member.id_number)))
      say(id("id_number"), t("member.id_twice"));
    if (!wrong && isOldCard(member.id_number)) {
      if (!dayOf(member.birth_date)) say(id("birth_date"), t("member.birth_missing"));
      else if (!wasBorn(member.id_number, dayOf(member.birth_date))) say(id("birth_date"), t("member.birth_wrong"));
    }
    if (!member.relation) say(id("relation"), t("member.relation_missing"));
    if (!member.annual_income_fen.trim()) say(id("annual_income_fen"), t("member.income_missing"));
    else if (parseHundredths(member.annual_income_fen) === null) say(id("annual_income_fen"), t("member.income_wrong"));
  });
}

export function homeErrors(draft: Draft, index: number): FieldError[] {
  const home = draft.homes[index];
  if (!home) return [];
  return collect(`homes/${index}`, (say) => {
    const id = (field: string) => `homes-${index}-${field}`;
    if (!home.district) say(id("district"), t("home.district_missing"));
    if (!home.address.trim()) say(id("address"), t("home.address_missing"));
    if (!parseHundredths(home.area_centi_sqm)) say(id("area_centi_sqm"), t("home.area_wrong"));
    const share = halfWidth(home.share_percent);
    if (!/^\d{1,3}$/.test(share) || Number(share) < 1 || Number(share) > 100) say(id("share_percent"), t("home.share_wrong"));
  });
}

export function vehicleErrors(draft: Draft, index: number): FieldError[] {
  const vehicle = draft.vehicles[index];
  if (!vehicle) return [];
  return collect(`vehicles/${index}`, (say) => {
    if (!vehicle.plate.trim()) say(`vehicles-${index}-plate`, t("vehicle.plate_missing"));
    if (parseHundredths(vehicle.value_fen) === null) say(`vehicles-${index}-value_fen`, t("vehicle.value_wrong"));
  });
}

function placeErrors(draft: Draft): FieldError[] {
  return collect("place", (say) => {
    if (!draft.district) say("district", t("place.district_missing"));
    if (!draft.street) say("street", t("place.street_missing"));
    // Some streets and townships have no communities on record: nobody there could choose one.
    if (!draft.community && divisionsOf("community", draft.street).length) say("community", t("place.community_missing"));
    if (!draft.address.trim()) say("address", t("place.address_missing"));
    const wrong = phoneFault(draft.phone);
    if (wrong) say("phone", t("place.phone_counter", { message: t(PHONE_FAULTS[wrong]), counter: counterOf(draft) }));
  });
}

function marriageErrors(draft: Draft): FieldError[] {
  return collect("marriage", (say) => {
    const spouse = draft.members.some((each) => each.relation === "spouse");
    if (!draft.marital_status) say("marital_status", t("marriage.missing"));
    else if (draft.marital_status === "married" && !spouse) say("marital_status", t("marriage.spouse_missing"));
    else if (draft.marital_status !== "married" && spouse) say("marital_status", t("marriage.spouse_extra"));
  });
}

function consentErrors(draft: Draft): FieldError[] {
  return collect("consent", (say) => {
    // What is agreed to is known once the city has said what it asks.
    if (!registers.asked.length) say("consent-registers", t("consent.registers_missing"));
    for (const register of registers.asked) {
      if (!draft.consents.includes(register)) say(`consent-${register}`, t("consent.missing", { what: title("registers", register) }));
    }
    if (draft.members.length > 1 && !draft.told_adults) say("consent-adults", t("consent.adults_missing"));
  });
}

/** Errors of a section's own page and of the pages below it. */
export function sectionErrors(draft: Draft, section: Section): FieldError[] {
  switch (section) {
    case "category":
      return collect("category", (say) => draft.category || say("category", t("category.missing")));
    case "members":
      return draft.members.flatMap((_, index) =>
        memberErrors(draft, index).map((each) => ({ ...each, message: t("member.who", { who: memberName(draft, index), message: each.message }) })),
      );
    case "marriage":
      return marriageErrors(draft);
    case "homes":
      if (!draft.has_homes) return [{ id: "has_homes", message: t("homes.missing"), page: "homes" }];
      if (draft.has_homes === "no") return [];
      if (!draft.homes.length) return [{ id: "add", message: t("homes.none_yet"), page: "homes" }];
      return draft.homes.flatMap((_, index) => homeErrors(draft, index));
    case "vehicles":
      if (!draft.has_vehicles) return [{ id: "has_vehicles", message: t("vehicles.missing"), page: "vehicles" }];
      if (draft.has_vehicles === "no") return [];
      if (!draft.vehicles.length) return [{ id: "add", message: t("vehicles.none_yet"), page: "vehicles" }];
      return draft.vehicles.flatMap((_, index) => vehicleErrors(draft, index));
    case "place":
      return placeErrors(draft);
    case "consent":
      return consentErrors(draft);
  }
}

const PLACE = new Set(["district", "street", "community", "address", "phone"]);

/** Where consent as a whole is said to be wrong: at the first register the city asks. */
export const consentField = () => `consent-${registers.asked[0] ?? "registers"}`;

/** The field a JSON pointer of the request body speaks of; null for none that is on a page. */
export function fieldOf(pointer: string): { id: string; page: string } | null {
  const parts = pointer.split("/").filter(Boolean);
  if (parts[0] === "dossier") parts.shift();
  const [head, index, leaf] = parts;
  if (!head) return null;
  if (head === "consent" || head === "registers") return { id: consentField(), page: "consent" };
  if (head === "category") return { id: "category", page: "category" };
  if (head === "marital_status") return { id: "marital_status", page: "marriage" };
  if (PLACE.has(head)) return { id: head, page: "place" };
  if (head === "members" || head === "homes" || head === "vehicles") {
    if (index === undefined || !leaf) return { id: head === "members" ? "add" : `has_${head}`, page: head };
    return { id: `${head}-${index}-${leaf === "birth_date" ? "id_number" : leaf}`, page: `${head}/${index}` };
  }
  return null;
}

export const pageOfField = (id: string): string => {
  const nested = /^(members|homes|vehicles)-(\d+)-/.exec(id);
  if (nested) return `${nested[1]}/${nested[2]}`;
  if (id.startsWith("consent-")) return "consent";
  if (id === "marital_status") return "marriage";
  if (id === "has_homes" || id === "has_vehicles") return id.slice(4);
  if (id === "add") return "members";
  return PLACE.has(id) ? "place" : id;
};

/** Puts the gateway's field errors at their fields; returns those which belong to none. */
export function refuse(draft: Draft, fields: FieldProblem[]): string[] {
  const nowhere: string[] = [];
  const refused: Record<string, string> = {};
  for (const field of fields) {
    const place = fieldOf(field.pointer);
    if (place) refused[place.id] = field.message;
    else nowhere.push(field.message);
  }
  draft.refused = refused;
  return nowhere;
}

export function refusedErrors(draft: Draft): FieldError[] {
  return Object.entries(draft.refused).map(([id, message]) => ({ id, message, page: pageOfField(id) }));
}

export const sectionOfPage = (page: string): Section => page.split("/")[0] as Section;
