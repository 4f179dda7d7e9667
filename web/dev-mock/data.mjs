// An invented city hall in memory, enough to look at every page. Divisions are the sample profile's; people and cases are made up.
import { readFileSync } from "node:fs";

const CSV = new URL("../../profiles/kaifeng/divisions.csv", import.meta.url);
export const divisions = readFileSync(CSV, "utf8")
  .trim()
  .split(/\r?\n/)
  .slice(1)
  .map((line) => {
    const [code, level, name, parent] = line.split(",");
    return { code, level, name, parent };
  });

/** A well-formed number of a region that does not exist. */
export function idNumber(first17) {
  const sum = [...first17].reduce((total, digit, i) => total + Number(digit) * (2 ** (17 - i) % 11), 0);
  return first17 + "10X98765432"[sum % 11];
}

const DAY = 86_400_000;
export const BASE = Date.parse("2026-11-23T10:00:00+08:00");
export const at = (days) => new Date(BASE + days * DAY + 8 * 3_600_000).toISOString().replace(/\.\d+Z$/, "+08:00");

export const people = {
  resident: {
    sub: "c-resident",
    kind: "citizen",
    name: "王建国",
    roles: [],
    divisions: [],
    prefill: { name: "王建国", id_number: idNumber("99010119850312001"), phone: "19999000001" },
  },
  newcomer: {
    sub: "c-newcomer",
    kind: "citizen",
    name: "李秀英",
    roles: [],
    divisions: [],
    prefill: { name: "李秀英", id_number: idNumber("99010119900520002"), phone: "19999000002" },
  },
};
for (const [role, name, division] of [
  ["street_clerk", "赵敏（街道经办）", "410202001"],
  ["district_reviewer", "钱伟（区级复审）", "410202"],
  ["city_reviewer", "孙丽（市级终审）", "4102"],
  ["house_manager", "周涛（房管所）", "4102"],
  ["finance", "吴静（财务）", "4102"],
  ["operator", "郑强（运维）", "4102"],
  ["auditor", "冯磊（审计）", "4102"],
])
  people[role] = { sub: `s-${role}`, kind: "staff", name, roles: [role], divisions: [division], prefill: null };

export const titles = {
  submitted: "已受理",
  verifying: "数据核验",
  street_review: "街道初审",
  district_review: "区级复审",
  city_review: "市级终审",
  correction: "待补正",
  public_notice: "公示",
  objection_review: "异议复核",
  registered: "轮候",
  rejected: "未通过",
  withdrawn: "已撤回",
  lapsed: "逾期终止",
};

const dossier = () => ({
  category: "local_household",
  members: [
    { name: "王建国", id_number: people.resident.prefill.id_number, relation: "applicant", birth_date: "1985-03-12", annual_income_fen: 3_600_000, employer: "开封某机械厂" },
    { name: "陈桂兰", id_number: idNumber("99010119870708004"), relation: "spouse", birth_date: "1987-07-08", annual_income_fen: 1_234_550, employer: "" },
    { name: "王小雨", id_number: idNumber("99010120150601006"), relation: "child", birth_date: "2015-06-01", annual_income_fen: 0, employer: "" },
  ],
  homes: [{ district: "410202", address: "双龙巷 12 号", area_centi_sqm: 3850, share_percent: 50 }],
  vehicles: [{ plate: "豫B12345", value_fen: 3_500_000 }],
  marital_status: "married",
  district: "410202",
  street: "410202001",
  community: divisions.find((each) => each.level === "community" && each.parent === "410202001")?.code ?? "",
  address: "双龙巷 12 号院 3 号楼 2 单元 501",
  phone: "19999000001",
});

const ACTOR = { submitted: "citizen", verifying: "system", street_review: "system", district_review: "street", city_review: "district", public_notice: "city", registered: "system" };
const EVENT = { submitted: "submitted", verifying: "start_verification", street_review: "verification_done", district_review: "street_approved", city_review: "district_approved", public_notice: "city_approved", registered: "notice_closed" };
const WAY = Object.keys(EVENT);

export function timelineTo(stage) {
  const until = WAY.includes(stage) ? WAY.indexOf(stage) : 2;
  return WAY.slice(0, until + 1).map((name, index) => ({
    at: at(index - 14),
    event: EVENT[name],
    stage: name,
    stage_title: titles[name],
    actor_kind: ACTOR[name],
    note: "",
    deadline_at: null,
  }));
}

