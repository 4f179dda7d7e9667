/** The rhythm of a question page: save, complain at the top and at the field, go on; come back to the check page when one came from there. */
import { computed, nextTick, shallowRef, useTemplateRef, watch } from "vue";
import { useRoute, useRouter } from "vue-router";
import type QuestionPage from "./QuestionPage.vue";
import { draftOf, flush, SECTIONS, type Draft, type Section } from "./draft";
import { refusedErrors, type FieldError } from "./rules";

export function useDraft(): { draft: Draft; base: string } {
  const route = useRoute();
  const no = typeof route.params.no === "string" ? route.params.no : "";
  return { draft: draftOf(no), base: no ? `/cases/${no}/correct` : "/apply" };
}

export function useQuestion(page: () => string, check: (draft: Draft) => FieldError[]) {
  const { draft, base } = useDraft();
  const route = useRoute();
  const router = useRouter();
  const typed = shallowRef<FieldError[]>([]);
  const summary = useTemplateRef<InstanceType<typeof QuestionPage>>("summary");

  const errors = computed<FieldError[]>(() => {
    const told = refusedErrors(draft).filter((each) => each.page === page());
    return [...typed.value, ...told.filter((each) => !typed.value.some((other) => other.id === each.id))];
  });
  const errorOf = (id: string) => errors.value.find((each) => each.id === id)?.message;

  /** What the gateway said about a field no longer holds once the field is changed. */
  function forget(id: string, value: () => unknown): void {
    watch(value, () => {
      if (id in draft.refused) delete draft.refused[id];
    });
  }

  async function save(then: string): Promise<void> {
    typed.value = check(draft);
    // A refusal by the gateway may have its cause on another page, so it is shown here but does not hold anybody up.
    if (typed.value.length) {
      await nextTick();
      await summary.value?.show();
      return;
    }
    const section = page().split("/")[0] as Section;
    if (!draft.visited.includes(section)) draft.visited.push(section);
    void flush(draft.no);
    await router.push(route.query.from === "check" && !then.startsWith("=") ? `${base}/check` : `${base}/${then.replace(/^=/, "")}`);
  }

  return { draft, base, errors, errorOf, forget, save };
}

export function nextSection(section: Section): string {
  return SECTIONS[SECTIONS.indexOf(section) + 1] ?? "check";
}
