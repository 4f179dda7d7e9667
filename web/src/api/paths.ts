/** The operations the pages use, in the shape openapi-fetch reads. `npm run api` writes the gateway's own document beside it for comparison. */
import type * as T from "./types";

type Json<R> = { headers: Record<string, unknown>; content: { "application/json": R } };
type Empty = { headers: Record<string, unknown>; content?: never };
type Failed = { headers: Record<string, unknown>; content: { "application/problem+json": unknown } };
type Path<P> = [P] extends [never] ? { path?: never } : { path: P };
type Read<R, P = never, Q = never> = {
  parameters: Path<P> & { query?: Q };
  responses: { 200: Json<R>; default: Failed };
};
type Write<R, B, P = never> = {
  parameters: Path<P> & { header: { "Idempotency-Key": string; "If-Match"?: string } };
  requestBody: { content: { "application/json": B } };
  responses: { 200: Json<R>; 201: Json<R>; 202: Json<R>; default: Failed };
};
type Silent<P = never> = {
  parameters: Path<P> & { header: { "Idempotency-Key": string } };
  responses: { 204: Empty; default: Failed };
};
type No = { no: string };
type Paged = { limit?: number; cursor?: string };
type InDistrict = { district?: string };

export interface paths {
  "/api/v1/session": { get: Read<T.Session> };
  "/api/v1/divisions": { get: Read<{ items: T.Division[] }> };
  "/api/v1/conditions": { get: Read<T.RuleSet> };
  "/api/v1/notices": { get: Read<T.Page<T.Notice>, never, Paged & InDistrict> };
  "/api/v1/estates": { get: Read<T.Page<T.Estate>, never, InDistrict> };
  "/api/v1/districts/{code}/waiting-list": { get: Read<T.Page<T.WaitingEntry>, { code: string }, Paged> };
  "/api/v1/districts/{code}/offers": { post: Write<T.OfferRound, Record<string, never>, { code: string }> };
  "/api/v1/applications": {
    get: Read<T.Page<T.Application>, never, Paged & InDistrict & { stage?: string }>;
    post: Write<T.Application, { dossier: T.Dossier; consent: { text_version: string; registers: T.Register[] } }>;
  };
  "/api/v1/applications/{no}": { get: Read<T.Application, No> };
  "/api/v1/applications/{no}/lookups": { get: Read<{ items: T.Lookup[] }, No> };
  "/api/v1/applications/{no}/assessment": { get: Read<T.Assessment, No> };
  "/api/v1/applications/{no}/access-log": { get: Read<T.Page<T.AccessEntry>, No, Paged> };
  "/api/v1/applications/{no}/tenancy": { get: Read<T.Tenancy, No> };
  "/api/v1/applications/{no}/dossier": { put: Write<T.Application, { dossier: T.Dossier }, No> };
  "/api/v1/applications/{no}/withdrawal": { post: Write<T.Application, { reason: string }, No> };
  "/api/v1/applications/{no}/objections": { post: Write<T.Objection, { text: string }, No> };
  "/api/v1/applications/{no}/objections/{id}/decision": {
    post: Write<T.Application, { upheld: boolean; answer: string }, No & { id: string }>;
  };
  "/api/v1/applications/{no}/decision": { post: Write<T.Application, { decision: T.Decision; reason: string }, No> };
  "/api/v1/applications/{no}/waiting-exit": { post: Write<unknown, Record<string, never>, No> };
  "/api/v1/offers/{id}/answer": { post: Write<T.Offer, { accept: boolean; reason: string }, { id: string }> };
  "/api/v1/leases": { get: Read<T.Page<T.Lease>, never, Paged> };
  "/api/v1/leases/{no}/signature": { post: Write<T.Lease, { acknowledged: true }, No> };
  "/api/v1/leases/{no}/bills": { get: Read<T.Page<T.Bill>, No, Paged> };
  "/api/v1/leases/{no}/bills/{period}": { get: Read<T.Bill, No & { period: string }> };
  "/api/v1/leases/{no}/bills/{period}/payments": { post: Write<T.Intent, Record<string, never>, No & { period: string }> };
  "/api/v1/bills": { get: Read<T.Page<T.Bill>, never, Paged & { state?: string }> };
  "/api/v1/inbox": { get: Read<T.Page<T.InboxMessage> & { unread: number }, never, Paged> };
  "/api/v1/inbox/{id}/read": { post: Silent<{ id: string }> };
  "/api/v1/tasks": { get: Read<T.Page<T.Task>, never, Paged> };
  "/api/v1/units": { post: Write<{ items?: T.Unit[] }, { units: T.NewUnit[] }> };
  "/api/v1/counters": { get: Read<{ items: T.Counter[] }, never, InDistrict> };
  "/api/v1/ledger/trial-balance": { get: Read<{ items?: T.AccountBalance[]; accounts?: T.AccountBalance[] }> };
  "/auth/logout": { post: Silent };
}
