/** The one chart library of the console, as much of it as is used; a page with a chart fetches it when it is shown. */
import { BarChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

// As SVG: it is as sharp on paper as on the screen.
use([BarChart, GridComponent, SVGRenderer]);

export { init };
export type { EChartsType } from "echarts/core";
