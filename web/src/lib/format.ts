/** Numbers and dates as people here write them. Nothing passes through floating point. */
import { locale, t } from "@/i18n";

const grouped = (digits: string) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** 123456 → "1,234.56 元" */
export function yuan(fen: number): string {
  return t("unit.yuan", { n: hundredths(fen) });
}

/** 123456 → "1,234.56" */
export function hundredths(value: number): string {
  const whole = Math.trunc(Math.abs(value) / 100);
  const rest = String(Math.abs(value) % 100).padStart(2, "0");
  return `${value < 0 ? "-" : ""}${grouped(String(whole))}.${rest}`;
}

export function squareMetres(centi: number): string {
  return t("unit.sqm", { n: hundredths(centi) });
}

/** For a field that is edited again: 123450 → "1234.50", 120000 → "1200". */
export function editable(value: number): string {
  return hundredths(value).replace(/,/g, "").replace(/\.00$/, "");
}

/** Today in China, YYYY-MM-DD. */
export function today(): string {
  return dayOf(new Date().toISOString());
}

/** The day in China of an instant, YYYY-MM-DD. */
export function dayOf(value: string): string {
  return (inChina(value)?.toISOString() ?? "").slice(0, 10);
}

const MONTHS = "January February March April May June July August September October November December".split(" ");

function dayWords(year: number, month: number, day: number): string {
  return locale.value === "en" ? `${day} ${MONTHS[month - 1]} ${year}` : `${year}年${month}月${day}日`;
}

/** An instant or a plain YYYY-MM-DD as a day in China. */
export function day(value: string | null | undefined): string {
  if (!value) return "";
  const plain = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (plain) return dayWords(Number(plain[1]), Number(plain[2]), Number(plain[3]));
  const shifted = inChina(value);
  return shifted ? dayWords(shifted.getUTCFullYear(), shifted.getUTCMonth() + 1, shifted.getUTCDate()) : "";
}

/** An instant as the minute of its day in China. */
export function clock(value: string | null | undefined): string {
  const shifted = value ? inChina(value) : null;
  const two = (n: number) => String(n).padStart(2, "0");
  return shifted ? `${two(shifted.getUTCHours())}:${two(shifted.getUTCMinutes())}` : "";
}

/** An instant as day and minute in China. */
export function moment(value: string | null | undefined): string {
  return `${day(value)} ${clock(value)}`.trim();
}

/** China has had one offset and no summer time since 1991, so UTC fields of the shifted instant are the local ones. */
function inChina(value: string): Date | null {
  const millis = Date.parse(value);
  return Number.isNaN(millis) ? null : new Date(millis + 8 * 3_600_000);
}

/** "202612" → 2026年12月 */
export function period(value: string): string {
  const match = /^(\d{4})(\d{2})$/.exec(value);
  if (!match) return value;
  return locale.value === "en" ? `${MONTHS[Number(match[2]) - 1]} ${match[1]}` : `${match[1]}年${Number(match[2])}月`;
}
