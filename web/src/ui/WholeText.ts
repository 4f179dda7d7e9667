/** Text in which no day, hour, amount or number of a case is broken across two lines: people compare them with paper. */
import { h, type FunctionalComponent } from "vue";

const WHOLE = /(\d{4}年\d{1,2}月(?:\d{1,2}日)?|\d{1,2}:\d{2}|[A-Z]{1,2}-\d{4}-\d{6}|[\d,]+\.\d{2} (?:元|yuan|㎡|m²))/;

const WholeText: FunctionalComponent<{ of: string }> = ({ of }) =>
  of.split(WHOLE).map((part, at) => (at % 2 ? h("span", { class: "nowrap" }, part) : part));
WholeText.props = ["of"];
export default WholeText;
