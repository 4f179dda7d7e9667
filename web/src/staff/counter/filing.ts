/** Sends what was typed for a household: its paper, a visit on it, and its own submission. The keys of the requests are kept with the entry before anything
 * is sent, so that whatever is sent again (after an answer was lost, a reload, a power cut) is the same submission, and the household has one application. */
import { api, inVisit } from "@/api/staff";
import { Problem } from "@/api/problem";
import type { Application } from "@/api/schema";
import { toDossier } from "@/citizen/apply/draft";
import { RequestKey } from "@/lib/action";
import { forgetEntry, keepEntry, type Entry } from "./kept";

const keyOf = (entry: Entry, name: keyof Entry["keys"]) => new RequestKey(...entry.keys[name], (key, print) => (entry.keys[name] = [key, print]));

export async function file(entry: Entry): Promise<Application> {
  const dossier = toDossier(entry.draft);
  const [applicant] = dossier.members;
  if (!applicant || !entry.photo || !entry.consent) throw new Error("nothing signed to send");
  const said = { id_number: applicant.id_number, name: applicant.name, document: entry.document.trim() };
  const body = { dossier, consent: entry.consent };
  const { name, size, lastModified } = entry.photo;
  const paper = keyOf(entry, "paper").for([said, name, size, lastModified]);
  const form = keyOf(entry, "form").for(body);
  await keepEntry(entry);
  const authorisation = await api.recordAuthorisation(paper, { ...said, photo: entry.photo });
  for (let another = true; ; another = false) {
    const key = keyOf(entry, "visit").for(authorisation.id);
    await keepEntry(entry);
    const visit = await api.openVisit(key, { authorisation_id: authorisation.id, purpose: "file" });
    try {
      const application = await inVisit(visit.id).submit(form, body);
      await forgetEntry(entry.id);
      await api.closeVisit(visit.id).catch(() => undefined);
      return application;
    } catch (error) {
      // A visit lasts an hour: what was typed before is sent in another one.
      if (!(another && error instanceof Problem && error.slug === "assistance-over")) throw error;
      keyOf(entry, "visit").done();
    }
  }
}

/** No way to the server, nobody signed on, or somebody else in another window: it is sent later, as it is. */
export const isForLater = (error: unknown) => error instanceof Problem && (error.status === 0 || error.status === 401 || error.status >= 502 || error.slug === "csrf-token-required");
