// Serves the built pages with the invented API, under the content security policy of the real gateway.
// node dev-mock/server.mjs [--port 0] [--static FOLDER]; prints the address when ready.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createMock } from "./api.mjs";

const BUILT = fileURLToPath(new URL("../../services/web-gateway/src/web_gateway/static", import.meta.url));
const { values } = parseArgs({ options: { port: { type: "string", default: "5180" }, static: { type: "string", default: BUILT } } });
const KINDS = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const POLICY = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

if (!existsSync(join(values.static, "index.html"))) {
  console.error(`No built pages in ${values.static}: run npm run build first.`);
  process.exit(1);
}
const mock = createMock();

function file(request, response) {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  let found = join(values.static, path);
  if (!found.startsWith(values.static) || !existsSync(found) || !statSync(found).isFile())
    found = join(values.static, path === "/staff" || path.startsWith("/staff/") ? "staff.html" : "index.html");
  response.writeHead(200, { "Content-Type": KINDS[extname(found)] ?? "application/octet-stream", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" });
  createReadStream(found).pipe(response);
}

const server = createServer((request, response) => void mock.middleware(request, response, () => file(request, response)));
server.listen(Number(values.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
