import { fileURLToPath } from "node:url";
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

// `npm run dev` serves the pages as they are being written; what they ask goes to a running box.
const proxied = { target: process.env.ANJU_API ?? "http://127.0.0.1:8080", changeOrigin: false };

export default defineConfig({
  base: "/",
  plugins: [vue(), staffPage()],
  resolve: { alias: { "@": here("./src") } },
  define: { __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false" },
  server: { proxy: { "/api": proxied, "/auth": proxied } },
  build: {
    outDir: here("../services/web-gateway/src/web_gateway/static"),
    emptyOutDir: true,
    // Phones in the city run WebViews of very different age.
    target: "es2019",
    cssTarget: ["chrome64", "safari12"],
    // A data: URL would need its own exception in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: { input: { index: here("./index.html"), staff: here("./staff.html") } },
  },
});
