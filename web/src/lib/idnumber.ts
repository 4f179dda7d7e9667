/** Resident identity number, GB 11643: 17 digits and an ISO 7064 MOD 11-2 check character. */
import { halfWidth } from "./format";

const CHECKS = "10X98765432";

export function normalise(typed: string): string {
  return halfWidth(typed).replace(/[\s-]/g, "").toUpperCase();
}

/** YYYY-MM-DD for a real date inside the number, empty otherwise. */
export function birthDate(typed: string): string {
  const match = /^\d{6}(\d{4})(\d{2})(\d{2})\d{3}[\dX]$/.exec(normalise(typed));
  if (!match) return "";
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  const real = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return real ? `${match[1]}-${match[2]}-${match[3]}` : "";
}

export function isIdNumber(typed: string): boolean {
  const number = normalise(typed);
  if (!birthDate(number)) return false;
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += Number(number[i]) * (2 ** (17 - i) % 11);
  return CHECKS[sum % 11] === number[17];
}

/** 4102************12, for lists and summaries that others may look at over a shoulder. */
export function maskId(number: string): string {
  return number.length === 18 ? `${number.slice(0, 4)}${"*".repeat(12)}${number.slice(16)}` : "*".repeat(number.length);
}
