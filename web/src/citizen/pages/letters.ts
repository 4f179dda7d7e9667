/** The form of something somebody has to say: kept in the window until it is sent. */
import { computed, reactive, ref, watch } from "vue";
import type { Problem } from "@/api/problem";
import type { SignedLetter } from "@/api/schema";
import { t } from "@/i18n";
import { useWords } from "@/lib/words";

const blank = () => ({
  kind: "",
  district: "",
  street: "",
  text: "",
  about_staff: false,
  about_name: "",
  alone: false,
  contact: "",
  /** By who writes it himself: signed or anonymous. */
  how: "",
  /** By a clerk. */
  channel: "",
  reference_no: "",
  reporter: "",
});
export type Form = ReturnType<typeof blank>;
interface Fault {
  id: string;
  message: string;
}

/** What everybody has to fill in; whether it will do, the service says. */
export const missingOf = (form: Form): Fault[] => [
  ...(form.kind ? [] : [{ id: "kind", message: t("say.kind_missing") }]),
  ...(form.district ? [] : [{ id: "division", message: t("say.division_missing") }]),
  ...(form.text.trim() ? [] : [{ id: "text", message: t("say.text_missing") }]),
];

export const letterOf = (form: Form): SignedLetter => ({
  kind: form.kind as SignedLetter["kind"],
  text: form.text,
  division: form.street || form.district,
  about_staff: form.about_staff,
  about_name: form.about_staff ? form.about_name : "",
  alone: form.alone,
  contact: form.contact,
  channel: form.channel,
  reference_no: form.reference_no.trim(),
  reporter: form.reporter,
});

/** What is wrong with a form, field by field: what is not there once somebody has tried to send it, and what was refused until it is another. */
export function useFaults(form: Form, missing: () => Fault[], sending: { problem: Problem | null }) {
  const attempted = ref(false);
  watch(form, () => (sending.problem = null), { deep: true });
  const refused = computed(() => sending.problem?.fields.map((each) => ({ id: each.pointer.slice(1), message: each.message })) ?? []);
  const errors = computed(() => {
    const absent = attempted.value ? missing() : [];
    return absent.length ? absent : refused.value;
  });
  const errorOf = (field: string) => errors.value.find((each) => each.id === field)?.message;
  return { attempted, refused, errors, errorOf };
}

export function useForm(name: string) {
  const words = useWords(name);
  const form = reactive<Form>({ ...blank(), ...read(words.value) });
  watch(form, () => (words.value = JSON.stringify(form)), { deep: true, flush: "sync" });
  /** Nothing of it stays on the device. */
  function clear(): void {
    Object.assign(form, blank());
    words.value = "";
  }
  return { form, clear };
}

function read(words: string): Partial<Form> {
  try {
    return JSON.parse(words || "{}") as Partial<Form>;
  } catch {
    return {};
  }
}
