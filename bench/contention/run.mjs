// What it costs to share the cores: steps alone, beside a busy process, and beside another process that samples, too.
//
//     node bench/contention/run.mjs [--models shipped,full] [--repeats 3] [--compare ENV=VALUE,...]
//         [--scenarios alone,besideBusy,besideSampler]
//
// Scenarios in turn, each in processes of its own; medians. --compare measures a second side, with these variables in its
// environment: GOMP_SPINCOUNT=300000 has threads wait at barriers as libgomp's do by themselves. Writes bench/results/contention.json. The machine should have nothing else to do.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "#ts/median.js";
import { machine, printTable, saveResults } from "../report.mjs";

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: "shipped,full" },
    repeats: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    compare: { type: "string" },
    scenarios: { type: "string", default: "alone,besideBusy,besideSampler" },
    save: { type: "string", default: "contention" },
  },
});

/** What is sampled of each model, and for how long two processes are watched, s. */
const works = {
  shipped: { flags: ["--size", "64", "--frames", "16", "--steps", "40"], seconds: 6 },
  half: { flags: ["--frames", "4", "--steps", "4"], seconds: 20 },
  full: { flags: ["--frames", "8", "--steps", "3"], seconds: 180 },
};
const bounds = { besideBusy: 1.7, besideSampler: 1 / 0.8 };

const program = fileURLToPath(new URL("steps.mjs", import.meta.url));
const inherited = { ...process.env, OMP_NUM_THREADS: options.threads };
const sides = { cameo: inherited };
if (options.compare) {
  const added = Object.fromEntries(options.compare.split(",").map((each) => each.split("=")));
  sides[options.compare] = { ...inherited, ...added };
}

/** A sampler that has loaded its model; `go` resolves to when each of its steps ended, `end` cuts it short. */
async function sampler(model, flags, env) {
  const child = spawn(process.execPath, [program, model, ...flags], {
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = new Promise((resolve) => child.once("close", resolve));
  if ((await lines.next()).value !== "ready") throw new Error(`${model} could not be loaded`);
  return {
    async go() {
      child.stdin.write("go\n");
      const { value } = await lines.next();
      await closed;
      return JSON.parse(value);
    },
    end: () => child.stdin.write("end\n"),
  };
}

const gaps = (times) => times.slice(1).map((time, i) => (time - times[i]) / 1000);

/** Seconds of a step; the first one, which warms up, is left out. */
async function alone(model, env) {
  return median(gaps(await (await sampler(model, works[model].flags, env)).go()));
}

async function besideBusy(model, env) {
  const busy = spawn(process.execPath, ["-e", "for (;;);"]);
  try {
    return await alone(model, env);
  } finally {
    busy.kill();
  }
}

/** Seconds of a step of each of two that begin at the same time, over the time in which both work. */
async function besideSampler(model, env) {
  const { flags, seconds } = works[model];
  const endless = [...flags.slice(0, -1), "1000"];
  const both = await Promise.all([sampler(model, endless, env), sampler(model, endless, env)]);
  setTimeout(() => both.map((each) => each.end()), 1000 * seconds);
  const times = await Promise.all(both.map((each) => each.go()));
  const short = times.some((each) => each.length < 3);
  if (short) throw new Error(`${model}: in ${seconds} s one of two samplers made less than 3 steps`);
  return times.map((each) => (each.at(-1) - each[0]) / 1000 / (each.length - 1));
}

const scenarios = { alone, besideBusy, besideSampler };

async function measureModel(model) {
  const wanted = options.scenarios.split(",");
  const runs = Object.fromEntries(
    Object.keys(sides).map((side) => [side, Object.fromEntries(wanted.map((scenario) => [scenario, []]))]),
  );
  for (let i = 0; i < Number(options.repeats); i++) {
    for (const [side, env] of Object.entries(sides)) {
      for (const scenario of wanted) runs[side][scenario].push(await scenarios[scenario](model, env));
    }
  }
  return Object.fromEntries(
    Object.entries(runs).map(([side, each]) => [side, { runs: each, ...summary(each) }]),
  );
}

/** A step's time, and how many times as long it takes beside others; beside a sampler twice as long is its share. */
function summary({ alone, besideBusy, besideSampler }) {
  const quiet = median(alone);
  return {
    stepSeconds: quiet,
    ...(besideBusy && { besideBusy: median(besideBusy) / quiet }),
    ...(besideSampler && { besideSampler: Math.max(...besideSampler.flat()) / (2 * quiet) }),
  };
}

const results = { ...machine(options.threads), repeats: options.repeats, bounds, models: {} };
for (const model of options.models.split(",")) {
  results.models[model] = await measureModel(model);
  const rows = Object.entries(results.models[model]).map(([side, each]) => [
    side,
    each.stepSeconds.toFixed(3),
    each.besideBusy?.toFixed(2) ?? "",
    each.besideSampler?.toFixed(2) ?? "",
  ]);
  printTable(
    [
      model,
      "a step alone, s",
      "beside a busy process (<= 1.7)",
      "beside another sampler, of its half (<= 1.25)",
    ],
    rows,
  );
  await saveResults(options.save, results);
}
