/**
 * Amounts and days as people type them, each read in one place. What is read is shown back before it is sent. Nothing passes through floating point, and
 * nothing here knows the pages, so that it is tried by itself.
 */

/** ASCII for what an input method has written in full width. */
export function halfWidth(typed: string): string {
  return typed.replace(/[！-～]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(/　/g, " ").trim();
}

/**
 * "1,234.5", "１２.５", "￥12.50", "12元" → hundredths; null for what is not an amount with at most two decimals below ten billion.
 * A comma or a dot of the Chinese keyboard counts as what it was meant for.
 */
export function parseHundredths(typed: string): number | null {
  const plain = halfWidth(typed)
    .replace(/。/g, ".")
    .replace(/^[¥￥]/, "")
    .replace(/(元|块|平方米|㎡)$/, "")
    .replace(/\s/g, "");
  // Commas stand between thousands, or nowhere.
  const whole = /^\d{1,3}(,\d{3})+(?=\.|$)/.test(plain) ? plain.replace(/,/g, "") : plain;
  const match = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(whole);
  if (!match) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

const RELATIVE: Record<string, number> = { 今天: 0, 昨天: 1, 前天: 2, today: 0, yesterday: 1 };

/**
 * "2026/3/5", "2026-03-05", "20260305", "2026年3月5日", "3月5日", "3.5", 昨天 → "2026-03-05"; null for what is no day.
 * Without a year it is the latest such day that is not after `today`: people look back.
 */
export function parseDay(typed: string, today: string): string | null {
  const plain = halfWidth(typed).toLowerCase().replace(/\s/g, "");
  const before = RELATIVE[plain];
  if (before !== undefined) return new Date(Date.parse(today) - before * 86_400_000).toISOString().slice(0, 10);
  const whole = /^(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]?|(\d{2})(\d{2}))$/.exec(plain);
  if (whole) return real(Number(whole[1]), Number(whole[2] ?? whole[4] ?? whole[6]), Number(whole[3] ?? whole[5] ?? whole[7]));
  const short = /^(\d{1,2})(?:[-/.](\d{1,2})|月(\d{1,2})[日号]?)$/.exec(plain);
  if (!short) return null;
  const [month, day] = [Number(short[1]), Number(short[2] ?? short[3])];
  // 29 February may be four years back, or eight.
  for (let year = Number(today.slice(0, 4)), tries = 0; tries < 9; year--, tries++) {
    const found = real(year, month, day);
    if (found && found <= today) return found;
  }
  return null;
}

/** A day of the calendar, null for 31 April and the like. */
function real(year: number, month: number, day: number): string | null {
  if (year < 1900) return null;
  const at = new Date(Date.UTC(year, month - 1, day));
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === day ? at.toISOString().slice(0, 10) : null;
}
