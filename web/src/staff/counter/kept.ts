/** What a clerk types at a counter outlives the network, the sign-on and the power: kept in this browser, sealed under a key which the server gives to the
 * same clerk alone, on this device alone, when he is signed on (ADR 24). Nobody else who uses the machine can read it, and nothing is kept without the key. */
import { api } from "@/api/staff";
import type { SubmitApplication } from "@/api/schema";
import type { Draft } from "@/citizen/apply/draft";
import { uuid } from "@/lib/ids";
import { session } from "@/lib/session";
import { fresh } from "./form";

/** One household's form, with the keys of its requests: whenever and however often it is sent, it is the same submission. */
export interface Entry {
  id: string;
  draft: Draft;
  document: string;
  photo: File | null;
  /** What was printed, in JSON; `by_hand`: signed on a form that had been printed before. */
  printed: string;
  by_hand: boolean;
  /** What the household has agreed to, as the form said it that day. */
  consent: SubmitApplication["consent"] | null;
  keys: Record<"paper" | "visit" | "form", [key: string, print: string]>;
  /** Signed, and to be sent as soon as it goes. */
  waits: boolean;
  /** Why it was not taken, in the words of the server; empty for nothing. */
  refused: string;
  typed_at: string;
}
interface Sealed {
  id: string;
  typed_at: string;
  iv: Uint8Array<ArrayBuffer>;
  content: ArrayBuffer;
  photo_iv: Uint8Array<ArrayBuffer>;
  photo: ArrayBuffer | null;
}

const NAME = "anju-counter";
type Store = "entries" | "device";

export const newEntry = (): Entry => ({
  id: uuid(),
  draft: fresh(),
  document: "",
  photo: null,
  printed: "",
  by_hand: false,
  consent: null,
  keys: { paper: ["", ""], visit: ["", ""], form: ["", ""] },
  waits: false,
  refused: "",
  typed_at: new Date().toISOString(),
});

/** Names this browser, and says nothing of anybody. It stands beside the entries: without it nobody could open them any more. */
async function device(): Promise<string> {
  const known = (await store("device", "readonly", (all) => all.getAll())) as { id: string }[];
  if (known[0]) return known[0].id;
  const id = uuid();
  await store("device", "readwrite", (all) => all.put({ id }));
  return id;
}

let opened: { whose: string; key: CryptoKey } | null = null;
/** The clerk's key on this device; null while there is no way to the server, or the browser cannot seal. It never leaves the memory of the page, and no
 * script can read it out again. */
async function key(): Promise<CryptoKey | null> {
  const whose = session.user?.sub ?? "";
  if (opened?.whose === whose) return opened.key;
  opened = null;
  if (!whose || !window.isSecureContext || !window.indexedDB) return null;
  try {
    const { key: secret } = await api.deviceKey(await device());
    const bytes = Uint8Array.from(window.atob(secret), (each) => each.charCodeAt(0));
    opened = { whose, key: await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]) };
    return opened.key;
  } catch {
    return null;
  }
}

function store<R>(name: Store, mode: IDBTransactionMode, ask: (all: IDBObjectStore) => IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => (["entries", "device"] satisfies Store[]).forEach((each) => opening.result.createObjectStore(each, { keyPath: "id" }));
    opening.onerror = () => reject(opening.error ?? new Error(NAME));
    opening.onsuccess = () => {
      // Written through to the disk before it counts as kept: the power may go the moment after.
      const transaction = opening.result.transaction(name, mode, { durability: "strict" });
      const request = ask(transaction.objectStore(name));
      transaction.oncomplete = () => {
        opening.result.close();
        resolve(request.result);
      };
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error(NAME));
    };
  });
}

const about = (id: string, part: string) => new TextEncoder().encode(`${NAME}|${part}|${id}`);
async function seal(secret: CryptoKey, id: string, part: string, plain: BufferSource): Promise<[Uint8Array<ArrayBuffer>, ArrayBuffer]> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return [iv, await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: about(id, part) }, secret, plain)];
}
const unseal = (secret: CryptoKey, id: string, part: string, iv: Uint8Array<ArrayBuffer>, sealed: ArrayBuffer) =>
  crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: about(id, part) }, secret, sealed);

// One after another: what was sent meanwhile must not be kept anew by a change that was still on its way to the disk.
let last: Promise<unknown> = Promise.resolve();
const gone = new Set<string>();
function inTurn<R>(run: () => Promise<R>): Promise<R> {
  const mine = last.then(run, run);
  last = mine;
  return mine;
}

/** False when it could not be kept. */
export const keepEntry = (entry: Entry) => inTurn(() => put(entry));
async function put(entry: Entry): Promise<boolean> {
  const secret = gone.has(entry.id) ? null : await key();
  if (!secret) return false;
  try {
    const { photo, ...rest } = entry;
    const content = { ...rest, photo: photo && { name: photo.name, type: photo.type, lastModified: photo.lastModified } };
    const [iv, sealed] = await seal(secret, entry.id, "content", new TextEncoder().encode(JSON.stringify(content)));
    const [photo_iv, picture] = photo ? await seal(secret, entry.id, "photo", await photo.arrayBuffer()) : [new Uint8Array(), null];
    const row: Sealed = { id: entry.id, typed_at: entry.typed_at, iv, content: sealed, photo_iv, photo: picture };
    await store("entries", "readwrite", (all) => all.put(row));
    return true;
  } catch {
    return false;
  }
}

export function forgetEntry(id: string): Promise<void> {
  gone.add(id);
  return inTurn(() => store("entries", "readwrite", (all) => all.delete(id)).catch(() => undefined));
}

/** What of this clerk's is kept here, the oldest first, and how many entries are somebody else's. Null while there is no key. */
export async function keptEntries(): Promise<{ mine: Entry[]; others: number } | null> {
  const secret = await key();
  if (!secret) return null;
  const rows = (await store("entries", "readonly", (all) => all.getAll()).catch(() => [])) as Sealed[];
  const found = await Promise.all(rows.map((row) => readEntry(secret, row).catch(() => null)));
  const mine = found.filter((each) => each !== null).sort((a, b) => a.typed_at.localeCompare(b.typed_at));
  return { mine, others: found.length - mine.length };
}

async function readEntry(secret: CryptoKey, row: Sealed): Promise<Entry> {
  const content = JSON.parse(new TextDecoder().decode(await unseal(secret, row.id, "content", row.iv, row.content))) as Omit<Entry, "photo"> & {
    photo: { name: string; type: string; lastModified: number } | null;
  };
  const picture = row.photo && content.photo ? await unseal(secret, row.id, "photo", row.photo_iv, row.photo) : null;
  const photo = picture && content.photo ? new File([picture], content.photo.name, content.photo) : null;
  return { ...content, photo };
}
