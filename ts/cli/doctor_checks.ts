import { readFileSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import {
  findHiddenTorch,
  installCommand,
  type LibtorchLocation,
  locateLibtorch,
  mendCommand,
} from "../libtorch/index.js";
import { cudaDriver, glibcVersion, hasCudaDriver, machine, platforms } from "../libtorch/platform.js";
import { damagedFiles, readStamp } from "../libtorch/stamp.js";
import { type Probe, runProbe, type SelfTestFinding } from "./doctor_probe.js";

/** One thing that cameo needs or uses. */
export interface Check {
  name: string;
  ok: boolean;
  /** Whether nothing works without it. */
  needed: boolean;
  /** What there is, or what is wrong. */
  detail: string;
  /** Where it isn't ok: the command that mends it. */
  remedy?: string;
}

/** Everything, in the order in which it should be mended. Nothing of it throws or ends the process. */
export async function checkMachine(): Promise<Check[]> {
  const libtorch = await checkLibtorch();
  const { location } = libtorch;
  const probe = await runProbe();
  const checks = [
    checkNode(),
    checkPlatform(),
    libtorch.check,
    checkAddon(location, probe),
    checkCuda(location, probe),
    checkMemory(),
    checkCpu(probe),
    checkMedia("sharp", "reads and writes pictures", "npm install sharp", probe.sharp),
    checkMedia(
      "webcodecs",
      "reads and writes MP4 and WebM",
      "npm install @napi-rs/webcodecs@~1.3.1",
      probe.webcodecs,
    ),
    checkMedia("echarts", "draws charts of training runs", "npm install echarts@^6.1.0", probe.echarts),
    ...probe.selfTests.map(checkSelfTest),
  ];
  return checks.map(({ remedy, ...check }) => (check.ok || !remedy ? check : { ...check, remedy }));
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 17);
  const detail = process.versions.node;
  return { name: "node", ok, needed: true, detail, remedy: "install Node 20.17 or newer" };
}

function checkPlatform(): Check {
  const base = { name: "platform", needed: true };
  if (process.platform !== "linux") {
    const remedy = `use one of ${Object.keys(platforms).join(", ")}`;
    return { ...base, ok: machine in platforms, detail: machine, remedy };
  }
  const glibc = glibcVersion();
  const [major = 0, minor = 0] = (glibc ?? "").split(".").map(Number);
  const ok = machine in platforms && (major > 2 || (major === 2 && minor >= 28));
  const detail = `${machine}, ${glibc ? `glibc ${glibc}` : "no glibc"}`;
  return { ...base, ok, detail, remedy: "use 64-bit Linux with glibc 2.28 or newer" };
}

const sources: Record<LibtorchLocation["source"], string> = {
  env: "CAMEO_LIBTORCH",
  package: "npm's package",
  cache: "cache",
  python: "installed PyTorch",
};

/** Of all libraries, which were compared just now; only those that cameo installed have any to compare with. */
function hashes(folder: string): string {
  const files = Object.entries(readStamp(folder)?.files ?? {});
  const [, torch] = files.find(([file]) => file.includes("torch_cpu")) ?? [];
  return torch ? `hashes as installed, torch_cpu ${torch.sha256.slice(0, 12)}` : "no hashes to compare with";
}

async function checkLibtorch(): Promise<{ check: Check; location?: LibtorchLocation }> {
  const base = { name: "libtorch", needed: true };
  try {
    const location = locateLibtorch();
    const { folder, source, version, cuda } = location;
    const damaged = await damagedFiles(folder);
    if (damaged.length > 0) {
      const detail = `${damaged.join(", ")} in ${folder} is not what was installed`;
      return { check: { ...base, ok: false, detail, remedy: mendCommand(location) } };
    }
    const detail = `${version}${cuda ? " with CUDA" : ""} in ${folder} (${sources[source]}, ${hashes(folder)})`;
    return { check: { ...base, ok: true, detail }, location };
  } catch (error) {
    // The message of this error has the remedy in it.
    const { message } = error as Error;
    const torch = await findHiddenTorch();
    const detail = torch ? `${message}; a PyTorch of this version is in ${torch}` : message;
    return { check: { ...base, ok: false, detail } };
  }
}

