/** The one way from the pages to the gateway: language, CSRF and idempotency headers, a time limit, and problems as exceptions. */
import createClient from "openapi-fetch";
import { reactive } from "vue";
import { locale } from "@/i18n";
import { offline, Problem, problemFrom } from "./problem";
import type { Answering, AnsweringWithCode, Dossier, DraftForm, Letter, Opinion, paths, SessionView, SignedLetter, SubmitApplication, WithCode } from "./schema";

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

export function reach(headers: Record<string, string> = {}) {
  const client = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin", fetch: limited, headers });
  client.use({
    onRequest({ request }) {
      request.headers.set("Accept-Language", locale.value);
      if (request.method !== "GET" && connection.csrf) request.headers.set("X-CSRF-Token", connection.csrf);
      return request;
    },
  });
  return client;
}
export const http = reach();

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

export async function only<R>(call: Promise<{ data?: R; error?: unknown; response: Response }>): Promise<R> {
  return (await answer<R>(call)).data;
}

/** Null for 404, when "not there yet" is an ordinary answer. */
export async function orNull<R>(call: Promise<R>): Promise<R | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export const keyed = (key: string) => ({ "Idempotency-Key": key });
export type Paged = { limit?: number; cursor?: string };
export type Sorted = Paged & { sort?: string; skip?: number; count?: boolean };

/** What a household does in its own name: signed on itself, or by a clerk at a counter in a visit. */
export const ofHousehold = (http: ReturnType<typeof reach>) => ({
  submit: (key: string, body: SubmitApplication) =>
    only(http.POST("/api/v1/applications", { params: { header: keyed(key) }, body })),
  application: (no: string) => answer(http.GET("/api/v1/applications/{no}", { params: { path: { no } } })),
  tenancy: (no: string) => orNull(only(http.GET("/api/v1/applications/{no}/tenancy", { params: { path: { no } } }))),
  correct: (key: string, no: string, etag: string, dossier: Dossier) =>
    only(
      http.PUT("/api/v1/applications/{no}/dossier", { params: { path: { no }, header: { ...keyed(key), "If-Match": etag } }, body: { dossier } }),
    ),
  withdraw: (key: string, no: string, reason: string) =>
    only(http.POST("/api/v1/applications/{no}/withdrawal", { params: { path: { no }, header: keyed(key) }, body: { reason } })),
  object: (key: string, no: string, words: string) =>
    only(http.POST("/api/v1/applications/{no}/objections", { params: { path: { no }, header: keyed(key) }, body: { text: words } })),
  leaveWaiting: (key: string, no: string) =>
    only(http.POST("/api/v1/applications/{no}/waiting-exit", { params: { path: { no }, header: keyed(key) }, body: {} })),
  answerOffer: (key: string, id: string, accept: boolean, reason: string) =>
    only(http.POST("/api/v1/offers/{id}/answer", { params: { path: { id }, header: keyed(key) }, body: { accept, reason } })),
  sign: (key: string, no: string, digest: string) =>
    only(http.POST("/api/v1/leases/{no}/signature", { params: { path: { no }, header: keyed(key) }, body: { acknowledged: true, digest } })),
  contract: (no: string) => only(http.GET("/api/v1/leases/{no}/contract", { params: { path: { no } } })),
  leaseBills: (no: string, query: Paged) => only(http.GET("/api/v1/leases/{no}/bills", { params: { path: { no }, query } })),
  pay: (key: string, no: string, period: string) =>
    only(http.POST("/api/v1/leases/{no}/bills/{period}/payments", { params: { path: { no, period }, header: keyed(key) }, body: {} })),
  authorisations: async () => (await only(http.GET("/api/v1/myself/authorisations"))).items,
  revokeAuthorisation: (id: string) => only(http.DELETE("/api/v1/myself/authorisations/{id}", { params: { path: { id } } })),
});

