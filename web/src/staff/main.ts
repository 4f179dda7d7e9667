import "element-plus/es/components/base/style/css";
import "element-plus/es/components/button/style/css";
import "element-plus/es/components/table/style/css";
import "element-plus/es/components/table-column/style/css";
import "@/styles/base.css";
import "@/styles/staff.css";
import { createApp } from "vue";
import { speak, startLocale } from "@/i18n";
import { apply } from "@/i18n/apply";
import { citizen } from "@/i18n/citizen";
import { money } from "@/i18n/money";
import { policies } from "@/i18n/policies";
import { staff } from "@/i18n/staff";
import { loadCity } from "@/lib/city";
import { startElder } from "@/lib/elder";
import { startPrint } from "@/lib/print";
import App from "./App.vue";
import { router } from "./router";

speak({ ...citizen, ...apply, ...money, ...policies, ...staff }, () => import("@/i18n/staff.en"));
startElder();
startPrint();
void startLocale().then(() => {
  void loadCity();
  createApp(App).use(router).mount("#app");
});
