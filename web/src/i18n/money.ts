/** What the pages of bills and money say; it comes with them. */
export const money = {
  "bill.by_credit": { zh: "其中用以前多缴的钱抵扣", en: "Of that, from money you paid over before" },
  "rent.how": { zh: "租金怎么算出来的", en: "How the rent is worked out" },
  "rent.days": { zh: "日期", en: "Days" },
  "rent.from_to": { zh: "{first}至{last}，共 {days} 天", en: "{first} to {last}, {days} days" },
  "rent.month": { zh: "整月租金", en: "Rent of a whole month" },
  "rent.by_standard": { zh: "面积 {area} × 租金标准每平方米每月 {standard} 元 = {money}", en: "{area} × rent standard of {standard} yuan per m² a month = {money}" },
  "rent.decided": { zh: "按合同约定，{money}", en: "{money}, as agreed in the lease" },
  "rent.by_days": { zh: "{days} 天 ÷ 当月 {of} 天", en: "{days} days ÷ {of} days of the month" },
  "rent.reduction": { zh: "减免", en: "Reduction" },
  "rent.spared": { zh: "{name}，减免 {share}", en: "{name}, {share} off" },
  "rent.comes_to": { zh: "应缴", en: "Comes to" },
  "rent.total": { zh: "各行相加，合计 {money}", en: "All lines together: {money}" },
  "rent.rounding": { zh: "整月租金和每一行各按四舍五入取到分，账单是各行之和。", en: "The rent of a whole month and each line are rounded to the nearest fen; the bill is the sum of its lines." },
};
