/** What the applicant has typed so far: kept by the server for the person signed on, so that it is there on the next tab, phone and day. This device keeps
 * only what has not reached the server yet, in sessionStorage, and nothing of it afterwards: phones are shared. */
import { effectScope, reactive, watch } from "vue";
import { api } from "@/api/client";
import { Problem } from "@/api/problem";
import type { Dossier, DraftForm, DraftHome, DraftMember, DraftSaved, DraftVehicle } from "@/api/schema";
import { RequestKey } from "@/lib/action";
import { editable } from "@/lib/format";
import { halfWidth, parseHundredths } from "@/lib/typed";
import { birthDate, cleanCode, cleanPhone, dayOf } from "@/lib/people";
import { registers, type Register } from "@/lib/registers";
import { session } from "@/lib/session";
import { keep, kept } from "@/lib/store";

export const CONSENT_VERSION = "consent-2026.1";
export const SECTIONS = ["category", "members", "marriage", "homes", "vehicles", "place", "consent"] as const;
export type Section = (typeof SECTIONS)[number];

/** The form as the server keeps it, and what is only of this page. */
export interface Draft extends DraftForm {
  /** Whose draft it is; another person on the same device never sees it. */
  sub: string;
  /** Application being corrected; empty for a new one. */
  no: string;
  prefilled: boolean;
  /** The gateway's field errors by field id, until the field is changed. */
  refused: Record<string, string>;
}

/** How a draft stands with the server. */
export interface Keeping {
  /** unsaved: it could not be saved. unread: the server could not be asked what it has. elsewhere: two devices changed the same part. gone: handed in or deleted on another device. */
  state: "new" | "saved" | "saving" | "unsaved" | "unread" | "elsewhere" | "gone";
  saved_at: string;
  expires_at: string;
  /** Parts of the form changed on both devices. */
  both: Section[];
}

interface Kept {
  draft: Draft;
  keeping: Keeping;
  /** The form as the server has it, in JSON, and its version; 0 for none. */
  base: string;
  version: number;
  theirs: DraftForm | null;
  timer: number;
  saving: Promise<void> | null;
}

const PAUSE_MS = 1_000;
const RETRY_MS = 10_000;
const PARTS: Partial<Record<keyof DraftForm, Section>> = {
  category: "category",
  members: "members",
  marital_status: "marriage",
  has_homes: "homes",
  homes: "homes",
  has_vehicles: "vehicles",
  vehicles: "vehicles",
  district: "place",
  street: "place",
  community: "place",
  address: "place",
  phone: "place",
  consents: "consent",
  told_adults: "consent",
};

export const newMember = (relation = ""): DraftMember => ({ name: "", id_number: "", relation, birth_date: "", annual_income_fen: "", employer: "" });
export const newHome = (): DraftHome => ({ district: "", address: "", area_centi_sqm: "", share_percent: "100", certificate_no: "" });
export const newVehicle = (): DraftVehicle => ({ plate: "", value_fen: "" });

export function blank(): DraftForm {
  return {
    category: "",
    members: [newMember("applicant")],
    marital_status: "",
    has_homes: "",
    homes: [],
    has_vehicles: "",
    vehicles: [],
    district: "",
    street: "",
    community: "",
    address: "",
    phone: "",
    consents: [],
    told_adults: false,
    visited: [],
    etag: "",
    request_key: "",
    request_print: "",
  };
}
const FIELDS = Object.keys(blank()) as (keyof DraftForm)[];

function empty(no: string): Draft {
  const form = blank();
  const person = no ? null : session.user?.prefill;
  const [applicant] = form.members;
  if (person && applicant) {
    applicant.name = person.name;
    applicant.id_number = person.id_number;
    form.phone = person.phone;
  }
  return { ...form, sub: session.user?.sub ?? "", no, prefilled: Boolean(person?.id_number), refused: {} };
}

