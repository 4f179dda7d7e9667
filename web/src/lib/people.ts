/** Numbers of people's documents and telephones: the twin of libs/people, held to the same answers by tests/unit/people/cases.json. It imports nothing, so that
 * the tests run it as it is. */

/** Full width to ASCII, upper case, no blanks, separators or invisible marks. */
export function cleanCode(typed: string): string {
  return typed
    .replace(/\p{Cf}/gu, "")
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[\s\u001c-\u001f\u0085\-‐‑‒–—·•.]/g, "");
}

const PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split(" ");
const CHECKS = "10X98765432";
const OLDEST_YEAR = 1900;
const OLD_CARD = /^[A-Z]{3}\d{12}$/;

const isForeigner = (number: string) => OLD_CARD.test(number) || (number.startsWith("9") && PROVINCES.includes(number.slice(1, 3)) && number.length === 18);

/** Whether it is of a foreigner's card of before December 2023, in which the century of the birth date is missing. */
export const isOldCard = (typed: string) => OLD_CARD.test(cleanCode(typed));

function real(digits: string): string {
  const [year, month, day] = [Number(digits.slice(0, 4)), Number(digits.slice(4, 6)), Number(digits.slice(6, 8))];
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return same && year > 0 ? `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}` : "";
}

/** YYYY-MM-DD of the whole birth date inside a number, empty when there is none. */
export function birthDate(typed: string): string {
  const match = /^\d{6}(\d{8})\d{3}[\dX]$/.exec(cleanCode(typed));
  return match ? real(match[1] ?? "") : "";
}

/** Whether a birth date is the one in the number, as much of it as the number has. */
export function wasBorn(typed: string, born: string): boolean {
  const number = cleanCode(typed);
  return OLD_CARD.test(number) ? number.slice(7, 13) === born.replace(/-/g, "").slice(2) : birthDate(number) === born;
}

/** 4102************12, for lists and summaries that others may look at over a shoulder. */
export function maskNumber(typed: string): string {
  const number = cleanCode(typed);
  return number.length === 18 ? `${number.slice(0, 4)}${"*".repeat(12)}${number.slice(16)}` : "*".repeat(number.length);
}

/** A day as people type it ("1978.2.1", "19780201", "1978年2月1日") as YYYY-MM-DD; empty for none. */
export function dayOf(typed: string): string {
  const plain = typed.normalize("NFKC").trim();
  const match = /^(\d{4})\D+(\d{1,2})\D+(\d{1,2})\D*$/.exec(plain) ?? /^(\d{4})(\d{2})(\d{2})$/.exec(plain);
  return match ? real([match[1], match[2], match[3]].map((part, at) => (part ?? "").padStart(at ? 2 : 4, "0")).join("")) : "";
}

export type NumberFault = "" | "REQUIRED" | "ID_OLD_FORM" | "ID_FORMAT" | "ID_REGION" | "ID_BIRTH_DATE" | "ID_BIRTH_DATE_FUTURE" | "ID_CHECK_DIGIT";

/** What is wrong with the number of a document; empty when nothing is. `today`: YYYY-MM-DD in China. Numbers for demonstration (99…) are the gateway's to
 * refuse: the pages do not know where they run. */
export function numberFault(typed: string, today: string): NumberFault {
  const number = cleanCode(typed);
  if (!number) return "REQUIRED";
  if (/^\d{15}$/.test(number)) return "ID_OLD_FORM";
  if (OLD_CARD.test(number)) return oldCardFault(number, today);
  if (!/^\d{17}[\dX]$/.test(number)) return "ID_FORMAT";
  if (!PROVINCES.includes(number.slice(0, 2)) && !isForeigner(number) && !number.startsWith("99")) return "ID_REGION";
  const born = birthDate(number);
  if (!born || Number(born.slice(0, 4)) < OLDEST_YEAR) return "ID_BIRTH_DATE";
  if (born > today) return "ID_BIRTH_DATE_FUTURE";
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += Number(number[i]) * (2 ** (17 - i) % 11);
  return CHECKS[sum % 11] === number[17] ? "" : "ID_CHECK_DIGIT";
}

function oldCardFault(number: string, today: string): NumberFault {
  if (!PROVINCES.includes(number.slice(3, 5))) return "ID_REGION";
  const days = ["19", "20"].map((century) => real(century + number.slice(7, 13)));
  if (!days.some((each) => each && each <= today)) return "ID_BIRTH_DATE";
  let sum = 0;
  for (let i = 0; i < 14; i++) sum += parseInt(number[i] ?? "", 36) * ([7, 3, 1][i % 3] ?? 0);
  return sum % 10 === Number(number[14]) ? "" : "ID_CHECK_DIGIT";
}

/** The number without the country's code, blanks, brackets and what contact apps put around it. */
export function cleanPhone(typed: string): string {
  return cleanCode(typed)
    .replace(/[()/]/g, "")
    .replace(/^(?:\+86|0086|86)(?=1\d{10}$|0?\d{9,11}$)/, "");
}

export type PhoneFault = "" | "PHONE_MISSING" | "PHONE_LANDLINE" | "PHONE_FORMAT";

export function phoneFault(typed: string): PhoneFault {
  const number = cleanPhone(typed);
  if (!number) return "PHONE_MISSING";
  if (/^1\d{10}$/.test(number)) return "";
  return /^(?:0\d{2,3})?\d{7,8}$/.test(number) ? "PHONE_LANDLINE" : "PHONE_FORMAT";
}
