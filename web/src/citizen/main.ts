import "@/styles/base.css";
import "@/styles/citizen.css";
import { createApp } from "vue";
import { speak, startLocale } from "@/i18n";
import { citizen } from "@/i18n/citizen";
import { loadCity } from "@/lib/city";
import { startElder } from "@/lib/elder";
import { startPrint } from "@/lib/print";
import App from "./App.vue";
import { router } from "./router";

speak(citizen, () => import("@/i18n/citizen.en"));
startElder();
startPrint();
void startLocale().then(() => {
  void loadCity();
  createApp(App).use(router).mount("#app");
});
