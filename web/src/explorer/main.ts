/** Tries every operation of the published document, as whoever is signed on: the interface for those who build on it. */
import "swagger-ui-dist/swagger-ui.css";
import "./explorer.css";
import SwaggerUI, { type Request } from "swagger-ui-dist/swagger-ui-es-bundle.js";
import { api } from "@/api/client";
import type { SessionView } from "@/api/schema";
import { uuid } from "@/lib/ids";
import { signOnLink } from "@/lib/session";

/** What the rules of the interface ask of every change, for a request that does not bring it by itself. */
function withWhatChangesNeed(request: Request, csrf: string): Request {
  const method = (request.method ?? "GET").toUpperCase();
  if (new URL(request.url, window.location.origin).origin !== window.location.origin || method === "GET") return request;
  const headers = request.headers;
  if (csrf) headers["X-CSRF-Token"] ??= csrf;
  headers["Idempotency-Key"] ??= uuid();
  return request;
}

interface Described {
  paths: Record<string, Record<string, { parameters?: { name?: string }[] }>>;
}

/** The published document without the header that is sent from here, with a new key for every try: nobody has to think one up. */
async function described(): Promise<Described> {
  const document = (await (await fetch("/openapi.json")).json()) as Described;
  for (const operations of Object.values(document.paths))
    for (const operation of Object.values(operations))
      if (operation.parameters) operation.parameters = operation.parameters.filter((each) => each.name !== "Idempotency-Key");
  return document;
}

function say(user: SessionView | null): void {
  const place = document.getElementById("who");
  if (!place) return;
  const link = document.createElement("a");
  link.href = signOnLink("/explorer");
  link.textContent = user ? "换人登录 Sign on as somebody else" : "登录 Sign on";
  place.replaceChildren(user ? `已登录 Signed on: ${user.name} ` : "尚未登录 Not signed on. ", link);
}

async function start(): Promise<void> {
  const [user, spec] = await Promise.all([api.session().catch(() => null), described()]);
  say(user);
  SwaggerUI({
    spec,
    dom_id: "#explorer",
    deepLinking: true,
    filter: true,
    // Subjects, each opened by whoever looks for it: with more than a hundred operations at once the page draws only those in sight.
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    // No validator and no host of elsewhere hears what is asked here.
    validatorUrl: null,
    requestInterceptor: (request) => withWhatChangesNeed(request, user?.csrf_token ?? ""),
  });
}

void start();
