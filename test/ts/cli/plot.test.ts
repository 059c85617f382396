// Slow: it runs the command line again and again.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { test } from "tap";
import { MetricsWriter } from "#ts/training/metrics.js";
import { cameo, events } from "../../support/command.js";

/** A run of that many steps whose loss falls; every tenth step is skipped. */
async function writeRun(folder: string, steps: number): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await using writer = await MetricsWriter.open(join(folder, "metrics.jsonl"));
  for (let step = 1; step <= steps; step++) {
    const skipped = step % 10 === 0;
    const loss = skipped ? Number.NaN : 1 / step;
    const rates = { samplesPerSecond: 1, secondsPerStep: 1, waitShare: 0 };
    const gradientNorm = 10 / step;
    await writer.append({
      step,
      epoch: 0,
      loss,
      lossVideo: loss,
      learningRate: 1e-5,
      gradientNorm,
      skipped,
      ...rates,
    });
  }
  return folder;
}

test("draws a run into its folder", async (t) => {
  const run = await writeRun(join(t.testdir({}), "people"), 60);
  const { code, stdout, stderr } = await cameo(["plot", run]);
  t.match({ code, stdout, stderr }, { code: 0, stdout: `${join(run, "metrics.png")}\n`, stderr: "" });
  t.strictSame(readdirSync(run).sort(), ["metrics.jsonl", "metrics.png"]);
  const { data, info } = await sharp(join(run, "metrics.png"))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  t.match(info, { width: 2240, height: 2020 });
  t.strictSame([...data.subarray(0, 3)], [255, 255, 255], "on white");
  const blue = Array.from({ length: info.width * info.height }, (_, i) => i * 3).filter(
    (i) => data[i] === 0x00 && data[i + 1] === 0x72 && data[i + 2] === 0xb2,
  );
  t.ok(blue.length > 1000, `${blue.length} pixels in the run's colour`);
});

test("overlays several runs by their names, as a drawing", async (t) => {
  const folder = t.testdir({});
  const runs = [await writeRun(join(folder, "first"), 40), await writeRun(join(folder, "b", "first"), 20)];
  const other = await writeRun(join(folder, "a<b>&c"), 30);
  const path = join(folder, "both.SVG");
  const file = join(other, "metrics.jsonl");
  const finished = await cameo(["plot", ...runs, file, other, "-o", path, "--smooth", "5", "--json"]);
  t.equal(finished.code, 0);
  const steps = { [runs[0] as string]: 40, [runs[1] as string]: 20, "a<b>&c": 30 };
  t.strictSame(events(finished), [{ event: "done", path, steps }]);
  const svg = readFileSync(path, "utf8");
  t.match(svg, /^<svg [^>]*width="1120"/);
  for (const run of runs) t.match(svg, `>${run}</text>`);
  t.match(svg, ">a&lt;b&gt;&amp;c</text>");
  for (const text of ["loss", "learning rate, in 1e-5", "gradient norm", "optimiser step", "skipped step"]) {
    t.match(svg, `>${text}</text>`);
  }
  t.match(svg, "moving mean over 5 steps");
});

test("a page is whole in itself", async (t) => {
  const folder = t.testdir({});
  const path = join(folder, "page.html");
  t.equal((await cameo(["plot", await writeRun(join(folder, "run"), 30), "-o", path])).code, 0);
  const html = readFileSync(path, "utf8");
  t.match(html, /^<!doctype html>\n<html lang="en">\n/);
  t.match(html, "<title>run</title>");
  t.notMatch(html.replaceAll(/<script>.*?<\/script>/gs, ""), /script|src=|href=|import/);
});

test("what can't be drawn is one line that says why", async (t) => {
  const folder = t.testdir({ empty: { "metrics.jsonl": "" }, other: { "metrics.jsonl": "{}\n" }, none: {} });
  const run = await writeRun(join(folder, "run"), 3);
  const wrong: [string[], RegExp][] = [
    [[], /^cameo: missing required argument 'run'\n$/],
    [[join(folder, "none")], /none\/metrics\.jsonl": no such file; give the folder of a training run/],
    [[join(folder, "nowhere")], /no such file; give the folder of a training run/],
    [[join(folder, "empty")], /empty\/metrics\.jsonl": no step is in it yet; wait for the first one/],
    [[run, join(folder, "other")], /other\/metrics\.jsonl": line 1 is not the metrics of a step/],
    [
      [run, "-o", join(folder, "x.gif")],
      /output ".*x\.gif": \.gif is not known; write \.png, \.svg or \.html/,
    ],
    [[run, "-o", join(folder, "x")], /it has no extension; write \.png, \.svg or \.html/],
    [
      [run, "--smooth", "0"],
      /^cameo: --smooth: 0 is not allowed; it must be a whole number of at least 1\n$/,
    ],
    [[run, "--smooth", "2.5"], /^cameo: --smooth: 2\.5 is not allowed/],
    [[run, "--smooth", "x"], /^cameo: .*It must be a number\.\n$/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr, stdout } = await cameo(["plot", ...args]);
    t.equal(code, 2, args.join(" "));
    t.match(stderr, message);
    t.match(stderr, /^cameo: [^\n]+\n$/);
    t.equal(stdout, "");
  }
  t.strictSame(readdirSync(folder).sort(), ["empty", "none", "other", "run"], "nothing is written");
  const { code, stderr } = await cameo(["plot", run, "-o", join(folder, "not", "there.svg")]);
  t.equal(code, 1);
  t.match(stderr, /^cameo: .*there\.svg can't be written: the folder .*not does not exist; [^\n]+\n$/);
});
