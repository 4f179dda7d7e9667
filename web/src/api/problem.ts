import { t } from "@/i18n";

export interface FieldProblem {
  pointer: string;
  code: string;
  message: string;
}

/** A refusal or an outage, in words for the person in front of the page. `status` 0 means that no answer came. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    readonly title: string,
    readonly detail: string,
    readonly fields: FieldProblem[] = [],
    readonly traceId = "",
  ) {
    super(title);
  }

  /** Whether the far side certainly did nothing, so that the next try is a new request. */
  get final(): boolean {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status) && !this.slug.includes("in-flight");
  }

  get slug(): string {
    return this.type.split("/").pop() ?? "";
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function problemFrom(status: number, body: unknown): Problem {
  const raw = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const listed = Array.isArray(raw.errors) ? (raw.errors as Record<string, unknown>[]) : [];
  const fields = listed.map((each) => ({ pointer: text(each.pointer), code: text(each.code), message: text(each.message) }));
  return new Problem(status, text(raw.type), text(raw.title) || fallbackTitle(status), text(raw.detail), fields, text(raw.trace_id));
}

/** No answer came. `reading`: nothing of the person's own was under way. */
export function offline(reading = false): Problem {
  return new Problem(0, "", t("problem.offline"), t(reading ? "problem.offline_reading" : "problem.offline_detail"));
}

function fallbackTitle(status: number): string {
  if (status === 401) return t("problem.signed_out");
  if (status === 403) return t("problem.forbidden");
  if (status === 404) return t("problem.not_found");
  if (status === 409 || status === 412) return t("problem.changed");
  if (status === 429) return t("problem.too_many");
  return t("problem.outage");
}
