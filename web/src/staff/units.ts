/** Units of the city as a list to choose from: a street is named with its district. */
import { divisionName, divisions } from "@/lib/divisions";

const KINDS = ["city", "district", "street"];

export function unitName(code: string): string {
  const unit = divisions.byCode[code];
  return unit?.level === "street" ? `${divisionName(unit.parent ?? "")} ${unit.name}` : divisionName(code);
}

export function unitOptions() {
  // Asked for here, so that the list comes when a page first needs it.
  divisionName("");
  return divisions.items.filter((each) => KINDS.includes(each.level)).map((each) => ({ value: each.code, label: unitName(each.code) }));
}
