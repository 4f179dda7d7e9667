/** What the page of authorisations signed at counters says; it comes with it. */
export const authorisations = {
  "authorisations.lead": { zh: "您签过的窗口代办授权书。不想再让窗口代办，可以随时收回。", en: "Papers by which you let a counter act for you. You may take one back at any time." },
  "authorisations.empty": { zh: "您没有签过窗口代办授权书。", en: "You have signed none." },
  "authorisations.empty_text": { zh: "自己不方便办的，可以带身份证到街道窗口，请工作人员代办。", en: "If you would rather not do it yourself, take your identity card to the counter of your street office." },
  "authorisations.one": { zh: "{place}窗口，{day}签", en: "Counter of {place}, signed {day}" },
  "authorisations.over": { zh: "已于{day}收回。收回之前办好的仍然有效。", en: "Taken back {day}. What was done before stays." },
  "authorisations.revoke": { zh: "收回授权", en: "Take it back" },
  "authorisations.sure": { zh: "收回以后，窗口不能再为您代办；已经办好的仍然有效。", en: "The counter can no longer act for you; what was done stays." },
  "authorisations.confirm": { zh: "确认收回", en: "Yes, take it back" },
  "authorisations.keep": { zh: "不收回，返回", en: "Leave it as it is" },
  "authorisations.revoked": { zh: "授权已收回", en: "Taken back" },
};
