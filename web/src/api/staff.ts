/** What the console alone asks of the gateway, beside what everybody does: a phone does not fetch it. */
import { api as everybodys, http, keyed, ofHousehold, only, orNull, reach, type Paged, type Sorted } from "./client";
import type { AnswerFollowUp, Appoint, BroadcastStep, Decide, DeclareRecusals, Dossier, EndAppointment, Handling, KeepView, NewBroadcast, NewUnit, OpenVisit, SavePolicyDraft, SetCover, WithdrawPolicy } from "./schema";

/** Lists that may be longer than one person takes away at once. */
export type LargeList = "tasks" | "applications" | "waiting" | "leases" | "bills";
export type ExportedList = "tasks" | "applications" | "waiting-list" | "leases" | "bills" | "complaints" | "follow-ups" | "query-objections" | "readers" | "looks" | "operator-steps" | "organisation-changes" | "trial-balance";

/** The household's own calls, made by the clerk whose visit it is. */
export const inVisit = (visit: string) => ofHousehold(reach({ "Anju-Assistance": visit }));

export const api = {
  ...everybodys,
  followUps: (query: Sorted & { state?: string }) => only(http.GET("/api/v1/follow-ups", { params: { query } })),
  answerFollowUp: (id: string, body: AnswerFollowUp) => only(http.POST("/api/v1/follow-ups/{id}/answer", { params: { path: { id } }, body })),
  complaints: (query: Sorted & { kind?: string; stage?: string; open?: boolean; overdue?: boolean; no?: string }) => only(http.GET("/api/v1/complaints", { params: { query } })),
  handleComplaint: (key: string, no: string, body: Handling) =>
    only(http.POST("/api/v1/complaints/{no}/handling", { params: { path: { no }, header: keyed(key) }, body })),
  review: (no: string) => only(http.GET("/api/v1/applications/{no}/review", { params: { path: { no } } })),
  comparison: (no: string) => orNull(only(http.GET("/api/v1/applications/{no}/comparison", { params: { path: { no } } }))),
  readers: (query: Sorted & { day?: string; since?: string; reader?: string; alarmed?: boolean }) => only(http.GET("/api/v1/readers", { params: { query } })),
  looks: (query: Sorted & { day?: string; reader?: string; application_no?: string }) => only(http.GET("/api/v1/looks", { params: { query } })),
  queryObjections: (query: Paged & { sort?: string; skip?: number; state?: string }) => only(http.GET("/api/v1/query-objections", { params: { query } })),
  answerQueryObjection: (key: string, id: string, founded: boolean, words: string) =>
    only(http.POST("/api/v1/query-objections/{id}/answer", { params: { path: { id }, header: keyed(key) }, body: { founded, answer: words } })),
  recordConfirmation: (key: string, no: string, index: number, channel: "counter" | "authorisation" | "guardian", document: string) =>
    only(
      http.POST("/api/v1/applications/{no}/members/{index}/confirmation", {
        params: { path: { no, index }, header: keyed(key) },
        body: { channel, document },
      }),
    ),
  views: async () => (await only(http.GET("/api/v1/views"))).items,
  keepView: (id: string, body: KeepView) => only(http.PUT("/api/v1/views/{id}", { params: { path: { id } }, body })),
  removeView: (id: string) => only(http.DELETE("/api/v1/views/{id}", { params: { path: { id } } })),
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
  openVisit: (key: string, body: Partial<OpenVisit> & Pick<OpenVisit, "purpose">) =>
    only(http.POST("/api/v1/counter/visits", { params: { header: keyed(key) }, body: { authorisation_id: null, application_no: null, ...body } })),
  deviceKey: (device: string) => only(http.GET("/api/v1/counter/device-key", { params: { query: { device } } })),
  /** The authorisation alone, to be filled in by hand. */
  authorisationForm: "/api/v1/counter/authorisation.pdf",
  closeVisit: (id: string) => only(http.DELETE("/api/v1/counter/visits/{id}", { params: { path: { id } } })),
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
  units: async () => (await only(http.GET("/api/v1/organisation/units"))).items,
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
  messageTemplates: async () => (await only(http.GET("/api/v1/message-templates"))).items,
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
