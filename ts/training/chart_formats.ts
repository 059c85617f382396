import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { EChartsOption } from "echarts";
import { loadEcharts, loadSharp } from "../media/libraries.js";
import { chartSize } from "./charts.js";

export const chartFormats = ["png", "svg", "html"] as const;
export type ChartFormat = (typeof chartFormats)[number];

/** The charts as a file of that format: a picture of twice `size`, a drawing, or a page that needs nothing else. */
export async function encodeCharts(
  charts: EChartsOption,
  title: string,
  format: ChartFormat,
  size = chartSize,
): Promise<Buffer> {
  if (format === "html") return Buffer.from(await page(charts, title, size));
  const svg = Buffer.from(await drawing(charts, size));
  if (format === "svg") return svg;
  const sharp = await loadSharp();
  // An SVG's pixel is 1/72 of an inch to sharp.
  return sharp(svg, { density: 144 }).png({ palette: true, compressionLevel: 9 }).toBuffer();
}

async function drawing(charts: EChartsOption, size: typeof chartSize): Promise<string> {
  const echarts = await loadEcharts();
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...size });
  try {
    chart.setOption(charts);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

async function page(charts: EChartsOption, title: string, size: typeof chartSize): Promise<string> {
  await loadEcharts();
  const script = await readFile(
    createRequire(import.meta.url).resolve("echarts/dist/echarts.min.js"),
    "utf8",
  );
  const interactive = {
    ...charts,
    toolbox: {
      right: 24,
      bottom: 8,
      feature: { dataZoom: { yAxisIndex: "none" }, restore: {}, saveAsImage: {} },
    },
    dataZoom: [{ type: "inside", xAxisIndex: "all" }],
  };
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</title>
<style>
  body { margin: 0 auto; max-width: 1600px; }
  #charts { height: ${size.height}px; }
</style>
<div id="charts"></div>
<script>${script.replaceAll(/<(?=\/script|!--)/gi, "\\x3c")}</script>
<script>
  const chart = echarts.init(document.getElementById("charts"));
  chart.setOption(${JSON.stringify(interactive).replaceAll("<", "\\u003c")});
  addEventListener("resize", () => chart.resize());
</script>
</html>
`;
}
