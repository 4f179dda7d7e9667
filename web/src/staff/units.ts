/** Units of the city as a list to choose from: its divisions, a street named with its district, and the house-management offices. */
import { shallowRef } from "vue";
import { api } from "@/api/staff";
import { divisionName, divisions } from "@/lib/divisions";

const KINDS = ["city", "district", "street"];
const offices = shallowRef<{ code: string; name: string }[]>([]);

/** For those who may read the organisation; without an answer an office is called by its code. */
export async function loadOffices(): Promise<void> {
  const units = await api.units().catch(() => []);
  offices.value = units.filter((each) => each.kind === "house_office");
}

/** Empty for a unit that is not known here. */
export function unitName(code: string): string {
  const name = divisionName(code);
  const unit = divisions.byCode[code];
  if (!unit) return offices.value.find((each) => each.code === code)?.name ?? "";
  return unit.level === "street" ? `${divisionName(unit.parent ?? "")} ${name}` : name;
}

export function unitOptions() {
  // Asked for here, so that the list comes when a page first needs it.
  divisionName("");
  const found = divisions.items.filter((each) => KINDS.includes(each.level)).map((each) => ({ value: each.code, label: unitName(each.code) }));
  return [...found, ...offices.value.map((each) => ({ value: each.code, label: each.name }))];
}
