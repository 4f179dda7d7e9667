/** What the citizens' pages say in English, fetched by whoever reads it. */
import { terms } from "../terms.ts?en";
import { citizen } from "./citizen.ts?en";
import { common } from "./common.ts?en";

export const english = { texts: { ...common, ...citizen }, terms };
