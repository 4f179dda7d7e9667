// The public API of api/v1 on invented data, for working on the pages without a running city. Keeps to the gateway's manners:
// problem+json, Idempotency-Key, CSRF token, ETag and If-Match, cursors, server-sent events.
import { randomUUID } from "node:crypto";
import * as data from "./data.mjs";

const MOST_BODY = 65_536;

class Refused extends Error {
  constructor(status, slug, title, errors = [], detail = "") {
    super(title);
    this.problem = { type: `/problems/${slug}`, title, status, detail, errors, trace_id: randomUUID().replaceAll("-", "") };
  }
}

export function createMock() {
  let state = data.freshState();
  let failing = 0;
  const replies = new Map();
  const listeners = new Set();
  let nextNo = 200;

  const find = (no) => state.applications.find((each) => each.no === no) ?? refuse(404, "not-found", "没有找到，或者您不能查看。");
  const refuse = (...args) => {
    throw new Refused(...args);
  };
  const who = (request) => data.people[/(?:^|;\s*)mock_person=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? ""];
  const reach = (application, person) => (person.kind === "staff" || application.owner === person.sub ? application : refuse(404, "not-found", "没有找到，或者您不能查看。"));
  const listed = ({ dossier, consent, timeline, objections, ...rest }) => rest;

  function move(application, event, stage, actor, changes = {}) {
    Object.assign(application, { stage, stage_title: data.titles[stage], version: application.version + 1, reason: "", ...changes });
    application.timeline.push({ at: data.at(0), event, stage, stage_title: data.titles[stage], actor_kind: actor, note: application.reason, deadline_at: null });
    for (const tell of listeners) tell(application);
    return application;
  }

  function submit(body, person) {
    checkDossier(body.dossier);
    const no = `KF-2026-${String(nextNo++).padStart(6, "0")}`;
    const application = {
      no,
      version: 1,
      stage: "verifying",
      stage_title: data.titles.verifying,
      waiting_on: "registers",
      deadline_at: data.at(14),
      overdue: false,
      district: body.dossier.district,
      street: body.dossier.street,
      category: body.dossier.category,
      household_size: body.dossier.members.length,
      submitted_at: data.at(0),
      updated_at: data.at(0),
      outcome: "",
      reason: "",
      masked_name: `${body.dossier.members[0].name.slice(0, 1)}**`,
      round: 1,
      owner: person.sub,
      dossier: body.dossier,
      consent: body.consent,
      timeline: data.timelineTo("verifying"),
      objections: [],
    };
    state.applications.unshift(application);
    return [202, application, { Location: `/api/v1/applications/${no}` }];
  }

  // One rule the pages cannot know beforehand, to see how they take a refusal.
  function checkDossier(dossier) {
    const errors = [];
    if (dossier.phone.endsWith("00000")) errors.push({ pointer: "/dossier/phone", code: "unreachable", message: "这个号码收不到短信，请换一个。" });
    dossier.members.forEach((member, index) => {
      if (member.employer.includes("不存在")) errors.push({ pointer: `/dossier/members/${index}/employer`, code: "unknown", message: "没有这个工作单位，请核对名称。" });
    });
    if (errors.length) refuse(422, "invalid-fields", "有内容需要修改，请按提示更正后再提交。", errors);
  }

  const tasks = (person) => {
    const level = { street_clerk: "street_review", district_reviewer: "objection_review" }[person.roles[0]];
    return state.applications
      .filter((each) => each.stage === level)
      .map((each) => ({ application_no: each.no, level: level === "street_review" ? "street" : "objection", district: each.district, street: each.street, masked_name: each.masked_name, household_size: each.household_size, category: each.category, opened_at: each.updated_at, deadline_at: each.deadline_at, overdue: each.overdue, version: each.version }))
      .sort((a, b) => a.deadline_at.localeCompare(b.deadline_at));
  };

  function ifMatch(request, application) {
    const match = request.headers["if-match"];
    if (match && match !== `"${application.version}"`) refuse(412, "version-mismatch", "情况刚刚有变化，请查看最新内容后再办理。");
  }
  const page = (items) => [200, { items, next_cursor: "" }];
  const waitingEntry = (each, index) => ({ application_no: each.no, masked_name: each.masked_name, district: each.district, street: each.street, household_size: each.household_size, rank: index + 1, registered_at: data.at(-30 + index), state: index ? "waiting" : "offered", expires_at: data.at(1800) });
  const waitingList = (code) => state.applications.filter((each) => each.stage === "registered" && each.district === code).map(waitingEntry);
  const theBill = (no, period) => state.bills.find((each) => each.id === `${no}/${period}`) ?? refuse(404, "not-found", "没有找到。");

  const routes = [
    ["GET", "/divisions", () => [200, { items: data.divisions }], "open"],
    ["GET", "/conditions", () => [200, data.conditions], "open"],
    ["GET", "/notices", ({ query }) => page(state.applications.filter((each) => each.stage === "public_notice" && (!query.get("district") || each.district === query.get("district"))).map((each) => ({ application_no: each.no, masked_name: each.masked_name, district: each.district, street: each.street, household_size: each.household_size, category: each.category, published_at: data.at(-2), closes_at: each.deadline_at }))), "open"],
    ["GET", "/estates", ({ query }) => page(state.estates.filter((each) => !query.get("district") || each.district === query.get("district"))), "open"],
    ["GET", "/districts/:code/waiting-list", ({ params }) => page(waitingList(params.code)), "open"],
    ["GET", "/applications", ({ person, query }) => page(state.applications.filter((each) => (person.kind === "staff" || each.owner === person.sub) && (!query.get("stage") || each.stage === query.get("stage")) && (!query.get("district") || each.district === query.get("district"))).map(listed))],
    ["POST", "/applications", ({ body, person }) => submit(body, person)],
    ["GET", "/applications/:no", ({ params, person }) => {
      const found = reach(find(params.no), person);
      return [200, person.roles.includes("operator") ? { ...found, dossier: null } : found, { ETag: `"${found.version}"` }];
    }],
    ["GET", "/applications/:no/lookups", ({ params, person }) => (reach(find(params.no), person), [200, { items: data.lookups }])],
    ["GET", "/applications/:no/assessment", ({ params, person }) => (["submitted", "verifying"].includes(reach(find(params.no), person).stage) ? refuse(404, "no-assessment", "还没有评估。") : [200, { ...data.assessment, application_no: params.no }])],
    ["GET", "/applications/:no/access-log", () => page(data.lookups.map((each) => ({ at: each.last_try_at, register: each.register, endpoint: "4102", purpose: "公共租赁住房资格核验", legal_basis: "公共租赁住房管理办法第八条；书面授权", operator: "registry-gateway", outcome: each.outcome })))],
    ["GET", "/applications/:no/tenancy", ({ params, person }) => {
      const found = reach(find(params.no), person);
      const entry = waitingList(found.district).find((each) => each.application_no === found.no);
      return [200, { waiting: entry ?? null, offers: state.offers.filter((each) => each.application_no === found.no), lease: state.leases.find((each) => each.application_no === found.no) ?? null }];
    }],
    ["PUT", "/applications/:no/dossier", ({ params, person, request, body }) => {
      const found = reach(find(params.no), person);
      if (!request.headers["if-match"]) refuse(428, "precondition-required", "缺少 If-Match。");
      ifMatch(request, found);
      checkDossier(body.dossier);
      return [202, move(found, "corrected", "verifying", "citizen", { waiting_on: "registers", dossier: body.dossier, round: found.round + 1 })];
    }],
    ["POST", "/applications/:no/withdrawal", ({ params, person }) => [200, move(reach(find(params.no), person), "withdrawn", "withdrawn", "citizen", { waiting_on: "nobody", outcome: "withdrawn", deadline_at: null })]],
    ["POST", "/applications/:no/objections", ({ params, body }) => {
      const found = find(params.no);
      const objection = { id: randomUUID(), raised_at: data.at(0), text: body.text, state: "open", answer: "" };
      found.objections.push(objection);
      move(found, "objection_raised", "objection_review", "public", { waiting_on: "district" });
      return [201, objection];
    }],
    ["POST", "/applications/:no/objections/:id/decision", ({ params, body }) => {
      const found = find(params.no);
      Object.assign(found.objections.find((each) => each.id === params.id), { state: body.upheld ? "upheld" : "dismissed", answer: body.answer });
      return [200, body.upheld ? move(found, "objection_upheld", "rejected", "district", { reason: body.answer, outcome: "rejected" }) : move(found, "objection_dismissed", "public_notice", "district", { waiting_on: "public" })];
    }],
    ["POST", "/applications/:no/decision", ({ params, body, request }) => {
      const found = find(params.no);
      ifMatch(request, found);
      if (body.decision !== "approve" && !body.reason) refuse(422, "invalid-fields", "必须写明理由。", [{ pointer: "/reason", code: "required", message: "必须写明理由。" }]);
      const [event, stage, waiting] = { approve: ["street_approved", "district_review", "district"], return: ["street_returned", "correction", "citizen"], refuse: ["street_refused", "rejected", "nobody"] }[body.decision];
      return [200, move(found, event, stage, "street", { waiting_on: waiting, reason: body.reason })];
    }],
    ["POST", "/applications/:no/waiting-exit", ({ params, person }) => [200, move(reach(find(params.no), person), "withdrawn", "withdrawn", "citizen", { waiting_on: "nobody" })]],
    ["POST", "/offers/:id/answer", ({ params, body }) => {
      const offer = state.offers.find((each) => each.id === params.id) ?? refuse(404, "not-found", "没有找到。");
      if (offer.state !== "open") refuse(409, "offer-not-open", "这次配租已经结束。");
      offer.state = body.accept ? "accepted" : "declined";
      return [200, offer];
    }],
    ["GET", "/leases", () => page(state.leases)],
    ["POST", "/leases/:no/signature", ({ params }) => {
      const lease = state.leases.find((each) => each.no === params.no);
      Object.assign(lease, { state: "deposit", signed_at: data.at(0) });
      return [200, lease];
    }],
    ["GET", "/leases/:no/bills", ({ params }) => page(state.bills.filter((each) => each.lease_no === params.no))],
    ["GET", "/leases/:no/bills/:period", ({ params }) => [200, theBill(params.no, params.period)]],
    ["POST", "/leases/:no/bills/:period/payments", ({ params, origin }) => {
      const bill = theBill(params.no, params.period);
      return [202, { id: "P-1", bill_id: bill.id, amount_fen: bill.amount_fen - bill.paid_fen, state: "opened", pay_url: `${origin}/__mock/bank?bill=${encodeURIComponent(bill.id)}` }];
    }],
    ["GET", "/bills", () => page(state.bills)],
    ["GET", "/inbox", ({ person }) => {
      const items = state.messages.filter((each) => each.owner === person.sub || person.roles.includes(each.owner));
      return [200, { items, next_cursor: "", unread: items.filter((each) => !each.read).length }];
    }],
    ["POST", "/inbox/:id/read", ({ params }) => {
      const message = state.messages.find((each) => each.id === params.id);
      if (message) message.read = true;
      return [204, null];
    }],
    ["GET", "/tasks", ({ person }) => page(tasks(person))],
    ["POST", "/units", ({ body }) => {
      for (const each of body.units) Object.assign(state.estates.find((estate) => estate.id === each.estate_id) ?? {}, { vacant: 3, units: 61 });
      return [201, { items: body.units.map((each) => ({ ...each, id: randomUUID(), state: "vacant" })) }];
    }],
    ["POST", "/districts/:code/offers", () => [200, { offers: [{ ...state.offers[0], id: "OF-2", application_no: "KF-2026-000109" }], still_waiting: 0, still_vacant: 1 }]],
    ["GET", "/counters", () => [200, { items: data.counters }]],
    ["GET", "/ledger/trial-balance", () => [200, { items: data.accounts }]],
  ].map(([method, path, run, access]) => ({ method, run, access, names: [...path.matchAll(/:(\w+)/g)].map((match) => match[1]), pattern: new RegExp(`^/api/v1${path.replace(/:\w+/g, "([^/]+)")}$`) }));

  function events(request, response, no) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" });
    const tell = (each) => each.no === no && response.write(`id: ${each.version}\nevent: application\ndata: ${JSON.stringify({ version: each.version, stage: each.stage, waiting_on: each.waiting_on, deadline_at: each.deadline_at })}\n\n`);
    tell(find(no));
    listeners.add(tell);
    request.on("close", () => listeners.delete(tell));
  }

  async function answer(request, url) {
    const { pathname, searchParams } = url;
    const person = who(request);
    if (pathname === "/api/v1/session") {
      if (!person) refuse(401, "unauthenticated", "请先登录。");
      return [200, { ...person, locale: "zh-CN", csrf_token: `csrf-${person.sub}` }];
    }
    const route = routes.find((each) => each.method === request.method && each.pattern.test(pathname));
    if (!route) refuse(404, "not-found", "没有这个地址。");
    if (!person && route.access !== "open") refuse(401, "unauthenticated", "请先登录。");
    const values = route.pattern.exec(pathname).slice(1).map(decodeURIComponent);
    const call = { request, person, query: searchParams, origin: url.origin, params: Object.fromEntries(route.names.map((name, i) => [name, values[i]])) };
    if (request.method === "GET") return route.run(call);

    if (request.headers["x-csrf-token"] !== `csrf-${person.sub}`) refuse(403, "csrf", "页面已过期，请刷新后再试。");
    const key = request.headers["idempotency-key"] ?? refuse(400, "idempotency-key-missing", "缺少 Idempotency-Key。");
    const raw = await readBody(request);
    if (failing > 0) {
      failing -= 1;
      refuse(503, "unavailable", "系统暂时有问题，请稍后再试。");
    }
    const known = replies.get(key);
    if (known && known.raw !== raw) refuse(422, "idempotency-key-reused", "同一个请求编号用在了不同的内容上。");
    if (known) return known.reply;
    const reply = route.run({ ...call, body: raw ? JSON.parse(raw) : {} });
    replies.set(key, { raw, reply });
    return reply;
  }

  function own(request, response, url) {
    const { pathname, searchParams } = url;
    const go = (to, headers = {}) => (response.writeHead(302, { Location: to, ...headers }), response.end(), true);
    if (pathname === "/auth/login") {
      const next = searchParams.get("next") ?? "/";
      const as = searchParams.get("as");
      if (as) return go(next, { "Set-Cookie": `mock_person=${as}; Path=/; HttpOnly; SameSite=Lax` });
      const links = Object.entries(data.people).map(([key, each]) => `<li><a href="/auth/login?as=${key}&amp;next=${encodeURIComponent(next)}">${each.name}</a></li>`);
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
      response.end(`<!doctype html><html lang="zh-CN"><title>选择身份</title><main><h1>选择身份</h1><ul>${links.join("")}</ul></main></html>`);
      return true;
    }
    if (pathname === "/auth/logout") {
      response.writeHead(204, { "Set-Cookie": "mock_person=; Path=/; Max-Age=0" });
      response.end();
      return true;
    }
    if (pathname === "/__mock/bank") {
      const bill = state.bills.find((each) => each.id === searchParams.get("bill"));
      if (bill) Object.assign(bill, { paid_fen: bill.amount_fen, state: "paid", paid_at: data.at(0) });
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
      response.end('<!doctype html><html lang="zh-CN"><title>银行</title><main><h1>支付成功</h1></main></html>');
      return true;
    }
    if (pathname === "/__mock/reset" || pathname === "/__mock/fail" || pathname === "/__mock/advance" || pathname === "/__mock/state") {
      if (pathname === "/__mock/reset") {
        state = data.freshState();
        replies.clear();
        failing = 0;
      }
      if (pathname === "/__mock/fail") failing = Number(searchParams.get("times") ?? 1);
      if (pathname === "/__mock/advance") move(find(searchParams.get("no")), "verification_done", "street_review", "system", { waiting_on: "street" });
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ applications: state.applications.map((each) => each.no), newest: state.applications[0] }));
      return true;
    }
    return false;
  }

  /** Connect-style: answers what belongs to the API and passes on the rest. */
  async function middleware(request, response, next) {
    const url = new URL(request.url, `http://${request.headers.host}`);
    if (own(request, response, url)) return;
    if (!url.pathname.startsWith("/api/")) return next();
    try {
      const stream = /^\/api\/v1\/applications\/([^/]+)\/events$/.exec(url.pathname);
      if (stream) return events(request, response, stream[1]);
      const [status, body, headers = {}] = await answer(request, url);
      response.writeHead(status, { ...(body === null ? {} : { "Content-Type": "application/json" }), "Cache-Control": "no-store", ...headers });
      response.end(body === null ? undefined : JSON.stringify(body));
    } catch (error) {
      const problem = error instanceof Refused ? error.problem : { type: "/problems/internal", title: "系统暂时有问题，请稍后再试。", status: 500, detail: "", errors: [], trace_id: "" };
      if (!(error instanceof Refused)) console.error(error);
      response.writeHead(problem.status, { "Content-Type": "application/problem+json" });
      response.end(JSON.stringify(problem));
    }
  }
  return { middleware };
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (part) => {
      text += part;
      if (text.length > MOST_BODY) reject(new Refused(413, "too-large", "内容太大。"));
    });
    request.on("end", () => resolve(text));
    request.on("error", reject);
  });
}
