/** What is said of counters; it comes with them. */
export const points = {
  "points.lead": { zh: "不用手机也能办：带身份证到下面任何一个窗口，权利和排队顺序与网上一样。", en: "No phone needed: take your identity card to any of these, with the same rights and the same place in the queue." },
  "points.kind": { zh: "哪一类窗口", en: "What kind" },
  "points.all": { zh: "全部", en: "All" },
  "points.only_step_free": { zh: "只看无障碍的窗口", en: "Only those without a step" },
  "points.choose": { zh: "请先选择您在哪个区县。", en: "Choose your district or county first." },
  "points.none": { zh: "没有符合条件的窗口", en: "No counter fits this" },
  "points.none_text": { zh: "请换一类，或者取消“只看无障碍的窗口”再看；也可以打电话问。", en: "Try another kind, or show those with a step too; or call." },
  "points.demonstration_text": { zh: "{day} 起为红色示范点，由{who}评定：{what}。", en: "A demonstration point since {day}, as found by {who}: {what}." },
  "points.sample": { zh: "示例：地址、时间和电话以当地正式公布的为准", en: "Sample only: use the officially published address, hours and number" },
  "points.step_free": { zh: "无障碍", en: "Step-free" },
  "points.steps": { zh: "有台阶", en: "Has steps" },
  "points.demonstration": { zh: "红色示范点", en: "Demonstration point" },
  "points.call": { zh: "打电话", en: "Call" },
};
