/** The one way from the pages to the gateway: language, CSRF and idempotency headers, a time limit, and problems as exceptions. */
import createClient from "openapi-fetch";
import { reactive } from "vue";
import { locale } from "@/i18n";
import { offline, Problem, problemFrom } from "./problem";
import type { AnswerFollowUp, Appoint, BroadcastStep, Decide, DeclareRecusals, Dossier, DraftForm, EndAppointment, NewBroadcast, NewUnit, OpenVisit, Opinion, paths, SavePolicyDraft, SessionView, SetCover, SubmitApplication, WithdrawPolicy } from "./schema";

const TIME_LIMIT_MS = 20_000;

/** What the rest of the pages must know about the connection. `expired` is set by any 401 after sign-on. */
export const connection = reactive({ csrf: "", expired: false });

async function limited(request: Request): Promise<Response> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIME_LIMIT_MS);
  try {
    return await fetch(request, { signal: stop.signal });
  } finally {
    clearTimeout(timer);
  }
}

const http = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin", fetch: limited });

http.use({
  onRequest({ request }) {
    request.headers.set("Accept-Language", locale.value);
    if (request.method !== "GET" && connection.csrf) request.headers.set("X-CSRF-Token", connection.csrf);
    return request;
  },
});

interface Answer<R> {
  data: R;
  etag: string;
}

async function answer<R>(call: Promise<{ data?: R; error?: unknown; response: Response }>): Promise<Answer<R>> {
  let result;
  try {
    result = await call;
  } catch {
    throw offline();
  }
  const { data, error, response } = result;
  if (!response.ok) {
    if (response.status === 401) connection.expired = true;
    throw problemFrom(response.status, error);
  }
  return { data: data as R, etag: response.headers.get("ETag") ?? "" };
}

async function only<R>(call: Promise<{ data?: R; error?: unknown; response: Response }>): Promise<R> {
  return (await answer<R>(call)).data;
}

/** Null for 404, when "not there yet" is an ordinary answer. */
async function orNull<R>(call: Promise<R>): Promise<R | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

const keyed = (key: string) => ({ "Idempotency-Key": key });
type Paged = { limit?: number; cursor?: string };
/** Lists that may be longer than one person takes away at once. */
export type LargeList = "tasks" | "applications" | "waiting" | "leases" | "bills";
export type ExportedList = "tasks" | "applications" | "waiting-list" | "leases" | "bills" | "readers" | "looks" | "operator-steps" | "organisation-changes" | "trial-balance";
type Sorted = Paged & { sort?: string; skip?: number; count?: boolean };

