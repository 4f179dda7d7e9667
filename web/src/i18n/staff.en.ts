/** What the console says in English, fetched by whoever reads it. */
import { terms } from "../terms.ts?en";
import { apply } from "./apply.ts?en";
import { citizen } from "./citizen.ts?en";
import { common } from "./common.ts?en";
import { money } from "./money.ts?en";
import { policies } from "./policies.ts?en";
import { staff } from "./staff.ts?en";

export const english = { texts: { ...common, ...citizen, ...apply, ...money, ...policies, ...staff }, terms };
