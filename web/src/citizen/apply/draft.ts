/** What the applicant has typed so far. Kept in sessionStorage through reloads, sign-on and refused submissions; erased when it is accepted. */
import { effectScope, reactive, watch } from "vue";
import type { ConsentGiven, Dossier, Home, Member, Vehicle } from "@/api/schema";
import { codes } from "@/i18n";
import { RequestKey } from "@/lib/action";
import { editable, halfWidth, parseHundredths } from "@/lib/format";
import { birthDate, normalise } from "@/lib/idnumber";
import { session } from "@/lib/session";
import { keep, kept } from "@/lib/store";

export const CONSENT_VERSION = "consent-2026.1";
export const REGISTERS = codes("registers");
export type Register = ConsentGiven["registers"][number];

/** The gateway's own fields under their own names, as somebody types them. */
type Typed<T> = { [field in keyof T]-?: string };
// The date of birth is in the number.
export type MemberForm = Typed<Omit<Member, "birth_date">>;
export type HomeForm = Typed<Home>;
export type VehicleForm = Typed<Vehicle>;
export const SECTIONS = ["category", "members", "marriage", "homes", "vehicles", "place", "consent"] as const;
export type Section = (typeof SECTIONS)[number];

export interface Draft extends Typed<Omit<Dossier, "members" | "homes" | "vehicles">> {
  /** Whose draft it is; another person on the same device never sees it. */
  sub: string;
  /** Application being corrected, and its ETag; empty for a new one. */
  no: string;
  etag: string;
  prefilled: boolean;
  members: MemberForm[];
  has_homes: string;
  homes: HomeForm[];
  has_vehicles: string;
  vehicles: VehicleForm[];
  consents: Register[];
  told_adults: boolean;
  /** Sections the applicant has saved at least once. */
  visited: Section[];
  /** The gateway's field errors by field id, until the field is changed. */
  refused: Record<string, string>;
  key: string;
  print: string;
}

export const newMember = (relation = ""): MemberForm => ({ name: "", id_number: "", relation, annual_income_fen: "", employer: "" });
export const newHome = (): HomeForm => ({ district: "", address: "", area_centi_sqm: "", share_percent: "100" });
export const newVehicle = (): VehicleForm => ({ plate: "", value_fen: "" });

function empty(no: string): Draft {
  const person = session.user?.prefill;
  const applicant = newMember("applicant");
  if (person && !no) {
    applicant.name = person.name;
    applicant.id_number = person.id_number;
  }
  return {
    sub: session.user?.sub ?? "",
    no,
    etag: "",
    prefilled: Boolean(person?.id_number) && !no,
    category: "",
    members: [applicant],
    marital_status: "",
    has_homes: "",
    homes: [],
    has_vehicles: "",
    vehicles: [],
    district: "",
    street: "",
    community: "",
    address: "",
    phone: person?.phone ?? "",
    consents: [],
    told_adults: false,
    visited: [],
    refused: {},
    key: "",
    print: "",
  };
}

const open = new Map<string, Draft>();
const storageName = (no: string) => `anju.draft.${no || "new"}`;

function restore(no: string): Draft | null {
  try {
    const found = JSON.parse(kept("sessionStorage", storageName(no)) ?? "null") as Draft | null;
    return found && found.sub === session.user?.sub ? { ...empty(no), ...found } : null;
  } catch {
    return null;
  }
}

/** The draft of a new application (`no` empty) or of a correction. Call after sign-on is known. */
export function draftOf(no: string): Draft {
  let draft = open.get(no);
  if (!draft || draft.sub !== session.user?.sub) {
    draft = reactive(restore(no) ?? empty(no));
    open.set(no, draft);
    const mine = draft;
    // In a scope of its own: it must outlive the page that happened to ask first.
    effectScope(true).run(() => watch(mine, () => keep("sessionStorage", storageName(no), open.get(no) === mine ? JSON.stringify(mine) : null), { deep: true, flush: "sync" }));
  }
  return draft;
}

export function hasDraft(no: string): boolean {
  return Boolean(restore(no)?.visited.length);
}

export function discard(no: string): void {
  open.delete(no);
  keep("sessionStorage", storageName(no), null);
}

/** Starts a correction from the dossier the household sent last. */
export function fillFrom(draft: Draft, dossier: Dossier, registers: readonly string[], etag: string): void {
  draft.etag = etag;
  if (draft.visited.length) return;
  Object.assign(draft, {
    category: dossier.category,
    members: dossier.members.map((each) => ({
      name: each.name,
      id_number: each.id_number,
      relation: each.relation,
      annual_income_fen: editable(each.annual_income_fen),
      employer: each.employer,
    })),
    marital_status: dossier.marital_status,
    has_homes: dossier.homes.length ? "yes" : "no",
    homes: dossier.homes.map((each) => ({
      district: each.district,
      address: each.address,
      area_centi_sqm: editable(each.area_centi_sqm),
      share_percent: String(each.share_percent),
    })),
    has_vehicles: dossier.vehicles.length ? "yes" : "no",
    vehicles: dossier.vehicles.map((each) => ({ plate: each.plate, value_fen: editable(each.value_fen) })),
    district: dossier.district,
    street: dossier.street,
    community: dossier.community,
    address: dossier.address,
    phone: dossier.phone,
    consents: REGISTERS.filter((each) => registers.includes(each)),
    told_adults: true,
    visited: [...SECTIONS],
  });
}

/** The pages offer no other codes, and the gateway refuses what it does not know. */
export function toDossier(draft: Draft): Dossier {
  return {
    category: draft.category as Dossier["category"],
    members: draft.members.map((each) => ({
      name: each.name.trim(),
      id_number: normalise(each.id_number),
      relation: each.relation as Dossier["members"][number]["relation"],
      birth_date: birthDate(each.id_number),
      annual_income_fen: parseHundredths(each.annual_income_fen) ?? 0,
      employer: each.employer.trim(),
    })),
    homes:
      draft.has_homes === "yes"
        ? draft.homes.map((each) => ({
            district: each.district,
            address: each.address.trim(),
            area_centi_sqm: parseHundredths(each.area_centi_sqm) ?? 0,
            share_percent: Number(halfWidth(each.share_percent)),
          }))
        : [],
    vehicles:
      draft.has_vehicles === "yes"
        ? draft.vehicles.map((each) => ({ plate: halfWidth(each.plate).toUpperCase(), value_fen: parseHundredths(each.value_fen) ?? 0 }))
        : [],
    marital_status: draft.marital_status as Dossier["marital_status"],
    district: draft.district,
    street: draft.street,
    community: draft.community,
    address: draft.address.trim(),
    phone: halfWidth(draft.phone).replace(/[\s-]/g, ""),
  };
}

export function consented(draft: Draft): Register[] {
  return REGISTERS.filter((register) => draft.consents.includes(register));
}

/** The draft's request key outlives the page, so that a reload in the middle of a submission does not submit twice. */
export function requestKey(draft: Draft): RequestKey {
  return new RequestKey(draft.key, draft.print, (key, print) => {
    draft.key = key;
    draft.print = print;
  });
}
