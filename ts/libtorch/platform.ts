import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { CameoError } from "../errors.js";
import { libraryFault } from "./elf.js";
import { pinnedRelease, type Release } from "./pins.js";

/** Everything about libtorch that depends on the operating system and the processor. */
export interface Platform {
  /** Names of a library's file: before and after the name that all platforms share. */
  prefix: string;
  suffix: string;
  /** Dependencies before dependents, so that no search path has to be set. */
  cpuLibraries: readonly Library[];
  cudaLibraries: readonly Library[];
  /** RTLD_NODELETE, which Node's constants lack: libtorch's thread-locals do not survive being unloaded. */
  noDelete: number;
  /** pip's names for the platform of the pinned wheels. */
  wheelPlatforms: readonly string[];
  /** Commands that may be a Python. */
  pythons: readonly string[];
  /** How pip is installed. */
  pipHint: string;
  /** Where a virtual environment keeps its packages. */
  sitePackages(environment: string): string[];
  /** The folder for what programs can fetch again. */
  caches(): string;
  /** What is wrong with a library's file, seen without loading it. */
  libraryFault(file: string): string | undefined;
}

interface Library {
  name: string;
  /** Builds of PyTorch differ in what they are linked with, so that absence alone is no fault. */
  optional?: boolean;
}

const optional = (...names: string[]) => names.map((name) => ({ name, optional: true }));
const torchCpu = [{ name: "c10" }, { name: "torch_cpu" }];
// cuDNN compiles its attention with NVRTC, which it opens by name and finds only where it is in memory.
const torchCuda = [...optional("nvrtc-builtins", "nvrtc"), { name: "c10_cuda" }, { name: "torch_cuda" }];

const linux = {
  prefix: "lib",
  suffix: ".so",
  cudaLibraries: torchCuda,
  noDelete: 0x1000,
  pythons: ["python3", "python"],
  pipHint: "`apt install python3-pip`",
  sitePackages: (environment: string) => {
    const lib = join(environment, "lib");
    return list(lib)
      .filter((name) => name.startsWith("python3"))
      .map((name) => join(lib, name, "site-packages"));
  },
  caches: () => process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
  libraryFault,
};

const manylinux = (processor: string) => [
  ...["2_28", "2_27", "2_25", "2_18", "2_17", "2_12"].map((glibc) => `manylinux_${glibc}_${processor}`),
  `manylinux2014_${processor}`,
];

export const platforms: Readonly<Record<string, Platform>> = {
  "linux-x64": {
    ...linux,
    cpuLibraries: [...optional("cudart", "cupti", "gomp"), ...torchCpu],
    wheelPlatforms: manylinux("x86_64"),
  },
  "linux-arm64": {
    ...linux,
    cpuLibraries: [
      ...optional("cudart", "cupti", "gomp", "nvpl_blas_core", "nvpl_blas_lp64_gomp", "nvpl_lapack_core"),
      ...optional("nvpl_lapack_lp64_gomp", "arm_compute", "arm_compute_graph"),
      ...torchCpu,
    ],
    wheelPlatforms: manylinux("aarch64"),
  },
  "darwin-arm64": {
    ...linux,
    suffix: ".dylib",
    cpuLibraries: [...optional("omp"), ...torchCpu],
    cudaLibraries: [],
    noDelete: 0x80,
    wheelPlatforms: ["macosx_11_0_arm64"],
    pipHint: "`brew install python`",
    caches: () => join(homedir(), "Library", "Caches"),
    libraryFault: () => undefined,
  },
  "win32-x64": {
    ...linux,
    prefix: "",
    suffix: ".dll",
    cpuLibraries: [...optional("libiomp5md", "uv"), ...torchCpu],
    noDelete: 0,
    wheelPlatforms: ["win_amd64"],
    pythons: ["py", "python"],
    pipHint: "`winget install Python.Python.3.12`",
    sitePackages: (environment) => [join(environment, "Lib", "site-packages")],
    caches: () => process.env.LOCALAPPDATA || join(homedir(), "AppData", "Local"),
    libraryFault: () => undefined,
  },
};

/** Such as "linux-x64". */
export const machine = `${process.platform}-${process.arch}`;

/** Throws ERR_LIBTORCH where this is a platform for which there is no libtorch. */
export function platform(): Platform {
  const found = platforms[machine];
  if (found) return found;
  const known = Object.keys(platforms).join(", ");
  throw new CameoError("ERR_LIBTORCH", `cameo runs on ${known}, and this machine is ${machine}`);
}

/** Is there where NVIDIA's driver for Linux is loaded. */
export const cudaDriver = "/proc/driver/nvidia/version";

/** What there is where that file isn't: in some containers, on Windows, and on Linux within it (WSL 2). */
const otherDrivers = [
  "/dev/nvidiactl",
  join(process.env.SystemRoot ?? "C:\\Windows", "System32", "nvcuda.dll"),
  "/usr/lib/wsl/lib/libcuda.so.1",
];

/** Whether a libtorch with CUDA would be of use here. */
export function hasCudaDriver(): boolean {
  return [cudaDriver, ...otherDrivers].some((path) => existsSync(path));
}

/** The folders in which a libtorch's libraries and those they need lie. */
export function libraryFolders(libtorch: string): string[] {
  const folders = [join(libtorch, "lib")];
  if (basename(libtorch) === "torch") {
    const nvidia = join(dirname(libtorch), "nvidia");
    folders.push(...list(nvidia).map((part) => join(nvidia, part, "lib")));
  }
  return folders;
}

/** `cudart` is found as libcudart.so.13, and also under the hashed names that some wheels give. */
export function findLibrary(libtorch: string, name: string, on: Platform = platform()): string | undefined {
  const stem = `${on.prefix}${name}`;
  for (const folder of libraryFolders(libtorch)) {
    const file = list(folder).find(
      (entry) =>
        entry.startsWith(`${stem}${on.suffix}`) ||
        (entry.startsWith(`${stem}-`) && /^[0-9a-f]+\./.test(entry.slice(stem.length + 1))),
    );
    if (file) return join(folder, file);
  }
  return undefined;
}

/** Whether all libraries that every libtorch has are there. */
export function hasLibraries(libtorch: string, on: Platform = platform()): boolean {
  return on.cpuLibraries.every(({ name, optional }) => optional || findLibrary(libtorch, name, on));
}

/** Whether its CUDA half is there too. */
export function hasCudaLibraries(libtorch: string, on: Platform = platform()): boolean {
  return (
    on.cudaLibraries.length > 0 &&
    on.cudaLibraries.every(({ name, optional }) => optional || findLibrary(libtorch, name, on))
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** What to fetch for this machine. Throws ERR_LIBTORCH where there is nothing. */
export function release(cuda: boolean): Release {
  platform();
  const pinned = pinnedRelease(machine, cuda);
  if (!pinned) {
    throw new CameoError(
      "ERR_LIBTORCH",
      `no libtorch with CUDA is pinned for ${machine}: install PyTorch with CUDA and set CAMEO_LIBTORCH to its ` +
        "'torch' folder",
    );
  }
  if (process.platform === "linux" && !glibcVersion()) {
    throw new CameoError(
      "ERR_LIBTORCH",
      "libtorch needs glibc 2.28 or newer, and this Linux has another C library",
    );
  }
  return pinned;
}

/** "2.36", or undefined where the C library is not glibc. */
export function glibcVersion(): string | undefined {
  // Else the report resolves the names of all open connections. Newer than the types that are used here.
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime;
}