function application(no, stage, extra = {}) {
  return {
    no,
    version: 5,
    stage,
    stage_title: titles[stage],
    waiting_on: "system",
    deadline_at: at(5),
    overdue: false,
    district: "410202",
    street: "410202001",
    category: "local_household",
    household_size: 3,
    submitted_at: at(-14),
    updated_at: at(-1),
    outcome: "",
    reason: "",
    masked_name: "王*国",
    round: 1,
    owner: "c-resident",
    dossier: dossier(),
    consent: { text_version: "consent-2026.1", registers: ["social_insurance", "real_estate", "vehicles", "marriage"], given_at: at(-14) },
    timeline: timelineTo(stage),
    objections: [],
    ...extra,
  };
}

const unit = (id, number, state) => ({
  id,
  estate_id: "E-1",
  estate_name: "安和家园",
  district: "410202",
  number,
  bedrooms: 2,
  area_centi_sqm: 5860,
  monthly_rent_fen: 41_020,
  deposit_fen: 200_000,
  state,
});

export function freshState() {
  const returned = application("KF-2026-000101", "correction", {
    waiting_on: "citizen",
    reason: "请补充配偶的工作单位；住房面积与不动产登记不一致，请核对。",
    dossier: dossier(),
  });
  returned.timeline.push({ at: at(-1), event: "street_returned", stage: "correction", stage_title: "待补正", actor_kind: "street", note: returned.reason, deadline_at: at(9) });
  const objected = application("KF-2026-000105", "objection_review", {
    waiting_on: "district",
    owner: "c-other",
    masked_name: "刘*",
    objections: [{ id: "O-1", raised_at: at(-2), text: "该家庭在祥符区还有一套住房，去年一直出租。", state: "open", answer: "" }],
  });
  return {
    applications: [
      returned,
      application("KF-2026-000102", "verifying", { waiting_on: "registers" }),
      application("KF-2026-000103", "registered", { waiting_on: "nobody", outcome: "registered", deadline_at: null }),
      application("KF-2026-000104", "rejected", { waiting_on: "nobody", outcome: "rejected", deadline_at: null, reason: "人均住房面积超过标准。" }),
      objected,
      application("KF-2026-000106", "street_review", { waiting_on: "street", owner: "c-other", masked_name: "张*明", overdue: true, deadline_at: at(-1), updated_at: at(-3) }),
      application("KF-2026-000107", "street_review", { waiting_on: "street", owner: "c-third", masked_name: "杨*", deadline_at: at(2) }),
      application("KF-2026-000108", "public_notice", { waiting_on: "public", owner: "c-other", masked_name: "马*华", deadline_at: at(8) }),
      application("KF-2026-000109", "registered", { waiting_on: "nobody", outcome: "registered", deadline_at: null, owner: "c-other", masked_name: "何*" }),
    ],
    offers: [{ id: "OF-1", application_no: "KF-2026-000103", unit: unit("U-1", "3号楼2单元501", "offered"), state: "open", made_at: at(-1), expires_at: at(6) }],
    leases: [
      { no: "L-2026-000001", application_no: "KF-2026-000103", unit: unit("U-2", "1号楼1单元302", "reserved"), state: "signing", starts_on: "2026-12-01", ends_on: "2029-11-30", monthly_rent_fen: 41_020, deposit_fen: 200_000, signed_at: null, sign_by: at(12), version: 1 },
      { no: "L-2025-000009", application_no: "KF-2026-000103", unit: unit("U-3", "2号楼1单元101", "let"), state: "active", starts_on: "2025-09-01", ends_on: "2028-08-31", monthly_rent_fen: 41_020, deposit_fen: 200_000, signed_at: at(-440), sign_by: null, version: 3 },
    ],
    bills: [
      bill("202611", "open", 41_020, 0),
      bill("202610", "overdue", 41_020, 20_000),
      bill("202609", "paid", 41_020, 41_020),
      { ...bill("", "paid", 200_000, 200_000), id: "L-2025-000009/deposit", kind: "deposit" },
    ],
    messages: [
      { id: "M-1", owner: "c-resident", application_no: "KF-2026-000101", template: "returned_for_correction", title: "申请退回补正", body: "请在 2026年12月2日 前补正：补充配偶的工作单位；核对住房面积。补正后重新核验，不影响受理时间。", at: at(-1), read: false, sms_state: "sent" },
      { id: "M-2", owner: "c-resident", application_no: "KF-2026-000103", template: "offer_made", title: "为您配租了一套房", body: "安和家园 3号楼2单元501，请在 2026年11月29日 前答复。", at: at(-1.2), read: false, sms_state: "sent" },
      { id: "M-3", owner: "c-resident", application_no: "KF-2026-000103", template: "registered", title: "已进入轮候", body: "您的家庭已登记为轮候对象。", at: at(-9), read: true, sms_state: "none" },
      { id: "M-4", owner: "street_clerk", application_no: "KF-2026-000106", template: "task_escalated", title: "初审已超期", body: "KF-2026-000106 已超过办理期限 1 个工作日。", at: at(-0.5), read: false, sms_state: "none" },
    ],
    estates: [
      { id: "E-1", name: "安和家园", district: "410202", address: "龙亭区金明大道 8 号", units: 60, vacant: 2 },
      { id: "E-2", name: "清明小区", district: "410203", address: "顺河回族区滨河路 21 号", units: 40, vacant: 0 },
    ],
  };
}

