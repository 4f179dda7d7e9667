/** The district somebody has chosen, kept on his device: where he looks for a counter. */
import { ref, watch } from "vue";
import { keep, kept } from "./store";

const NAME = "anju.district";
export const chosenDistrict = ref(kept("localStorage", NAME) ?? "");
watch(chosenDistrict, (code) => keep("localStorage", NAME, code || null));
