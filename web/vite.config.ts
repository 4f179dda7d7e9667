import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The staff console lives under /staff, so the development server has to hand out its own page there.
function staffPage(): Plugin {
  return {
    name: "anju-staff-page",
    apply: "serve",
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        if (/^\/staff(\/[^.]*)?(\?.*)?$/.test(request.url ?? "")) request.url = "/staff.html";
        next();
      });
    },
  };
}

// The texts stand side by side in their two languages (src/i18n, src/terms.ts); a phone fetches one. A module of theirs is Chinese, and English behind `?en`.
function oneLanguage(forConsole: boolean): Plugin {
  return {
    name: "anju-one-language",
    enforce: "pre",
    transform(written, id) {
      const found = /src\/(?:i18n\/(?:common|citizen|apply|authorisations|money|policies|evaluations|letters|points|staff)|(terms))\.ts(?:\?(letters|evaluations|policies)?(-?en)?)?$/.exec(id);
      if (!found) return null;
      const [, terms, part, english] = found;
      const only = (of: string[], wanted: boolean) => written.replace(VOCABULARY, (whole, name: string) => (of.includes(name) === wanted ? whole : ""));
      const elsewhere = [...CONSOLE_ONLY, ...Object.values(OF_PART).flat()];
      const code = part ? only(OF_PART[part] ?? [], true) : terms && !forConsole ? only(elsewhere, false) : written;
      return { code: code.replace(BOTH, (_both, zh: string, en: string) => `is: ${english ? en : zh}`), map: null };
    },
  };
}
// Codes of the console alone: a phone does not fetch what its pages never say (tests/unit/web/test_texts.py looks that they do not).
const CONSOLE_ONLY = [
  "appointment_states",
  "arrears_ages",
  "broadcast_audiences",
  "broadcast_states",
  "compared_facts",
  "complaint_channels",
  "complaint_flags",
  "counter_purposes",
  "decisions",
  "differences",
  "export_purposes",
  "export_states",
  "exports",
  "follow_up_states",
  "handed_on",
  "home_grades",
  "kinships",
  "ledger_heads",
  "letter_states",
  "operator_steps",
  "organisation_changes",
  "organisation_details",
  "policy_work_states",
  "recusals",
  "task_states",
  "unit_kinds",
];
const VOCABULARY = /^ {2}(\w+): \{\n(?: {4}.*\n)* {2}\},\n/gm;
// Codes that a phone fetches with the pages which name them, as it does their texts (src/i18n/parts.ts).
const OF_PART: Record<string, string[]> = {
  letters: ["complaint_events", "complaint_kinds", "complaint_stages"],
  evaluations: ["evaluated_services", "evaluation_channels", "follow_up_results", "satisfaction_reasons"],
  policies: ["policy_categories", "policy_states"],
};
const BOTH = /"?zh"?: ("(?:[^"\\]|\\.)*"),\s*"?en"?: ("(?:[^"\\]|\\.)*")/g;

// Beside each file that is text the same packed, as small as it gets: the gateway has no time for that while somebody waits.
function packed(): Plugin {
  let outDir = "";
  return {
    name: "anju-packed",
    apply: "build",
    configResolved(config) {
      outDir = config.build.outDir;
    },
    closeBundle() {
      for (const name of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
        const file = join(outDir, name);
        if (!/\.(js|css|html|svg)$/.test(name) || existsSync(`${file}.gz`)) continue;
        const content = readFileSync(file);
        if (content.length < 1024) continue;
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
        writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }));
      }
    },
  };
}

// `npm run dev` serves the pages as they are being written; what they ask goes to a running box.
const proxied = { target: process.env.ANJU_API ?? "http://127.0.0.1:8080", changeOrigin: false };

// Built twice: `--mode staff` adds the console to the citizens' pages. In one build what both use would be one file, and a phone would fetch the parts of Vue
// that only a console needs.
export default defineConfig(({ command, mode }) => ({
  base: "/",
  plugins: [oneLanguage(command === "serve" || mode === "staff"), vue(), staffPage(), packed()],
  resolve: { alias: { "@": here("./src") } },
  define: { __VUE_OPTIONS_API__: String(command === "serve" || mode === "staff"), __VUE_PROD_DEVTOOLS__: "false" },
  server: { proxy: { "/api": proxied, "/auth": proxied } },
  build: {
    outDir: here("../services/web-gateway/src/web_gateway/static"),
    emptyOutDir: mode !== "staff",
    // Phones in the city run WebViews of very different age, back to Chrome 64; public/old-phones.js has what syntax alone does not give them.
    target: "es2019",
    cssTarget: ["chrome64", "safari12"],
    // A data: URL would need its own exception in the content security policy.
    assetsInlineLimit: 0,
    // The explorer is one large library; what the pages of people may weigh is held by tests.
    chunkSizeWarningLimit: 1700,
    rolldownOptions: {
      input: mode === "staff" ? { staff: here("./staff.html"), explorer: here("./explorer.html") } : { index: here("./index.html") },
      output: {
        // Of the citizens: what every page has, in few files: on a slow network a request costs more than its bytes.
        codeSplitting: mode === "staff" || {
          groups: [
            { name: "vue", test: /node_modules\/(?:@vue|vue|vue-router|openapi-fetch)\// },
            { name: "parts", test: /src\/(?:ui|lib|api)\// },
            { name: "form", test: /src\/citizen\/apply\/\w+\.ts$/ },
          ],
        },
      },
    },
  },
}));
