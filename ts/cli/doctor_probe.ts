import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openAddon } from "../addon.js";
import { loadSharp, loadWebcodecs } from "../media/libraries.js";

/** What was found out by loading native code. */
export interface Probe {
  addon: { libtorch: string; threads: number; cpu: string; cuda: number } | { error: string };
  /** null: it loads. */
  sharp: string | null;
  webcodecs: string | null;
  /** Names and memory, as the driver has them. */
  gpus: string[];
}

type Part = "addon" | "sharp" | "webcodecs";

/** Loads every native part in a process of its own, so that one that crashes is a finding and nothing more. */
export async function runProbe(): Promise<Probe> {
  const [addon, sharp, webcodecs, gpus] = await Promise.all([
    probe("addon"),
    probe("sharp"),
    probe("webcodecs"),
    nvidiaGpus(),
  ]);
  return {
    addon: addon as Probe["addon"],
    sharp: (sharp as { error?: string }).error ?? null,
    webcodecs: (webcodecs as { error?: string }).error ?? null,
    gpus,
  };
}

function probe(part: Part): Promise<unknown> {
  const self = fileURLToPath(import.meta.url);
  return new Promise((resolve) => {
    execFile(process.execPath, [self, part], { timeout: 60_000 }, (error, stdout) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        const end = error?.signal ? `died of ${error.signal}` : `ended with exit code ${error?.code ?? 0}`;
        resolve({ error: `a process that loaded it ${end}` });
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

const parts: Record<Part, () => Promise<unknown>> = {
  addon: probeAddon,
  sharp: async () => void (await loadSharp()),
  webcodecs: async () => void (await loadWebcodecs()),
};

/** Goes once through what everything else is made of: libtorch, the addon, its thread, a file of weights. */
async function probeAddon(): Promise<unknown> {
  const addon = openAddon();
  const folder = mkdtempSync(join(tmpdir(), "cameo-doctor-"));
  try {
    const file = join(folder, "one.safetensors");
    const header = JSON.stringify({ one: { dtype: "F32", shape: [1], data_offsets: [0, 4] } });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(file, Buffer.concat([length, Buffer.from(header), Buffer.alloc(4)]));
    await addon.inspect(file);
    return JSON.parse(await addon.runtime());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const part = parts[process.argv[2] as Part];
  const found = await part().catch((error: Error) => ({ error: error.message.split("\n")[0] }));
  process.stdout.write(`${JSON.stringify(found ?? {})}\n`);
}