function bill(period, state, amount, paid) {
  return {
    id: `L-2025-000009/${period}`,
    lease_no: "L-2025-000009",
    application_no: "KF-2026-000103",
    kind: "rent",
    period,
    amount_fen: amount,
    paid_fen: paid,
    state,
    issued_at: at(-22),
    due_at: at(8),
    paid_at: state === "paid" ? at(-30) : null,
  };
}

export const lookups = [
  { register: "social_insurance", title: "社会保险", outcome: "found", summary: "申请人连续参保 38 个月", tries: 1, last_try_at: at(-13) },
  { register: "real_estate", title: "不动产登记", outcome: "mismatch", summary: "名下房产 1 处", tries: 1, last_try_at: at(-13) },
  { register: "vehicles", title: "机动车登记", outcome: "no_record", summary: "", tries: 2, last_try_at: at(-12) },
  { register: "marriage", title: "婚姻登记", outcome: "unavailable", summary: "", tries: 6, last_try_at: at(-0.2) },
];

const criterion = (code, title, verdict, reason_zh, reason_en, observed, threshold) => ({ code, title, verdict, reason_zh, reason_en, observed, threshold, legal_ref: "公共租赁住房管理办法第七条", receipt_ids: [] });
export const assessment = {
  id: "A-1",
  round: 1,
  rule_set: "kaifeng-sample-2026.1",
  verdict: "needs_review",
  as_of: at(-10),
  criteria: [
    criterion("income", "人均月收入", "met", "人均月收入低于标准。", "Income per person is below the standard.", "1,342.93 元", "2,400.00 元"),
    criterion("area", "人均住房面积", "met", "人均住房面积低于标准。", "Floor area per person is below the standard.", "6.41 ㎡", "16.00 ㎡"),
    criterion("vehicles", "车辆数量和价值", "needs_review", "填报有 1 辆车，登记部门没有查到，需人工核对。", "One vehicle was declared, the register shows none: a person must look.", "0 辆", "1 辆"),
    criterion("insured", "连续参保月数", "not_applicable", "本类别不要求。", "Not required for this category.", "", ""),
  ],
};

export const conditions = {
  version: "kaifeng-sample-2026.1",
  criteria: [
    ["local_household", "人均住房面积", "不超过 16.00 ㎡", "第七条（一）", false],
    ["local_household", "人均月收入", "不超过 2,400.00 元", "第七条（二）", false],
    ["new_worker", "住房", "在本市没有住房", "第七条（一）", true],
    ["migrant_worker", "连续参保", "不少于 12 个月", "第七条（三）", false],
  ].map(([category, title, threshold, article, confirmed], index) => ({ code: `c${index}`, category, title, threshold, legal_ref: `公共租赁住房管理办法${article}`, confirmed })),
};

export const accounts = [
  { account: "bank:ccb", title: "银行存款（建设银行）", debit_fen: 282_040, credit_fen: 0 },
  { account: "receivable:L-2025-000009", title: "应收租金", debit_fen: 62_040, credit_fen: 0 },
  { account: "income:rent", title: "应缴财政租金收入", debit_fen: 0, credit_fen: 144_080 },
  { account: "deposit:L-2025-000009", title: "押金", debit_fen: 0, credit_fen: 200_000 },
];

export const counters = divisions
  .filter((each) => each.level === "district")
  .flatMap((district, d) =>
    divisions
      .filter((each) => each.parent === district.code)
      .slice(0, 3)
      .flatMap((street, s) =>
        ["street_review", "district_review", "public_notice", "registered", "rejected"].map((stage, i) => ({
          district: district.code,
          district_name: district.name,
          street: street.code,
          street_name: street.name,
          stage,
          count: ((d + 3) * (s + 2) * (i + 1)) % 17,
        })),
      ),
  );
