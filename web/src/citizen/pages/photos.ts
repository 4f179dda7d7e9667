/** Photographs of a letter: added and shown by its writer's account, or by number and code. */
import { http, keyed, only } from "@/api/client";
import type { ComplaintPhoto, NewPhoto, NewPhotoWithCode, PhotoWithCode, WithCode } from "@/api/schema";

export interface Photos {
  add: (key: string, photo: File) => Promise<ComplaintPhoto>;
  /** What an image shows: an address, or the picture itself where there is a code, which stands in no address. */
  source: (number: number) => Promise<string>;
}

const filled = (values: Record<string, string | Blob>): FormData => {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(name, value);
  return form;
};

export const addressOf = (no: string, number: number): string => `/api/v1/complaints/${encodeURIComponent(no)}/photos/${number}`;

export const ofAccount = (no: string): Photos => ({
  add: (key, photo) =>
    only(
      http.POST("/api/v1/complaints/{no}/photos", {
        params: { path: { no }, header: keyed(key) },
        body: { photo } as NewPhoto as never,
        bodySerializer: () => filled({ photo }),
      }),
    ),
  source: (number) => Promise.resolve(addressOf(no, number)),
});

export const ofCode = (known: WithCode): Photos => ({
  add: (key, photo) =>
    only(
      http.POST("/api/v1/anonymous-complaints/photos", {
        params: { header: keyed(key) },
        body: { ...known, photo } as NewPhotoWithCode as never,
        bodySerializer: () => filled({ ...known, photo }),
      }),
    ),
  source: async (number) => {
    const asked: PhotoWithCode = { ...known, number };
    const picture = (await only(http.POST("/api/v1/anonymous-complaints/photo", { body: asked, parseAs: "blob" }))) as unknown as Blob;
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result as string);
      reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
      reader.readAsDataURL(picture);
    });
  },
});
