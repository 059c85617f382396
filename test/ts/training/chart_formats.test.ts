import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { createContext, runInContext, Script } from "node:vm";
import { test } from "tap";
import { encodeCharts } from "#ts/training/chart_formats.js";

test("what a run is called can't end a page's scripts", async (t) => {
  const text = "</script><!--<script><b>&";
  const charts = { title: { text } };
  const html = (await encodeCharts(charts, text, "html")).toString();
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => script as string);
  t.equal(scripts.length, 2);
  t.notMatch(scripts[0], /<(!--|\/?script)/i);
  t.match(html, "<title>&lt;/script>&lt;!--&lt;script>&lt;b>&amp;</title>");
  const page = createContext({});
  runInContext(scripts[0] as string, page);
  t.equal(runInContext("typeof echarts.init", page), "function");
  t.doesNotThrow(() => new Script(scripts[1] as string));
  const settings = /setOption\((.*)\);/.exec(scripts[1] as string)?.[1] as string;
  t.notMatch(settings, "<");
  t.match(JSON.parse(settings), charts);
});

test("without echarts, the error says how to install it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cameo-plot-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync("dist", join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const module = pathToFileURL(join(folder, "dist", "training", "chart_formats.js")).href;
  const code = `const { encodeCharts } = await import(${JSON.stringify(module)});
    for (const format of ["svg", "html"]) {
      await encodeCharts({}, "", format).catch(({ code, message }) => console.log(code + ": " + message));
    }`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
    cwd: folder,
  });
  const line = "ERR_MEDIA: echarts is not installed, so charts can't be drawn: npm install echarts@^6.1.0";
  t.equal(stdout, `${line}\n${line}\n`);
  const { optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  t.equal(optionalDependencies.echarts, "^6.1.0");
});