export const api = {
  async session(): Promise<SessionView | null> {
    try {
      const session = await only(http.GET("/api/v1/session"));
      connection.csrf = session.csrf_token;
      connection.expired = false;
      return session;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        connection.expired = false;
        return null;
      }
      throw error;
    }
  },
  /** The way out of the sign-on is the edge's own and no part of the published API. */
  signOut: () => limited(new Request("/auth/logout", { method: "POST", headers: { "X-CSRF-Token": connection.csrf } })),

  city: () => only(http.GET("/api/v1/city")),
  divisions: async () => (await only(http.GET("/api/v1/divisions"))).items,
  conditions: () => only(http.GET("/api/v1/conditions")),
  policies: (query: Paged & { words?: string; category?: string; on_date?: string }) => only(http.GET("/api/v1/policies", { params: { query } })),
  policy: (id: string, query: { on_date?: string; channel?: "web" | "elder" | "wechat" | "poster" }) =>
    orNull(only(http.GET("/api/v1/policies/{id}", { params: { path: { id }, query } }))),
  ruleArticles: async () => (await only(http.GET("/api/v1/policy-articles"))).items,
  finishedServices: (query: Paged & { application_no?: string }) => only(http.GET("/api/v1/services", { params: { query } })),
  evaluate: (id: string, body: Opinion) => only(http.POST("/api/v1/services/{id}/evaluation", { params: { path: { id } }, body })),
  receipt: (code: string) => orNull(only(http.GET("/api/v1/receipts/{code}", { params: { path: { code } } }))),
  evaluateReceipt: (code: string, body: Opinion) => only(http.POST("/api/v1/receipts/{code}/evaluation", { params: { path: { code } }, body })),
  evaluationFigures: (query: { month?: string }) => only(http.GET("/api/v1/evaluations", { params: { query } })),
  followUps: (query: Sorted & { state?: string }) => only(http.GET("/api/v1/follow-ups", { params: { query } })),
  answerFollowUp: (id: string, body: AnswerFollowUp) => only(http.POST("/api/v1/follow-ups/{id}/answer", { params: { path: { id } }, body })),
  notices: (query: Paged & { district?: string }) => only(http.GET("/api/v1/notices", { params: { query } })),
  // Public lists may come from the browser's cache; whoever has just changed one asks past it.
  estates: (query: { district?: string }, cache: RequestCache = "default") => only(http.GET("/api/v1/estates", { params: { query }, cache })),
  waitingList: (code: string, query: Sorted & { state?: string }, cache: RequestCache = "default") =>
    only(http.GET("/api/v1/districts/{code}/waiting-list", { params: { path: { code }, query }, cache })),

  applications: (query: Sorted & { stage?: string; district?: string; blocked?: boolean; overdue?: boolean; changed_since?: string; typed_by_me?: boolean }) =>
    only(http.GET("/api/v1/applications", { params: { query } })),
  submit: (key: string, body: SubmitApplication) =>
    only(http.POST("/api/v1/applications", { params: { header: keyed(key) }, body })),
  application: (no: string) => answer(http.GET("/api/v1/applications/{no}", { params: { path: { no } } })),
  lookups: async (no: string) => (await only(http.GET("/api/v1/applications/{no}/lookups", { params: { path: { no } } }))).items,
  review: (no: string) => only(http.GET("/api/v1/applications/{no}/review", { params: { path: { no } } })),
  comparison: (no: string) => orNull(only(http.GET("/api/v1/applications/{no}/comparison", { params: { path: { no } } }))),
  assessment: (no: string) => orNull(only(http.GET("/api/v1/applications/{no}/assessment", { params: { path: { no } } }))),
  reads: (no: string, query: Paged) => only(http.GET("/api/v1/applications/{no}/reads", { params: { path: { no }, query } })),
  readers: (query: Sorted & { day?: string; since?: string; reader?: string; alarmed?: boolean }) => only(http.GET("/api/v1/readers", { params: { query } })),
  looks: (query: Sorted & { day?: string; reader?: string; application_no?: string }) => only(http.GET("/api/v1/looks", { params: { query } })),
  queriesAboutMe: (query: Paged) => only(http.GET("/api/v1/myself/queries", { params: { query } })),
  objectToQuery: (key: string, id: string, words: string) =>
    only(http.POST("/api/v1/myself/queries/{id}/objection", { params: { path: { id }, header: keyed(key) }, body: { text: words } })),
  queryObjections: (query: Paged & { sort?: string; skip?: number; state?: string }) => only(http.GET("/api/v1/query-objections", { params: { query } })),
  answerQueryObjection: (key: string, id: string, founded: boolean, words: string) =>
    only(http.POST("/api/v1/query-objections/{id}/answer", { params: { path: { id }, header: keyed(key) }, body: { founded, answer: words } })),
  accessLog: (no: string, query: Paged) => only(http.GET("/api/v1/applications/{no}/access-log", { params: { path: { no }, query } })),
  tenancy: (no: string) => orNull(only(http.GET("/api/v1/applications/{no}/tenancy", { params: { path: { no } } }))),
  correct: (key: string, no: string, etag: string, dossier: Dossier) =>
    only(
      http.PUT("/api/v1/applications/{no}/dossier", { params: { path: { no }, header: { ...keyed(key), "If-Match": etag } }, body: { dossier } }),
    ),
  draft: (no: string) => orNull(only(http.GET("/api/v1/drafts/{no}", { params: { path: { no } } }))),
  // Also while the page is being closed.
  saveDraft: (no: string, version: number, form: DraftForm) =>
    only(http.PUT("/api/v1/drafts/{no}", { params: { path: { no } }, body: { version, form }, keepalive: true })),
  deleteDraft: (no: string) => only(http.DELETE("/api/v1/drafts/{no}", { params: { path: { no } } })),
  claims: async () => (await only(http.GET("/api/v1/confirmations"))).items,
  confirm: (key: string, no: string, agrees: boolean, text_version: string) =>
    only(http.POST("/api/v1/applications/{no}/confirmation", { params: { path: { no }, header: keyed(key) }, body: { agrees, text_version } })),
  withdrawConsent: (key: string, no: string) =>
    only(http.POST("/api/v1/applications/{no}/confirmation/withdrawal", { params: { path: { no }, header: keyed(key) }, body: {} })),
  recordConfirmation: (key: string, no: string, index: number, channel: "counter" | "authorisation" | "guardian", document: string) =>
    only(
      http.POST("/api/v1/applications/{no}/members/{index}/confirmation", {
        params: { path: { no, index }, header: keyed(key) },
        body: { channel, document },
      }),
    ),
  withdraw: (key: string, no: string, reason: string) =>
    only(http.POST("/api/v1/applications/{no}/withdrawal", { params: { path: { no }, header: keyed(key) }, body: { reason } })),
  object: (key: string, no: string, words: string) =>
    only(http.POST("/api/v1/applications/{no}/objections", { params: { path: { no }, header: keyed(key) }, body: { text: words } })),
  leaveWaiting: (key: string, no: string) =>
    only(http.POST("/api/v1/applications/{no}/waiting-exit", { params: { path: { no }, header: keyed(key) }, body: {} })),
  answerOffer: (key: string, id: string, accept: boolean, reason: string) =>
    only(http.POST("/api/v1/offers/{id}/answer", { params: { path: { id }, header: keyed(key) }, body: { accept, reason } })),

  leases: (query: Sorted & { no?: string; state?: string; district?: string }) => only(http.GET("/api/v1/leases", { params: { query } })),
  sign: (key: string, no: string, digest: string) =>
    only(http.POST("/api/v1/leases/{no}/signature", { params: { path: { no }, header: keyed(key) }, body: { acknowledged: true, digest } })),
  contract: (no: string) => only(http.GET("/api/v1/leases/{no}/contract", { params: { path: { no } } })),
  /** Where the browser gets the file of a signed contract. */
  contractFile: (no: string) => `/api/v1/leases/${encodeURIComponent(no)}/contract.pdf`,
  checkContract: (no: string, mark: string) => only(http.GET("/api/v1/contracts/{no}/{mark}", { params: { path: { no, mark } } })),
  leaseBills: (no: string, query: Paged) => only(http.GET("/api/v1/leases/{no}/bills", { params: { path: { no }, query } })),
  bill: (no: string, period: string) => only(http.GET("/api/v1/leases/{no}/bills/{period}", { params: { path: { no, period } } })),
  bills: (query: Sorted & { state?: string; failed_payment?: boolean }) => only(http.GET("/api/v1/bills", { params: { query } })),
  pay: (key: string, no: string, period: string) =>
    only(http.POST("/api/v1/leases/{no}/bills/{period}/payments", { params: { path: { no, period }, header: keyed(key) }, body: {} })),

  inbox: (query: Paged) => only(http.GET("/api/v1/inbox", { params: { query } })),
  markRead: (id: string) => only(http.POST("/api/v1/inbox/{id}/read", { params: { path: { id } } })),

  tasks: (query: Sorted & { state?: string; overdue?: boolean }) => only(http.GET("/api/v1/tasks", { params: { query } })),
  desk: () => only(http.GET("/api/v1/desk")),
  operations: () => only(http.GET("/api/v1/operations")),
  operatorSteps: (query: Sorted & { day?: string; actor?: string; kind?: string; subject?: string }) => only(http.GET("/api/v1/operations/steps", { params: { query } })),
  sendAgain: (key: string, body: { service: string; entry: number; reason: string }) => only(http.POST("/api/v1/operations/deliveries", { params: { header: keyed(key) }, body })),
  resume: (key: string, workflow_id: string, reason: string) =>
    only(http.POST("/api/v1/operations/resumptions", { params: { header: keyed(key) }, body: { workflow_id, reason } })),
  startAgain: (key: string, workflow_id: string, reason: string) =>
    only(http.POST("/api/v1/operations/repairs", { params: { header: keyed(key) }, body: { workflow_id, reason } })),
  /** What was typed at a counter, as the paper that is read over and signed. */
  counterForm: async (dossier: Dossier) =>
    (await only(http.POST("/api/v1/counter/form", { body: { dossier }, parseAs: "blob" }))) as unknown as Blob,
  recordAuthorisation: (key: string, paper: { id_number: string; name: string; document: string; photo: File }) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(paper)) form.append(name, value);
    return only(http.POST("/api/v1/counter/authorisations", { params: { header: keyed(key) }, body: paper as never, bodySerializer: () => form }));
  },
  openVisit: (key: string, authorisation_id: string, purpose: OpenVisit["purpose"]) =>
    only(http.POST("/api/v1/counter/visits", { params: { header: keyed(key) }, body: { authorisation_id, purpose } })),
  closeVisit: (id: string) => only(http.DELETE("/api/v1/counter/visits/{id}", { params: { path: { id } } })),
  /** The household's own submission, typed by the clerk whose visit it is. */
  submitInVisit: (key: string, visit: string, body: SubmitApplication) =>
    only(http.POST("/api/v1/applications", { params: { header: { ...keyed(key), "Anju-Assistance": visit } }, body })),
  receiptFile: (no: string) => `/api/v1/applications/${encodeURIComponent(no)}/receipt.pdf`,
  authorisationPhoto: (no: string) => `/api/v1/applications/${encodeURIComponent(no)}/authorisation.jpg`,
  /** A list as a spreadsheet; what it holds besides the purpose is what the list was narrowed to. */
  async exported(list: ExportedList, body: Record<string, unknown> & { purpose: string }): Promise<Blob> {
    // One address a list, each with fields of its own: what the pages send is checked by the gateway.
    const path = `/api/v1/exports/${list}` as "/api/v1/exports/applications";
    return (await only(http.POST(path, { body: body as never, parseAs: "blob" }))) as unknown as Blob;
  },
  exportRequests: async () => (await only(http.GET("/api/v1/export-requests"))).items,
  askExport(key: string, list: ExportedList, body: Record<string, unknown> & { purpose: string; reason: string }) {
    // One address a list, as above.
    const path = `/api/v1/export-requests/${list}` as "/api/v1/export-requests/applications";
    return only(http.POST(path, { params: { header: keyed(key) }, body: body as never }));
  },
  answerExport: (key: string, list: LargeList, id: string, approve: boolean) =>
    only(http.POST("/api/v1/export-requests/{list}/{id}/answer", { params: { path: { list, id }, header: keyed(key) }, body: { approve } })),
  /** Where the browser gets a file a second person has consented to. */
  exportFile: (list: string, id: string) => `/api/v1/export-requests/${encodeURIComponent(list)}/${encodeURIComponent(id)}/file`,
  letters: (query: Sorted & { state?: string }) => only(http.GET("/api/v1/letters", { params: { query } })),
  printLetters: async (ids: string[]) => (await only(http.POST("/api/v1/letters/print", { body: { ids }, parseAs: "blob" }))) as unknown as Blob,
  markLetter: (id: string, body: { step: "posted" | "delivered" | "returned"; on: string; tracking_no: string }) =>
    only(http.POST("/api/v1/letters/{id}/step", { params: { path: { id } }, body })),
  reach: () => only(http.GET("/api/v1/myself/reach")),
  setReach: (sms: boolean, quiet: boolean) => only(http.PUT("/api/v1/myself/reach", { body: { sms, quiet } })),
  search: async (words: string) => (await only(http.POST("/api/v1/searches", { body: { words } }))).items,
  recuse: (key: string, no: string, reason: string) =>
    only(http.POST("/api/v1/applications/{no}/recusal", { params: { path: { no }, header: keyed(key) }, body: { reason } })),
  recusals: async () => (await only(http.GET("/api/v1/myself/recusals"))).declaration,
  declareRecusals: (key: string, community: string, relatives: DeclareRecusals["relatives"]) =>
    only(http.PUT("/api/v1/myself/recusals", { params: { header: keyed(key) }, body: { community, relatives } })),
  decide: (key: string, no: string, etag: string, decision: Decide["decision"], reason: string) =>
    only(
      http.POST("/api/v1/applications/{no}/decision", {
        params: { path: { no }, header: { ...keyed(key), "If-Match": etag } },
        body: { decision, reason },
      }),
    ),
  decideObjection: (key: string, no: string, id: string, upheld: boolean, words: string) =>
    only(
      http.POST("/api/v1/applications/{no}/objections/{id}/decision", {
        params: { path: { no, id }, header: keyed(key) },
        body: { upheld, answer: words },
      }),
    ),
  addUnits: (key: string, units: NewUnit[]) =>
    only(http.POST("/api/v1/units", { params: { header: keyed(key) }, body: { units } })),
  chooseCapacity: (capacity: string) => only(http.PUT("/api/v1/session/acting", { body: { capacity } })),
  appointments: (query: Sorted & { unit?: string; duty?: string; account?: string; state?: string }) =>
    only(http.GET("/api/v1/organisation/appointments", { params: { query } })),
  staffMember: (account: string) => only(http.GET("/api/v1/organisation/people/{account}", { params: { path: { account } } })),
  appoint: (key: string, body: Appoint) => only(http.POST("/api/v1/organisation/appointments", { params: { header: keyed(key) }, body })),
  endAppointment: (key: string, id: string, body: EndAppointment) =>
    only(http.POST("/api/v1/organisation/appointments/{id}/end", { params: { path: { id }, header: keyed(key) }, body })),
  confirmAppointment: (key: string, id: string, confirmed: boolean) =>
    only(http.POST("/api/v1/organisation/appointments/{id}/confirmation", { params: { path: { id }, header: keyed(key) }, body: { confirmed } })),
  setCover: (key: string, body: SetCover) => only(http.POST("/api/v1/organisation/covers", { params: { header: keyed(key) }, body })),
  endCover: (key: string, id: string) =>
    only(http.POST("/api/v1/organisation/covers/{id}/end", { params: { path: { id }, header: keyed(key) }, body: {} })),
  policyWorks: (query: Sorted & { words?: string; state?: string }) => only(http.GET("/api/v1/policy-drafts", { params: { query } })),
  policyDesk: (id: string) => orNull(only(http.GET("/api/v1/policy-drafts/{id}", { params: { path: { id } } }))),
  savePolicyDraft: (id: string, body: SavePolicyDraft) => only(http.PUT("/api/v1/policy-drafts/{id}", { params: { path: { id } }, body })),
  publishPolicy: (id: string, digest: string) =>
    only(http.POST("/api/v1/policy-drafts/{id}/publication", { params: { path: { id } }, body: { digest } })),
  withdrawPolicy: (id: string, body: WithdrawPolicy) => only(http.POST("/api/v1/policies/{id}/withdrawal", { params: { path: { id } }, body })),
  broadcasts: (query: Sorted & { state?: string }) => only(http.GET("/api/v1/broadcasts", { params: { query } })),
  broadcast: (id: string) => orNull(only(http.GET("/api/v1/broadcasts/{id}", { params: { path: { id } } }))),
  writeBroadcast: (key: string, body: NewBroadcast) => only(http.POST("/api/v1/broadcasts", { params: { header: keyed(key) }, body })),
  stepBroadcast: (id: string, step: BroadcastStep["step"]) =>
    only(http.POST("/api/v1/broadcasts/{id}/step", { params: { path: { id } }, body: { step } })),
  organisationChanges: (query: Sorted & { account?: string; by_account?: string; kind?: string; from_on?: string; until_on?: string }) =>
    only(http.GET("/api/v1/organisation/changes", { params: { query } })),
  makeOffers: (key: string, code: string) =>
    only(http.POST("/api/v1/districts/{code}/offers", { params: { path: { code }, header: keyed(key) }, body: {} })),
  counters: async (query: { district?: string }) =>
    (await only(http.GET("/api/v1/counters", { params: { query } }))).items,
  trialBalance: async () => (await only(http.GET("/api/v1/ledger/trial-balance"))).items,
};
