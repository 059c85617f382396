// Runs the checks of a GPU day, the most important first, each within its time; one that fails stops none of the others.
// Writes what is found as it goes: report.json, report.txt (a line for each check) and log.txt (all that they print).
//
//     node bench/gpu_day/run.mjs FOLDER [--device cuda|cpu] [--small] [--minutes 13] [--only NAME,...]
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { checks, partSeconds } from "./checks.mjs";
import { watchGpu } from "./gpu_memory.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "string", default: "cuda" },
    small: { type: "boolean", default: false },
    minutes: { type: "string", default: "13" },
    only: { type: "string" },
  },
});
const [folder] = positionals;
const only = options.only?.split(",");
const unknown = only?.filter((name) => !checks.some((check) => check.name === name)) ?? [];
if (!folder || unknown.length > 0 || !(Number(options.minutes) > 0)) {
  const names = checks.map(({ name }) => name).join(", ");
  console.error(
    `usage: run.mjs FOLDER [--device cuda|cpu] [--small] [--minutes 13] [--only NAME,...] (${names})`,
  );
  process.exit(2);
}

const start = performance.now();
const results = [];

/** Of the day, and of a part of it. */
function secondsLeft(part) {
  const used = results
    .filter((result) => result.part === part)
    .reduce((sum, { seconds = 0 }) => sum + seconds, 0);
  return Math.min(
    60 * Number(options.minutes) - (performance.now() - start) / 1000,
    partSeconds[part] - used,
  );
}

function save() {
  const path = join(folder, "report.json");
  const report = { device: options.device, small: options.small, node: process.version, results };
  writeFileSync(`${path}.part`, `${JSON.stringify(report, undefined, 1)}\n`);
  renameSync(`${path}.part`, path);
}

function say(line) {
  appendFileSync(join(folder, "report.txt"), `${line}\n`);
  console.log(line);
}

/** Runs a command for at most so many seconds: the last line of JSON that it printed, and how it ended. */
async function run([program, ...args], seconds) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const timer = setTimeout(end, 1000 * seconds);
  let found;
  const read = async (stream) => {
    for await (const line of createInterface({ input: stream })) {
      appendFileSync(join(folder, "log.txt"), `${line}\n`);
      if (line.startsWith('{"right"')) found = JSON.parse(line);
    }
  };
  const closed = new Promise((done) => {
    child.once("error", (error) => done({ error: error.message }));
    child.once("close", (code, signal) => done({ code, signal }));
  });
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = await closed;
  await reading;
  clearTimeout(timer);
  end();
  return { found, ...ended };
}

/** "right", "wrong", "out of time" or "failed". */
function verdict({ found, code, signal }) {
  if (signal === "SIGKILL")
    return found === undefined ? "out of time" : `${found.right ? "right" : "wrong"} so far`;
  if (found !== undefined) return found.right ? "right" : "wrong";
  return code === 0 ? "right" : "failed";
}

async function check({ name, part, seconds, command, needsGpu }) {
  if (needsGpu && options.device === "cpu") {
    results.push({ name, part, verdict: "skipped", reason: "it needs a GPU" });
    return say(`${part} ${name}: skipped, it needs a GPU`);
  }
  const limit = Math.min(seconds, secondsLeft(part));
  if (limit < 5) {
    results.push({ name, part, verdict: "skipped", reason: "no time is left" });
    return say(`${part} ${name}: skipped, no time is left`);
  }
  const begin = performance.now();
  const memory = watchGpu(options.device);
  const ended = await run(command({ ...options, folder, seconds: limit }), limit);
  const gpuPeakMiB = memory.end();
  const result = {
    name,
    part,
    verdict: verdict(ended),
    seconds: (performance.now() - begin) / 1000,
    gpuPeakMiB,
    ...ended,
  };
  results.push(result);
  say(`${part} ${name}: ${result.verdict}, ${result.seconds.toFixed(1)} s${summary(result)}`);
}

/** The most telling of what was found. */
function summary({ found, gpuPeakMiB, error }) {
  const { seconds, tflops, largest, wrong } = found ?? {};
  const parts = {
    error,
    seconds,
    tflops,
    largest,
    wrong: wrong?.length ? wrong.slice(0, 3) : undefined,
    gpuPeakMiB,
  };
  const said = Object.entries(parts).filter(([, value]) => value !== undefined);
  return said.map(([name, value]) => `, ${name} ${JSON.stringify(value)}`).join("");
}

mkdirSync(folder, { recursive: true });
for (const each of checks) {
  if (only && !only.includes(each.name)) continue;
  appendFileSync(join(folder, "log.txt"), `\n== ${each.name}\n`);
  await check(each);
  save();
}
const bad = results.filter(({ verdict }) => !/^(right|skipped)/.test(verdict));
say(
  `${results.length} checks, ${bad.length} of them not right${bad.map(({ name }) => ` ${name}`).join(",")}`,
);
process.exitCode = bad.length > 0 ? 1 : 0;
