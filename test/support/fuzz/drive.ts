import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Input, Kind } from "./inputs.js";

/** A program that is given a folder, reads every input in it and prints a line for each: its name and its outcome. */
export interface Reader {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

export interface Limits {
  /** Of memory that is in use at once. */
  megabytes: number;
  /** Of the processor, for one input: a machine with other work makes nothing longer. */
  seconds: number;
}

export interface Failure {
  name: string;
  why: string;
}

export interface Report {
  read: number;
  refused: number;
  failures: Failure[];
  /** At once, by a reader at most. */
  megabytes: number;
}

/** Codes that a kind may be refused with. */
const refusals: Record<Kind, RegExp> = {
  safetensors: /^ERR_WEIGHTS_(FORMAT|UNSAFE|MISMATCH)$/,
  zip: /^ERR_WEIGHTS_(FORMAT|UNSAFE|MISMATCH)$/,
  pickle: /^ERR_WEIGHTS_(FORMAT|UNSAFE|MISMATCH)$/,
  gguf: /^ERR_WEIGHTS_(FORMAT|MISMATCH)$/,
  // A scheduler's is also read as one that a request gives.
  config: /^ERR_(WEIGHTS_(FORMAT|MISMATCH)|INVALID_OPTION)$/,
  tokenizer: /^ERR_WEIGHTS_FORMAT$/,
  picture: /^ERR_INVALID_IMAGE$/,
  film: /^ERR_MEDIA$/,
};

const batchSize = 200;
const mostFailures = 10;

/** Reads all inputs of a kind in `folder`; those at which something is wrong are kept in `kept`. */
export async function fuzz(
  kind: Kind,
  inputs: AsyncIterable<Input>,
  { reader, limits, folder, kept }: { reader: Reader; limits: Limits; folder: string; kept: string },
): Promise<Report> {
  const report: Report = { read: 0, refused: 0, failures: [], megabytes: 0 };
  let batch: Input[] = [];
  const flush = async () => {
    await readBatch(kind, batch, { reader, limits, folder, report });
    for (const { name, content } of batch) {
      if (report.failures.some((failure) => failure.name === name)) write(join(kept, name), content);
    }
    batch = [];
  };
  for await (const input of inputs) {
    batch.push(input);
    if (batch.length === batchSize) await flush();
    if (report.failures.length >= mostFailures) return report;
  }
  if (batch.length > 0) await flush();
  return report;
}

function write(path: string, content: Input["content"]): void {
  if (Buffer.isBuffer(content)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  } else {
    mkdirSync(path, { recursive: true });
    for (const [name, file] of Object.entries(content)) write(join(path, name), file);
  }
}

/** A reader that ends, however it does, is started again behind the input at which it did. */
async function readBatch(
  kind: Kind,
  batch: Input[],
  { reader, limits, folder, report }: { reader: Reader; limits: Limits; folder: string; report: Report },
): Promise<void> {
  let left = new Map(batch.map((input) => [input.name, input]));
  while (left.size > 0 && report.failures.length < mostFailures) {
    rmSync(folder, { recursive: true, force: true });
    for (const { name, content } of left.values()) write(join(folder, name), content);
    const order = readdirSync(folder).sort();
    const { outcomes, ended, megabytes } = await run(reader, folder, limits);
    report.megabytes = Math.max(report.megabytes, megabytes);
    for (const [name, outcome] of outcomes) {
      const wrong = judge(kind, left.get(name), outcome);
      if (wrong) report.failures.push({ name, why: wrong });
      report[outcome === "read" ? "read" : "refused"]++;
      left.delete(name);
    }
    const stuck = order[outcomes.length];
    if (stuck === undefined) {
      if (ended !== "") report.failures.push({ name: `after ${order.at(-1)}`, why: ended });
      return;
    }
    report.failures.push({ name: stuck, why: ended || "the reader left it out" });
    left = new Map([...left].filter(([name]) => name !== stuck));
  }
}

function judge(kind: Kind, input: Input | undefined, outcome: string): string | undefined {
  if (outcome !== "read" && !refusals[kind].test(outcome)) return `the error is ${outcome}`;
  const came = outcome === "read" ? "read" : "refused";
  return input?.expected && input.expected !== came ? `it is ${came} (${outcome})` : undefined;
}

interface Run {
  outcomes: [name: string, outcome: string][];
  /** What it printed last where it did not end well. */
  ended: string;
  megabytes: number;
}

async function run({ command, args, env }: Reader, folder: string, limits: Limits): Promise<Run> {
  const child = spawn(command, [...args, folder], { env, stdio: ["ignore", "pipe", "pipe"] });
  const closed = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code === 0 ? "" : `it ended with ${signal ?? code}`));
  });
  const outcomes: Run["outcomes"] = [];
  let [said, killed, megabytes] = ["", "", 0];
  let [count, secondsBefore] = [0, 0];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-20_000);
  });
  const watch = setInterval(() => {
    const used = usage(child.pid ?? 0);
    megabytes = Math.max(megabytes, used.megabytes);
    if (count !== outcomes.length) [count, secondsBefore] = [outcomes.length, used.seconds];
    if (megabytes > limits.megabytes) killed = `it took ${Math.round(megabytes)} MB`;
    if (used.seconds - secondsBefore > limits.seconds) killed = `it took more than ${limits.seconds} s`;
    if (killed !== "") child.kill("SIGKILL");
  }, 200);
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name = "", outcome = ""] = line.match(/^(\S+) (.*)$/) ?? [];
    outcomes.push([name, outcome]);
  }
  const ended = await closed;
  clearInterval(watch);
  return { outcomes, ended: ended && `${killed || ended}\n${said}`, megabytes };
}

const ticksPerSecond = 100;

/** Seconds of the processor, and the most memory at once, of a process that runs; zeros where the system doesn't say. */
function usage(pid: number): { seconds: number; megabytes: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop()?.split(" ") ?? [];
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kilobytes = Number(status.match(/VmHWM:\s*(\d+)/)?.[1] ?? 0);
    return {
      seconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
      megabytes: kilobytes / 1024,
    };
  } catch {
    return { seconds: 0, megabytes: 0 };
  }
}
