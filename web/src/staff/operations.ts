/** What of the platform has to be looked into, by what its parts say; what says nothing is one of it. */
import { limits } from "@/api/limits";
import type { Office, Operations, OperatorStep, Part } from "@/api/schema";
import { t, title, type Key } from "@/i18n";
import { divisionName } from "@/lib/divisions";
import { moment } from "@/lib/format";
import type { Said } from "./list/bulk";

/** An entry that was written down to be handed on goes out within seconds; one that waits so long does not. */
const LATE_MINUTES = 5;
const CERTIFICATE_DAYS = 30;
/** The queue every case needs. */
const QUEUE = "anju";

export const partName = (name: string) => t(`part.${name}` as Key);
export function officeName(office: Office): string {
  const register = title("registers", office.register);
  return /^\d+$/.test(office.endpoint) ? t("app.aside", { a: register, b: divisionName(office.endpoint) }) : register;
}
const minutes = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 60_000;
export const isLate = ({ outbox }: Part, now: string) =>
  outbox !== null && (outbox.failing > 0 || (outbox.oldest_at !== null && minutes(outbox.oldest_at, now) > LATE_MINUTES));
export const endsSoon = (part: Part, now: string) => part.certificate_ends_at !== null && minutes(now, part.certificate_ends_at) < CERTIFICATE_DAYS * 24 * 60;

/** What an operator is about to do by hand, and to what. */
export interface OperatorAct {
  kind: "blocked" | "gone" | "send";
  name: string;
  run: (key: string, reason: string) => Promise<unknown>;
}
/** Why an operator does something to several of them: on record with each. */
export const why = (): Said => ({ name: "reason", label: t("ops.reason"), kind: "words", value: "", maxlength: limits.OfWorkflow.reason, missing: t("ops.reason_missing") });
/** What was acted on: a workflow by its id, what was to be handed on by what it is and its number. */
export function subjectName({ subject }: OperatorStep): string {
  const [place, kind, entry] = subject.split("/");
  return place === "outbox" && kind && entry ? t("app.aside", { a: title("handed_on", kind), b: entry }) : subject;
}

export interface Trouble {
  words: string;
  /** Where it stands on the page of operations. */
  place: "registers" | "parts" | "engine" | "stuck" | "undelivered" | "alarms";
}

export function troublesOf({ at, engine, parts, registers, alarms }: Operations): Trouble[] {
  const found: Trouble[] = [];
  const add = (place: Trouble["place"], words: string) => found.push({ place, words });
  if (engine.state !== "working") add("engine", t(`ops.engine_${engine.state}`));
  for (const each of engine.queues) if (each.name === QUEUE && !each.pollers) add("engine", t(`ops.no_worker_${each.kind}`));
  for (const part of parts) {
    const name = partName(part.name);
    if (part.state !== "working") add("parts", t(`ops.part_${part.state}`, { part: name }));
    if (part.calls?.failed) add("parts", t("ops.part_fails", { part: name, n: part.calls.failed }));
    if (isLate(part, at)) add(part.outbox?.failing ? "undelivered" : "parts", t("ops.part_late", { part: name, n: part.outbox?.waiting ?? 0 }));
    if (endsSoon(part, at)) add("parts", t("ops.certificate_ends", { part: name, at: moment(part.certificate_ends_at) }));
  }
  if (registers.state === "unknown") add("registers", t("ops.registers_unknown"));
  for (const office of registers.offices) {
    if (office.state !== "failing" && office.state !== "paused") continue;
    const waiting = registers.waiting.filter((each) => each.register === office.register).length;
    add("registers", t("ops.register_silent", { register: officeName(office), n: waiting }));
  }
  for (const kind of ["blocked", "failing"] as const) {
    const n = engine.types.reduce((total, each) => total + (each[kind] ?? 0), 0);
    if (n) add("stuck", t(`ops.count_${kind}`, { n }));
  }
  if (engine.gone) add("stuck", t("ops.count_gone", { n: engine.gone }));
  for (const alarm of alarms) if (alarm.count) add("alarms", t(`ops.alarm_${alarm.name}` as Key, { n: alarm.count }));
  return found;
}
