/** One polite live region for everything that changes without a page change. */
import { nextTick, ref } from "vue";

export const announcement = ref("");

export async function announce(words: string): Promise<void> {
  // The same words twice in a row would not be read again without a change in between.
  announcement.value = "";
  await nextTick();
  announcement.value = words;
}
