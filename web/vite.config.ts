import { readdirSync, readFileSync, writeFileSync } from "node:fs";
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
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const file = join(outDir, name);
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

export default defineConfig({
  base: "/",
  plugins: [vue(), staffPage(), packed()],
  resolve: { alias: { "@": here("./src") } },
  define: { __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false" },
  server: { proxy: { "/api": proxied, "/auth": proxied } },
  build: {
    outDir: here("../services/web-gateway/src/web_gateway/static"),
    emptyOutDir: true,
    // Phones in the city run WebViews of very different age, back to Chrome 64; public/old-phones.js has what syntax alone does not give them.
    target: "es2019",
    cssTarget: ["chrome64", "safari12"],
    // A data: URL would need its own exception in the content security policy.
    assetsInlineLimit: 0,
    // The explorer is one large library; what the pages of people may weigh is held by tests.
    chunkSizeWarningLimit: 1700,
    rolldownOptions: { input: { index: here("./index.html"), staff: here("./staff.html"), explorer: here("./explorer.html") } },
  },
});