export const api = {
  ...ofHousehold(http),
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
  acceptancePoints: (query: { district?: string; street?: string; kind?: string; step_free?: boolean; most?: number }) =>
    only(http.GET("/api/v1/acceptance-points", { params: { query } })),
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
  sayWithAccount: (key: string, body: SignedLetter) => only(http.POST("/api/v1/complaints", { params: { header: keyed(key) }, body })),
  sayWithoutName: (key: string, body: Letter) => only(http.POST("/api/v1/anonymous-complaints", { params: { header: keyed(key) }, body })),
  myComplaints: (query: Paged) => only(http.GET("/api/v1/my-complaints", { params: { query } })),
  complaint: (no: string) => answer(http.GET("/api/v1/complaints/{no}", { params: { path: { no } } })),
  respondToComplaint: (key: string, no: string, body: Answering) =>
    only(http.POST("/api/v1/complaints/{no}/response", { params: { path: { no }, header: keyed(key) }, body })),
  followComplaint: (body: WithCode) => only(http.POST("/api/v1/anonymous-complaints/lookup", { body })),
  respondWithCode: (key: string, body: AnsweringWithCode) =>
    only(http.POST("/api/v1/anonymous-complaints/response", { params: { header: keyed(key) }, body })),
  notices: (query: Paged & { district?: string }) => only(http.GET("/api/v1/notices", { params: { query } })),
  // Public lists may come from the browser's cache; whoever has just changed one asks past it.
  estates: (query: { district?: string }, cache: RequestCache = "default") => only(http.GET("/api/v1/estates", { params: { query }, cache })),
  waitingList: (code: string, query: Sorted & { state?: string }, cache: RequestCache = "default") =>
    only(http.GET("/api/v1/districts/{code}/waiting-list", { params: { path: { code }, query }, cache })),

  applications: (query: Sorted & { stage?: string; district?: string; blocked?: boolean; overdue?: boolean; changed_since?: string; typed_by_me?: boolean }) =>
    only(http.GET("/api/v1/applications", { params: { query } })),
  lookups: async (no: string) => (await only(http.GET("/api/v1/applications/{no}/lookups", { params: { path: { no } } }))).items,
  assessment: (no: string) => orNull(only(http.GET("/api/v1/applications/{no}/assessment", { params: { path: { no } } }))),
  reads: (no: string, query: Paged) => only(http.GET("/api/v1/applications/{no}/reads", { params: { path: { no }, query } })),
  queriesAboutMe: (query: Paged) => only(http.GET("/api/v1/myself/queries", { params: { query } })),
  objectToQuery: (key: string, id: string, words: string) =>
    only(http.POST("/api/v1/myself/queries/{id}/objection", { params: { path: { id }, header: keyed(key) }, body: { text: words } })),
  accessLog: (no: string, query: Paged) => only(http.GET("/api/v1/applications/{no}/access-log", { params: { path: { no }, query } })),
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

  leases: (query: Sorted & { no?: string; state?: string; district?: string }) => only(http.GET("/api/v1/leases", { params: { query } })),
  /** Where the browser gets the file of a signed contract. */
  contractFile: (no: string) => `/api/v1/leases/${encodeURIComponent(no)}/contract.pdf`,
  checkContract: (no: string, mark: string) => only(http.GET("/api/v1/contracts/{no}/{mark}", { params: { path: { no, mark } } })),
  bill: (no: string, period: string) => only(http.GET("/api/v1/leases/{no}/bills/{period}", { params: { path: { no, period } } })),
  bills: (query: Sorted & { state?: string; failed_payment?: boolean; age?: string }) => only(http.GET("/api/v1/bills", { params: { query } })),
  statement: (no: string, on: string) => only(http.GET("/api/v1/leases/{no}/statement", { params: { path: { no }, query: { on } } })),
  /** Where the browser gets the account as a file, and the receipt of one payment. */
  statementFile: (no: string, on = "") => `/api/v1/leases/${encodeURIComponent(no)}/statement.pdf${on && `?on=${on}`}`,
  paymentReceiptFile: (no: string, receipt: string) => `/api/v1/leases/${encodeURIComponent(no)}/receipts/${receipt}.pdf`,
  checkPaymentReceipt: (receipt_no: string, mark: string) => only(http.GET("/api/v1/payment-receipts/{receipt_no}/{mark}", { params: { path: { receipt_no, mark } } })),
  arrearsAges: async () => (await only(http.GET("/api/v1/arrears-ages"))).items,
  takeCash: (key: string, no: string, period: string, amount_fen: number) =>
    only(http.POST("/api/v1/leases/{no}/bills/{period}/cash", { params: { path: { no, period }, header: keyed(key) }, body: { amount_fen } })),
  cashDesk: () => only(http.GET("/api/v1/cash-desk")),
  countCash: (key: string, point: string, counted_fen: number) => only(http.POST("/api/v1/cash-counts", { params: { header: keyed(key) }, body: { point, counted_fen } })),
  depositCash: (key: string, id: string, slip_no: string, slip_fen: number) =>
    only(http.POST("/api/v1/cash-counts/{id}/deposit", { params: { path: { id }, header: keyed(key) }, body: { slip_no, slip_fen } })),

  inbox: (query: Paged) => only(http.GET("/api/v1/inbox", { params: { query } })),
  markRead: (id: string) => only(http.POST("/api/v1/inbox/{id}/read", { params: { path: { id } } })),
  reach: () => only(http.GET("/api/v1/myself/reach")),
  setReach: (sms: boolean, quiet: boolean) => only(http.PUT("/api/v1/myself/reach", { body: { sms, quiet } })),
};