const formOf = (draft: DraftForm): DraftForm => Object.fromEntries(FIELDS.map((field) => [field, draft[field]])) as unknown as DraftForm;
const printOf = (draft: DraftForm): string => JSON.stringify(formOf(draft));

const open = new Map<string, Kept>();
const mine = (no: string): Kept | null => {
  const found = open.get(no);
  return found && found.draft.sub === session.user?.sub ? found : null;
};
const storageName = (no: string) => `anju.draft.${no || "new"}`;

/** Puts a form into the draft in place: pages hold its members, homes and vehicles. */
function put(draft: Draft, form: DraftForm): void {
  for (const list of ["members", "homes", "vehicles"] as const) {
    const [target, source] = [draft[list] as object[], form[list] as object[]];
    source.forEach((each, index) => (index < target.length ? Object.assign(target[index] as object, each) : target.push(each)));
    target.length = source.length;
  }
  const { members, homes, vehicles, ...rest } = form;
  Object.assign(draft, rest);
}

function unsent(no: string): { version: number; base: string; form: DraftForm } | null {
  try {
    const found = JSON.parse(kept("sessionStorage", storageName(no)) ?? "null") as { sub: string; version: number; base: string; form: DraftForm } | null;
    return found && found.sub === session.user?.sub ? found : null;
  } catch {
    return null;
  }
}

/** Reads the draft of a new application (`no` empty) or of a correction before its pages are shown. Call after sign-on is known. `afresh`: also when it is
 * open here, since another device may have gone on with it. */
export async function openDraft(no: string, afresh = false): Promise<void> {
  if (afresh) keep("sessionStorage", handedName(no), null);
  const known = mine(no);
  if (known && known.keeping.state !== "unread" && (!afresh || printOf(known.draft) !== known.base)) return;
  const one = known ?? start(no);
  try {
    const found = await api.draft(no || "new");
    const left = known ? null : unsent(no);
    if (left) {
      one.base = left.base;
      one.version = left.version;
      put(one.draft, left.form);
    }
    one.keeping.state = "new";
    if (found) take(one, found.form, found.version, found);
    else if (one.version) one.keeping.state = "gone";
    changed(one);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    one.keeping.state = "unread";
    const left = unsent(no);
    if (left && !known) {
      one.base = left.base;
      one.version = left.version;
      put(one.draft, left.form);
    }
  }
}

function start(no: string): Kept {
  const draft = reactive(empty(no));
  const one: Kept = {
    draft,
    keeping: reactive<Keeping>({ state: "new", saved_at: "", expires_at: "", both: [] }),
    base: printOf(draft),
    version: 0,
    theirs: null,
    timer: 0,
    saving: null,
  };
  open.set(no, one);
  // In a scope of its own: it must outlive the page that happened to ask first.
  effectScope(true).run(() => watch(draft, () => changed(one), { deep: true, flush: "sync" }));
  return one;
}

/** Call after `openDraft`. */
export function draftOf(no: string): Draft {
  return (mine(no) ?? start(no)).draft;
}

export function keepingOf(no: string): Keeping {
  return (mine(no) ?? start(no)).keeping;
}

/** Whether somebody has saved a part of it, here or elsewhere, or holds the dossier he corrects. */
export function isBegun(no: string): boolean {
  const draft = mine(no)?.draft;
  return Boolean(draft?.visited.length || draft?.etag);
}

function changed(one: Kept): void {
  const { draft, keeping } = one;
  if (open.get(draft.no) !== one) return;
  const form = printOf(draft);
  const differs = form !== one.base;
  keep("sessionStorage", storageName(draft.no), differs ? JSON.stringify({ sub: draft.sub, version: one.version, base: one.base, form: formOf(draft) }) : null);
  window.clearTimeout(one.timer);
  if (!differs && keeping.state === "saving") keeping.state = one.version ? "saved" : "new";
  if (!differs || ["elsewhere", "gone"].includes(keeping.state)) return;
  if (keeping.state !== "unsaved" && keeping.state !== "unread") keeping.state = "saving";
  one.timer = window.setTimeout(() => void save(one), PAUSE_MS);
}

