/** Unread messages of the person signed on, as the navigation shows them. */
import { ref } from "vue";

export const unread = ref(0);
