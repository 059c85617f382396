import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openAddon } from "../addon.js";
import { loadEcharts, loadSharp, loadWebcodecs } from "../media/libraries.js";
import { difference, runSelfTest } from "./doctor_self_test.js";
import { oneTensorFile, withModelFiles } from "./model_files.js";

/** What was found out by loading native code. */
export interface Probe {
  addon:
    | {
        libtorch: string;
        threads: number;
        cpu: string;
        /** GPUs that libtorch sees. */
        cuda: number;
        /** Where there are any: why they do without this package's kernels, or null. */
        missingKernels?: string | null;
      }
    | { error: string };
  /** null: it loads. */
  sharp: string | null;
  webcodecs: string | null;
  echarts: string | null;
  /** Names and memory, as the driver has them. */
  gpus: string[];
  /** The processor, then every GPU that libtorch sees; none where the addon doesn't load. */
  selfTests: SelfTestFinding[];
}

export interface SelfTestFinding {
  device: string;
  result: { seconds: number } | { error: string };
}

const parts = {
  addon: probeAddon,
  sharp: async () => void (await loadSharp()),
  webcodecs: async () => void (await loadWebcodecs()),
  echarts: async () => void (await loadEcharts()),
  "self-test": probeDevice,
};

/** Loads every native part in a process of its own, so that one that crashes is a finding and nothing more. */
export async function runProbe(): Promise<Probe> {
  const [addon, sharp, webcodecs, echarts, gpus] = await Promise.all([
    probe("addon") as Promise<Probe["addon"]>,
    fault("sharp"),
    fault("webcodecs"),
    fault("echarts"),
    nvidiaGpus(),
  ]);
  const selfTests: SelfTestFinding[] = [];
  for (const device of devices(addon)) {
    selfTests.push({ device, result: (await probe("self-test", device)) as SelfTestFinding["result"] });
  }
  return { addon, sharp, webcodecs, echarts, gpus, selfTests };
}

function devices(addon: Probe["addon"]): string[] {
  if ("error" in addon) return [];
  return ["cpu", ...Array.from({ length: addon.cuda }, (_, i) => `cuda:${i}`)];
}

async function fault(part: keyof typeof parts): Promise<string | null> {
  return ((await probe(part)) as { error?: string }).error ?? null;
}

function probe(part: keyof typeof parts, ...args: string[]): Promise<unknown> {
  const self = fileURLToPath(import.meta.url);
  return new Promise((resolve) => {
    execFile(process.execPath, [self, part, ...args], { timeout: 180_000 }, (error, stdout) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        const end = error?.signal ? `died of ${error.signal}` : `ended with exit code ${error?.code ?? 0}`;
        resolve({ error: `a process that ran it ${end}` });
      }
    });
  });
}

function nvidiaGpus(): Promise<string[]> {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader"];
  return new Promise((resolve) => {
    execFile("nvidia-smi", query, { timeout: 10_000 }, (error, stdout) => {
      resolve(error ? [] : stdout.trim().split("\n"));
    });
  });
}

/** Goes once through what everything else is made of: libtorch, the addon, its thread, a file of weights. */
async function probeAddon(): Promise<unknown> {
  const addon = openAddon();
  return withModelFiles({ "one.safetensors": oneTensorFile("one", 1) }, async (folder) => {
    await addon.inspect(join(folder, "one.safetensors"));
    return JSON.parse(await addon.runtime());
  });
}

/** Of 255: half precision on a GPU is well below it, and another picture well above. */
const mostDifference = 4;

/** A GPU's frames are compared with the processor's. */
async function probeDevice(device: string): Promise<unknown> {
  const { seconds, frames } = await runSelfTest(device);
  if (new Set(frames).size < 8) return { error: "it made an empty picture" };
  if (device === "cpu") return { seconds };
  const off = difference(frames, (await runSelfTest("cpu")).frames);
  if (off > mostDifference) return { error: `its frames are ${off.toFixed(1)} of 255 from the processor's` };
  return { seconds };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [part, device = ""] = process.argv.slice(2) as [keyof typeof parts, string?];
  const found = await parts[part](device).catch((error: Error) => ({ error: error.message.split("\n")[0] }));
  process.stdout.write(`${JSON.stringify(found ?? {})}\n`);
}