function said(one: Kept, saved: DraftSaved): void {
  one.version = saved.version;
  one.keeping.saved_at = saved.saved_at;
  one.keeping.expires_at = saved.expires_at;
}

function save(one: Kept): Promise<void> {
  window.clearTimeout(one.timer);
  one.saving ??= send(one).finally(() => {
    one.saving = null;
  });
  return one.saving;
}

async function send(one: Kept): Promise<void> {
  const { draft, keeping } = one;
  while (open.get(draft.no) === one && printOf(draft) !== one.base && !["elsewhere", "gone"].includes(keeping.state)) {
    const form = formOf(draft);
    const print = JSON.stringify(form);
    try {
      said(one, await api.saveDraft(draft.no || "new", one.version, form));
      one.base = print;
      keeping.state = "saved";
      changed(one);
      if (printOf(draft) !== print) return;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      keeping.state = "unsaved";
      if (error.status === 412) {
        if (!(await reread(one))) return;
      } else {
        // A form which is refused is sent again once it is another.
        if (!error.final) one.timer = window.setTimeout(() => void save(one), RETRY_MS);
        return;
      }
    }
  }
}

/** After another device was quicker. False when it cannot go on by itself. */
async function reread(one: Kept): Promise<boolean> {
  try {
    const found = await api.draft(one.draft.no || "new");
    if (found) take(one, found.form, found.version, found);
    else one.keeping.state = "gone";
    return found !== null && one.keeping.state !== "elsewhere";
  } catch {
    one.timer = window.setTimeout(() => void save(one), RETRY_MS);
    return false;
  }
}

/** Brings what the server has together with what was typed here since: each part that one of them changed is as that one left it. */
function take(one: Kept, theirs: DraftForm, version: number, saved: DraftSaved): void {
  const before = JSON.parse(one.base) as DraftForm;
  const now = formOf(one.draft);
  const both = new Set<Section>();
  const merged = { ...now } as Record<keyof DraftForm, unknown>;
  for (const field of FIELDS) {
    const [was, here, there] = [before[field], now[field], theirs[field]].map((each) => JSON.stringify(each));
    const part = PARTS[field];
    if (here === was) merged[field] = theirs[field];
    else if (part && there !== was && there !== here) both.add(part);
  }
  merged.visited = SECTIONS.filter((each) => now.visited.includes(each) || theirs.visited.includes(each));
  if (!theirs.members.length) merged.members = now.members;
  one.theirs = theirs;
  said(one, { ...saved, version });
  one.keeping.both = SECTIONS.filter((each) => both.has(each));
  one.keeping.state = both.size ? "elsewhere" : "saved";
  // As the server has it: what differs from it is what was typed here.
  one.base = printOf({ ...blank(), ...theirs });
  put(one.draft, merged as unknown as DraftForm);
}

/** What was changed on both devices is as it is here (`here`), or as the other one left it. */
export function settle(no: string, here: boolean): void {
  const one = mine(no);
  if (!one) return;
  const { theirs, keeping, draft } = one;
  const both = keeping.both;
  keeping.both = [];
  keeping.state = "saved";
  if (!here && theirs) {
    const form = formOf(draft) as Record<keyof DraftForm, unknown>;
    for (const field of FIELDS) if (both.includes(PARTS[field] as Section)) form[field] = theirs[field];
    put(draft, form as unknown as DraftForm);
  }
  changed(one);
}

/** Goes on with what is here although the draft is gone from the server. */
export function keepAnyway(no: string): void {
  const one = mine(no);
  if (!one) return;
  one.version = 0;
  one.base = "";
  one.keeping.state = "saving";
  void save(one);
}

/** Sends what has not been sent. False when it must not be handed in as it is: it was handed in or changed on another device. */
export async function flush(no: string): Promise<boolean> {
  const one = mine(no);
  if (!one) return true;
  await save(one);
  return !["elsewhere", "gone"].includes(one.keeping.state);
}

