import "@/styles/base.css";
import "@/styles/citizen.css";
import { createApp } from "vue";
import { startLocale } from "@/i18n";
import { startElder } from "@/lib/elder";
import App from "./App.vue";
import { router } from "./router";

startElder();
startLocale();
createApp(App).use(router).mount("#app");
