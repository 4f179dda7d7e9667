import "element-plus/es/components/base/style/css";
import "element-plus/es/components/button/style/css";
import "element-plus/es/components/table/style/css";
import "element-plus/es/components/table-column/style/css";
import "@/styles/base.css";
import "@/styles/staff.css";
import { createApp } from "vue";
import { startLocale } from "@/i18n";
import { loadCity } from "@/lib/city";
import { startElder } from "@/lib/elder";
import App from "./App.vue";
import { router } from "./router";

startElder();
startLocale();
void loadCity();
createApp(App).use(router).mount("#app");