/** Handed in since the first page of the form was last seen, also before a reload: who goes back in the browser comes to that page, not into an empty form. */
const handedName = (no: string) => `anju.handed.${no || "new"}`;
export const isHandedIn = (no: string): boolean => kept("sessionStorage", handedName(no)) !== null;

/** Once it is handed in: the server has forgotten it already. */
export function handIn(no: string): void {
  forget(no);
  keep("sessionStorage", handedName(no), "1");
}

function forget(no: string): void {
  const one = open.get(no);
  if (one) window.clearTimeout(one.timer);
  open.delete(no);
  keep("sessionStorage", storageName(no), null);
}

/** Deletes it, here and on the server. Raises Problem, and then nothing is deleted. */
export async function discard(no: string): Promise<void> {
  const one = open.get(no);
  if (one) window.clearTimeout(one.timer);
  await one?.saving;
  await api.deleteDraft(no || "new");
  forget(no);
}

// A page that is put away may never come back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) for (const one of open.values()) if (printOf(one.draft) !== one.base) void save(one);
});
window.addEventListener("online", () => {
  for (const one of open.values()) if (["unsaved", "unread"].includes(one.keeping.state)) void save(one);
});

/** Starts a correction from the dossier the household sent last. */
export function fillFrom(draft: Draft, dossier: Dossier, agreed: readonly string[], etag: string): void {
  if (draft.etag) {
    draft.etag = etag;
    return;
  }
  put(draft, {
    ...formOf(draft),
    etag,
    category: dossier.category,
    members: dossier.members.map((each) => ({
      name: each.name,
      id_number: each.id_number,
      relation: each.relation,
      birth_date: each.birth_date,
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
      certificate_no: each.certificate_no,
    })),
    has_vehicles: dossier.vehicles.length ? "yes" : "no",
    vehicles: dossier.vehicles.map((each) => ({ plate: each.plate, value_fen: editable(each.value_fen) })),
    district: dossier.district,
    street: dossier.street,
    community: dossier.community,
    address: dossier.address,
    phone: dossier.phone,
    consents: [...agreed],
    told_adults: true,
    // Nothing is done before it was looked at again: one of the parts is what the case was returned for.
    visited: [],
  });
  const one = mine(draft.no);
  // Nothing has been typed yet: there is nothing to keep.
  if (one && !one.version) {
    one.base = printOf(draft);
    one.keeping.state = "new";
    changed(one);
  }
}

/** The pages offer no other codes, and the gateway refuses what it does not know. */
export function toDossier(draft: Draft): Dossier {
  return {
    category: draft.category as Dossier["category"],
    members: draft.members.map((each) => ({
      name: each.name.trim(),
      id_number: cleanCode(each.id_number),
      relation: each.relation as Dossier["members"][number]["relation"],
      birth_date: birthDate(each.id_number) || dayOf(each.birth_date),
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
            certificate_no: each.certificate_no.trim(),
          }))
        : [],
    vehicles:
      draft.has_vehicles === "yes"
        ? draft.vehicles.map((each) => ({ plate: cleanCode(each.plate), value_fen: parseHundredths(each.value_fen) ?? 0 }))
        : [],
    marital_status: draft.marital_status as Dossier["marital_status"],
    district: draft.district,
    street: draft.street,
    community: draft.community,
    address: draft.address.trim(),
    phone: cleanPhone(draft.phone),
  };
}

export function consented(draft: Draft): Register[] {
  return registers.asked.filter((register) => draft.consents.includes(register));
}

/** The draft's request key goes with it, so that neither a reload in the middle of a submission nor another device submits twice. */
export function requestKey(draft: Draft): RequestKey {
  return new RequestKey(draft.request_key, draft.request_print, (key, print) => {
    draft.request_key = key;
    draft.request_print = print;
  });
}
