// Slow: it runs the command line again and again.
import { test } from "tap";
import { measureParts } from "#ts/cli/bench/measure.js";
import { drawnShape, openModel } from "#ts/cli/bench/model.js";
import type { BenchReport } from "#ts/cli/bench/report.js";
import { operationsOf, workOf } from "#ts/cli/bench/work.js";
import { cameo, events, startCameo } from "../../support/command.js";
import { writeSmallModel } from "../../support/small_model.js";

const { base, motion = "", subject = "" } = writeSmallModel("bench");
const model = ["--base", base, "--motion", motion, "--device", "cpu"];
const withSubject = [...model, "--subject", subject];
const parts = ["text", "reference", "step", "frame"] as const;

test("--json gives each part's seconds, and what the whole video would take", async (t) => {
  const finished = await cameo(["bench", ...withSubject, "--size", "48x32", "--frames", "3", "--json"]);
  t.equal(finished.code, 0, finished.stderr);
  t.equal(finished.stderr, "");
  const all = events(finished);
  const phases = new Set(all.slice(0, -1).map(({ phase }) => phase));
  t.strictSame([...phases], ["load", "encode", "denoise", "decode"]);
  const done = all.at(-1) as unknown as BenchReport;
  t.match(done, {
    event: "done",
    device: "cpu",
    dtype: /^(fp32|bf16)$/,
    model: [base, motion, subject].join(", "),
    measured: { width: 48, height: 32, frames: 3, references: 1, steps: 3, guidanceScale: 8 },
    estimated: { width: 64, height: 64, frames: 15, references: 1, steps: 30, guidanceScale: 8 },
    threads: Number,
    cpu: String,
    libtorch: /^2\.11\.0/,
  });
  const { fast } = done.kernels;
  for (const part of parts) t.ok(fast.seconds[part] > 0, part);
  t.ok((fast.loadSeconds ?? 0) > 0);
  t.ok(fast.stepOperationsPerSecond > 0);
  t.ok(fast.peakBytes > 2 ** 20);
  // The estimate's own steps are larger than those that were measured.
  t.ok(fast.estimatedSeconds > 30 * fast.seconds.step);
});

test("prints a table, with both kinds of kernels where they are compared", async (t) => {
  const small = ["--size", "32x32", "--frames", "2", "--steps", "2", "-q"];
  const one = await cameo(["bench", ...model, ...small]);
  t.equal(one.code, 0, one.stderr);
  t.equal(one.stderr, "");
  t.match(one.stdout, /^measured +32x32, 2 frames, guidance$/m);
  t.match(one.stdout, /^a denoising step, s +\S+$/m);
  t.match(one.stdout, /^estimated +64x64, 16 frames, guidance, 30 steps: \d+ (s|min \d+ s)$/m);
  t.notMatch(one.stdout, "encoding a reference");
  const both = await cameo(["bench", ...withSubject, ...small, "--compare"]);
  t.equal(both.code, 0, both.stderr);
  t.match(both.stdout, / fast +plain +fast \/ plain$/m);
  for (const row of ["encoding a reference, s", "decoding a frame, s", "peak memory, GiB"]) {
    t.match(both.stdout, new RegExp(`^${row} +\\S+ +\\S+ +\\S+$`, "m"));
  }
  t.match(both.stdout, /30 steps: .* \(with plain kernels \d+ .*\)$/m);
});

test("a still's model is measured, too", async (t) => {
  const finished = await cameo(["bench", "--base", base, "--device", "cpu", "--steps", "2", "--json"]);
  t.equal(finished.code, 0, finished.stderr);
  const image = { width: 64, height: 64, frames: 1, references: 0 };
  t.match(events(finished).at(-1), { measured: image, estimated: { ...image, steps: 30 } });
});

test("a model of drawn weights has all parts of a real one", async (t) => {
  const layout = { width: 0.125, maxFrames: 4 };
  const drawn = await openModel({ layout, options: { device: "cpu" } });
  t.teardown(() => drawn.native.close());
  t.match(drawn.description, { subject: true, motion: { maxFrames: 4 }, defaultSize: [512, 512] });
  t.match(drawn.shape, drawnShape(layout));
  const work = workOf(drawn.description, { width: 64, height: 64, frames: 2, steps: 2 });
  const seconds = await measureParts(drawn, work, {});
  for (const part of parts) t.ok(seconds[part] > 0, part);
  const { step } = operationsOf(drawnShape({ ...layout, width: 1 }), work, drawn.description);
  t.ok(step > 30 * operationsOf(drawn.shape, work, drawn.description).step, "eight times as wide");
});

test("wrong usage is found before anything is loaded, with exit code 2", async (t) => {
  const nowhere = ["--base", "not/there"];
  const wrong: [string[], RegExp][] = [
    [["--drawn", ...nowhere], /^cameo: --drawn: --base names another model; leave one of the two out$/],
    [[...nowhere, "--steps", "1"], /^cameo: --steps: 1 is not allowed; it must be at least 2: the first one/],
    [[...nowhere, "--steps", "0"], /^cameo: --steps: 0 is not allowed/],
    [[...nowhere, "--frames", "0"], /^cameo: --frames: 0 is not allowed/],
    [[...nowhere, "--size", "256"], /^cameo: option '--size <WxH>' .* as in 512x384\.$/],
    [[...nowhere, "--device", "gpu"], /^cameo: --device: 'gpu' is not allowed/],
    [["--drawn", "--dtype", "int8"], /^cameo: --dtype: 'int8' is not allowed/],
    [
      [...nowhere, "--compare", "--device", "cuda"],
      /^cameo: --compare: fast and plain kernels differ on CPUs/,
    ],
  ];
  const results = await Promise.all(wrong.map(([args]) => cameo(["bench", ...args])));
  for (const [i, { code, stdout, stderr }] of results.entries()) {
    t.equal(code, 2, stderr);
    t.equal(stdout, "");
    t.match(stderr.trimEnd(), wrong[i]?.[1]);
    t.match(stderr, /^[^\n]+\n$/, "one line");
  }
});

test("what a model can't do, and one that isn't there, are one line", async (t) => {
  const tooMany = await cameo(["bench", ...withSubject, "-q", "--frames", "16"]);
  t.equal(tooMany.code, 2);
  t.match(tooMany.stderr, /^cameo: --frames: 16 is not allowed; it must be at most 15 [^\n]*\n$/);
  const odd = await cameo(["bench", ...model, "-q", "--size", "33x32"]);
  t.match(odd.stderr, /^cameo: --size: 33 is not allowed; it must be a multiple of 8\n$/);
  const nowhere = await cameo(["bench", "--base", "not/there", "--device", "cpu", "-q"]);
  t.equal(nowhere.code, 1);
  t.match(nowhere.stderr, /^cameo: [^\n]*not\/there[^\n]*\n$/);
});

test("Ctrl-C ends it", async (t) => {
  const { child, out, finished } = startCameo(["bench", ...model, "--size", "64x64", "--steps", "1000"]);
  child.stderr?.on("data", () => {
    if (out.stderr.includes("denoise: ") && !out.stderr.includes("stopping")) child.kill("SIGINT");
  });
  const { code, stdout, stderr } = await finished;
  t.equal(code, 130);
  t.equal(stdout, "");
  t.match(stderr, /cameo: interrupted\n$/);
});
