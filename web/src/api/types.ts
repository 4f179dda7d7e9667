/** What travels between the pages and the public API `/api/v1`. Money is integer fen, areas are hundredths of a square metre. */

export type Register = "social_insurance" | "real_estate" | "vehicles" | "marriage";
export type LookupOutcome = "found" | "no_record" | "mismatch" | "unavailable";
export type Verdict = "met" | "not_met" | "needs_review" | "not_applicable";
export type Decision = "approve" | "return" | "refuse";
export type Category = "local_household" | "new_worker" | "migrant_worker";
export type Relation = "applicant" | "spouse" | "child" | "parent" | "other";
export type MaritalStatus = "single" | "married" | "divorced" | "widowed";

export const REGISTERS: readonly Register[] = ["social_insurance", "real_estate", "vehicles", "marriage"];
export const CONSENT_VERSION = "consent-2026.1";

export interface Session {
  sub: string;
  kind: "citizen" | "staff";
  name: string;
  roles: string[];
  divisions: string[];
  locale: string;
  csrf_token: string;
  prefill: { name: string; id_number: string; phone: string } | null;
}
export interface Division {
  code: string;
  level: string;
  name: string;
  parent: string;
}
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export interface Member {
  name: string;
  id_number: string;
  relation: string;
  birth_date: string;
  annual_income_fen: number;
  employer: string;
}
export interface Home {
  district: string;
  address: string;
  area_centi_sqm: number;
  share_percent: number;
}
export interface Vehicle {
  plate: string;
  value_fen: number;
}
export interface Dossier {
  category: string;
  members: Member[];
  homes: Home[];
  vehicles: Vehicle[];
  marital_status: string;
  district: string;
  street: string;
  community: string;
  address: string;
  phone: string;
}
export interface TimelineEntry {
  at: string;
  event: string;
  stage: string;
  stage_title?: string;
  actor_kind: string;
  note?: string;
  deadline_at?: string | null;
}
export interface Objection {
  id: string;
  raised_at: string;
  text: string;
  state: string;
  answer?: string;
}
export interface Application {
  no: string;
  version: number;
  stage: string;
  stage_title: string;
  waiting_on: string;
  deadline_at?: string | null;
  overdue: boolean;
  district: string;
  street: string;
  category: string;
  household_size: number;
  submitted_at: string;
  updated_at: string;
  outcome?: string | null;
  reason?: string | null;
  masked_name: string;
  round: number;
  dossier?: Dossier | null;
  consent?: { text_version: string; registers: Register[]; given_at?: string | null } | null;
  timeline?: TimelineEntry[];
  objections?: Objection[];
}
export interface Lookup {
  register: Register;
  title?: string;
  outcome?: LookupOutcome | null;
  summary?: string;
  tries: number;
  last_try_at?: string | null;
}
export interface CriterionResult {
  code: string;
  title: string;
  verdict: Verdict;
  reason_zh: string;
  reason_en: string;
  legal_ref: string;
  observed: string;
  threshold: string;
}
export interface Assessment {
  id: string;
  application_no: string;
  round: number;
  rule_set: string;
  verdict: Verdict;
  criteria: CriterionResult[];
  as_of: string;
}
export interface AccessEntry {
  at: string;
  register: Register;
  endpoint: string;
  purpose: string;
  legal_basis: string;
  operator: string;
  outcome?: LookupOutcome | null;
}
export interface RuleCriterion {
  code: string;
  category: string;
  title: string;
  threshold: string;
  legal_ref: string;
  confirmed: boolean;
}
export interface RuleSet {
  version: string;
  criteria: RuleCriterion[];
}
export interface Notice {
  application_no: string;
  masked_name: string;
  district: string;
  street: string;
  household_size: number;
  category: string;
  published_at: string;
  closes_at: string;
}
export interface Estate {
  id: string;
  name: string;
  district: string;
  address: string;
  units: number;
  vacant: number;
}
export interface Unit {
  id: string;
  estate_id: string;
  estate_name: string;
  district: string;
  number: string;
  bedrooms: number;
  area_centi_sqm: number;
  monthly_rent_fen: number;
  deposit_fen: number;
  state: string;
}
export interface NewUnit {
  estate_id: string;
  estate_name: string;
  district: string;
  address: string;
  number: string;
  bedrooms: number;
  area_centi_sqm: number;
  monthly_rent_fen: number;
  deposit_fen: number;
}
export interface Offer {
  id: string;
  application_no: string;
  unit: Unit;
  state: string;
  made_at: string;
  expires_at: string;
}
export interface Lease {
  no: string;
  application_no: string;
  unit: Unit;
  state: string;
  starts_on: string;
  ends_on: string;
  monthly_rent_fen: number;
  deposit_fen: number;
  signed_at?: string | null;
  sign_by?: string | null;
  version: number;
}
export interface WaitingEntry {
  application_no: string;
  masked_name: string;
  district: string;
  street: string;
  household_size: number;
  rank: number;
  registered_at: string;
  state: string;
  expires_at: string;
}
export interface Tenancy {
  waiting: WaitingEntry | null;
  offers: Offer[];
  lease: Lease | null;
}
export interface Bill {
  id: string;
  lease_no: string;
  application_no: string;
  kind: string;
  period: string;
  amount_fen: number;
  paid_fen: number;
  state: string;
  issued_at: string;
  due_at: string;
  paid_at?: string | null;
}
export interface Intent {
  id: string;
  bill_id: string;
  amount_fen: number;
  state: string;
  pay_url: string;
}
export interface InboxMessage {
  id: string;
  application_no: string;
  template: string;
  title: string;
  body: string;
  at: string;
  read: boolean;
  sms_state: string;
}
export interface Task {
  application_no: string;
  level: string;
  district: string;
  street: string;
  masked_name: string;
  household_size: number;
  category: string;
  opened_at: string;
  deadline_at?: string | null;
  overdue: boolean;
  version: number;
}
export interface Counter {
  district: string;
  district_name: string;
  street: string;
  street_name: string;
  stage: string;
  count: number;
}
export interface AccountBalance {
  account: string;
  title: string;
  debit_fen: number;
  credit_fen: number;
}
export interface OfferRound {
  offers: Offer[];
  still_waiting: number;
  still_vacant: number;
}
