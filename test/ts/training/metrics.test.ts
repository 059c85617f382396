import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "tap";
import { MetricsWriter, readMetrics, type StepMetrics } from "#ts/training/metrics.js";

function metricsOf(step: number, changes: Partial<StepMetrics> = {}): Omit<StepMetrics, "time"> {
  return {
    step,
    epoch: 0,
    loss: 0.5 / step,
    lossVideo: 0.4 / step,
    learningRate: 1e-5,
    gradientNorm: 2,
    skipped: false,
    samplesPerSecond: 1.5,
    secondsPerStep: 0.67,
    waitShare: 0.25,
    ...changes,
  };
}

async function write(path: string, steps: number[], afterStep?: number): Promise<void> {
  await using writer = await MetricsWriter.open(path, afterStep === undefined ? {} : { afterStep });
  for (const step of steps) await writer.append(metricsOf(step));
}

async function stepsOf(path: string): Promise<number[]> {
  return (await readMetrics(path)).map(({ step }) => step);
}

test("what is written is read, line by line", async (t) => {
  const path = join(t.testdir({}), "metrics.jsonl");
  const parts = { lossReference: 0.1, lossReconstruction: 0.2, lossDetail: 0.3, lossKl: 4 };
  const full = metricsOf(1, { ...parts, memoryBytes: 2 ** 30 });
  const writer = await MetricsWriter.open(path);
  t.strictSame(await readMetrics(path), []);
  const before = Date.now();
  await writer.append(full);
  await writer.append(metricsOf(2));
  await writer.close();
  const [first, second] = await readMetrics(path);
  t.strictSame(first, { ...full, time: first?.time });
  t.strictSame(second, { ...metricsOf(2), time: second?.time });
  const time = Date.parse(first?.time ?? "");
  t.ok(time >= before && time <= Date.now());
  t.equal(readFileSync(path, "utf8").split("\n").length, 3);
});

test("what is not finite is null", async (t) => {
  const path = join(t.testdir({}), "metrics.jsonl");
  await using writer = await MetricsWriter.open(path);
  const wrong = { loss: Number.NaN, gradientNorm: Number.POSITIVE_INFINITY, skipped: true };
  await writer.append(metricsOf(1, wrong));
  t.match(await readMetrics(path), [{ step: 1, loss: null, gradientNorm: null, skipped: true }]);
});

test("a resumed run drops what came after its checkpoint", async (t) => {
  const folder = t.testdir({});
  const path = join(folder, "metrics.jsonl");
  await write(path, [1, 2, 3, 4, 5]);
  const kept = readFileSync(path, "utf8").split("\n").slice(0, 3);
  await write(path, [4], 3);
  t.strictSame(await stepsOf(path), [1, 2, 3, 4]);
  t.strictSame(readFileSync(path, "utf8").split("\n").slice(0, 3), kept, "to the byte");
  await write(path, [1]);
  t.strictSame(await stepsOf(path), [1], "a new run keeps nothing");
  t.strictSame(readdirSync(folder), ["metrics.jsonl"], "no temporary file is left");
});

test("a torn last line is left out, and is gone after a resume", async (t) => {
  const path = join(t.testdir({}), "metrics.jsonl");
  await write(path, [1, 2]);
  appendFileSync(path, '{"step":3,"epo');
  t.strictSame(await stepsOf(path), [1, 2]);
  await write(path, [3], 10);
  t.strictSame(await stepsOf(path), [1, 2, 3]);
  writeFileSync(path, readFileSync(path, "utf8").trimEnd());
  await write(path, [4], 10);
  t.strictSame(await stepsOf(path), [1, 2, 3, 4], "a line that lacks no more than its end stays");
});

test("a process that is killed loses no line that it had written", async (t) => {
  const path = join(t.testdir({}), "metrics.jsonl");
  const module = pathToFileURL("dist/training/metrics.js").href;
  const code = `
    import { MetricsWriter } from ${JSON.stringify(module)};
    const writer = await MetricsWriter.open(${JSON.stringify(path)});
    const metrics = ${JSON.stringify(metricsOf(1))};
    for (let step = 1; ; step++) {
      await writer.append({ ...metrics, step });
      process.stdout.write(step + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  for await (const chunk of child.stdout) {
    told += chunk;
    if (told.split("\n").length > 200) break;
  }
  child.kill("SIGKILL");
  if (child.signalCode === null) await once(child, "exit");
  const last = Number(told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1));
  const steps = await stepsOf(path);
  t.ok(steps.length >= last && last >= 200, `${steps.length} lines, ${last} told`);
  t.strictSame(
    steps,
    Array.from(steps, (_, i) => i + 1),
  );
});

test("what is no run is refused in one line, and left as it is", async (t) => {
  const step = JSON.stringify({ ...metricsOf(1), time: "2025-01-01T00:00:00Z" });
  const folder = t.testdir({
    "other.jsonl": '{"name":"a"}\n',
    "torn.jsonl": `${step}\n{"st\n${step}\n`,
    "text.jsonl": "one\ntwo\n",
  });
  mkdirSync(join(folder, "folder"));
  const wrong: [string, RegExp][] = [
    [
      "other.jsonl",
      /line 1 is not the metrics of a step; give the folder of a training run, or its metrics.jsonl$/,
    ],
    ["torn.jsonl", /line 2 is not the metrics of a step/],
    ["text.jsonl", /line 1 is not the metrics of a step/],
    ["missing.jsonl", /no such file; give the folder of a training run/],
    ["folder", /it is a folder; give the folder/],
  ];
  for (const [name, message] of wrong) {
    const path = join(folder, name);
    await t.rejects(readMetrics(path), { name: "CameoError", code: "ERR_INVALID_OPTION", message });
    if (!name.endsWith(".jsonl") || !existsSync(path)) continue;
    const before = readFileSync(path, "utf8");
    await t.rejects(MetricsWriter.open(path), { code: "ERR_INVALID_OPTION", message });
    t.equal(readFileSync(path, "utf8"), before);
  }
  const nowhere = { code: "ERR_MEDIA", message: /can't be written: .*; make room or mend the permissions/ };
  await t.rejects(MetricsWriter.open(join(folder, "folder")), nowhere);
  await t.rejects(MetricsWriter.open(join(folder, "not", "there.jsonl")), nowhere);
  await t.rejects(MetricsWriter.open(join(folder, "text.jsonl", "x")), nowhere);
});
