// Slow: it samples, trains and starts a process for each check.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";

const script = "scripts/gpu-day.sh";

interface Result {
  name: string;
  part: string;
  verdict: string;
  found?: Record<string, unknown>;
}

function runDay(folder: string, ...flags: string[]) {
  rmSync(folder, { recursive: true, force: true });
  // Without the hooks that the test runner puts into every Node process it starts.
  const run = spawnSync("env", ["-u", "NODE_OPTIONS", script, folder, ...flags], { encoding: "utf8" });
  const path = join(folder, "report.json");
  const report = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { results: [] };
  return { ...run, results: report.results as Result[] };
}

test("a day on the processor, at small sizes: every check that needs no GPU is right", (t) => {
  const folder = "build/fixtures/gpu-day";
  const { status, stdout, stderr, results } = runDay(folder, "--device", "cpu", "--small");
  const verdicts = Object.fromEntries(results.map(({ name, verdict }) => [name, verdict]));
  // diffusers is not among what the tests need.
  const { diffusers, ...ours } = verdicts;
  t.match(diffusers, /^(right|failed)$/);
  t.same(ours, {
    doctor: "right",
    pisa: "skipped",
    "group-norm": "skipped",
    networks: "right",
    pipelines: "right",
    requests: "right",
    training: "right",
    collectives: "right",
    speed: "right",
    "pisa-speed": "skipped",
    "diffusers-compiled": "skipped",
    model: "right",
  });
  t.equal(status, diffusers === "right" ? 0 : 1, `${stdout}${stderr}`);
  const found = results.find(({ name }) => name === "networks")?.found;
  t.ok((found?.checked as number) > 200, `${found?.checked} cases`);
  t.equal(readFileSync(join(folder, "report.txt"), "utf8").trim().split("\n").length, results.length + 1);
  for (const file of ["sheet.png", "subject.safetensors"]) t.ok(statSync(join(folder, file)).size > 0, file);
  t.end();
});

test("a check that takes too long is ended", (t) => {
  // Drawing 6000 clips takes minutes.
  const flags = ["--device", "cpu", "--only", "collectives,model", "--minutes", "0.3"];
  const { status, results } = runDay("build/fixtures/gpu-day-short", ...flags);
  t.same(
    results.map(({ verdict }) => verdict),
    ["right", "out of time"],
  );
  t.equal(status, 1);
  t.end();
});

test("names that are none are refused", (t) => {
  const { status, stderr } = runDay("build/fixtures/gpu-day-none", "--only", "speeds");
  t.equal(status, 2);
  t.match(stderr, /doctor, pisa, .*model/);
  t.end();
});

const skip = existsSync("build/Release/cameo_cuda.so") && "this clone is built with CUDA's kernels";

test("nothing is packed where something is missing", { skip }, (t) => {
  const { status, stderr } = spawnSync("python3", ["scripts/gpu-load.py"], { encoding: "utf8" });
  t.equal(status, 1);
  t.match(stderr, /^missing: .*build\/Release\/cameo_cuda\.so: build them as docs\/gpu-day\.md says/m);
  t.end();
});