function checkAddon(location: LibtorchLocation | undefined, { addon }: Probe): Check {
  const base = { name: "addon", needed: true };
  if (!location) return { ...base, ok: false, detail: "can't be loaded without libtorch" };
  if ("error" in addon) return { ...base, ok: false, detail: addon.error };
  return { ...base, ok: true, detail: `loads, reads a weight file, runs on libtorch ${addon.libtorch}` };
}

function checkCuda(location: LibtorchLocation | undefined, { addon, gpus }: Probe): Check {
  const base = { name: "cuda", needed: false };
  if (!hasCudaDriver()) return { ...base, ok: true, detail: "no NVIDIA driver: everything runs on the CPU" };
  const detail = `driver ${driverVersion() ?? "of unknown version"}${gpus.length > 0 ? `, ${gpus.join(", ")}` : ""}`;
  if (!location) return { ...base, ok: false, detail: `${detail}, but no libtorch` };
  if (!location.cuda) {
    const remedy = `${installCommand} --cuda`;
    return { ...base, ok: false, detail: `${detail}, but libtorch is without CUDA`, remedy };
  }
  if (!("error" in addon) && addon.cuda > 0) {
    const { missingKernels } = addon;
    if (!missingKernels) return { ...base, ok: true, detail };
    const reason = `${detail}, but attention and group norm are by libtorch's kernels (${missingKernels})`;
    return { ...base, ok: false, detail: reason, remedy: "build them as docs/platforms.md says" };
  }
  const remedy = "install NVIDIA's driver 580 or newer, which CUDA 13 needs";
  return { ...base, ok: false, detail: `${detail}, but libtorch sees no GPU`, remedy };
}

function driverVersion(): string | undefined {
  try {
    return readFileSync(cudaDriver, "utf8").match(/\b\d{3,}\.\d+(\.\d+)?\b/)?.[0];
  } catch {
    return undefined;
  }
}

/** What the networks of SD 1.5 with motion modules need in fp32, before the first frame. */
const fullSizeBytes = 8 * 2 ** 30;

function checkMemory(): Check {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const detail = `${gibibytes(totalmem())}, ${gibibytes(freemem())} of it free`;
  const remedy = "a full-size model in fp32 needs 8 GiB; use --dtype bf16";
  return { name: "memory", ok: totalmem() >= fullSizeBytes, needed: false, detail, remedy };
}

function checkCpu({ addon }: Probe): Check {
  const known = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile"];
  const flags = new Set(cpuFlags());
  const threads = "error" in addon ? availableParallelism() : addon.threads;
  const detail = [`${threads} threads`, ...known.filter((flag) => flags.has(flag))].join(", ");
  const remedy = "without AVX2 it runs, but slowly";
  // Elsewhere the system does not list what the processor can do, or it is no x64.
  const ok = flags.has("avx2") || process.arch !== "x64" || flags.size === 0;
  return { name: "cpu", ok, needed: false, detail, remedy };
}

function cpuFlags(): string[] {
  try {
    return (
      readFileSync("/proc/cpuinfo", "utf8")
        .match(/^flags\s*: (.*)$/m)?.[1]
        ?.split(" ") ?? []
    );
  } catch {
    return [];
  }
}

function checkMedia(name: string, what: string, remedy: string, error: string | null): Check {
  const detail = error ?? what;
  return { name, ok: error === null, needed: false, detail, remedy };
}

function checkSelfTest({ device, result }: SelfTestFinding): Check {
  const base = { name: `run ${device}`, needed: device === "cpu" };
  if ("error" in result) return { ...base, ok: false, detail: `a tiny model fails: ${result.error}` };
  return { ...base, ok: true, detail: `a tiny model's video in ${result.seconds.toFixed(1)} s` };
}
