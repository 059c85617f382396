import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { CameoError } from "../errors.js";
import { linuxRelease, type Release } from "./pins.js";

/** pip's names for the kind of wheels that are pinned; they do not depend on the Python that fetches them. */
export const wheelTags: readonly string[] = [
  ...["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--abi", "none"],
  ...["2_28", "2_27", "2_25", "2_18", "2_17", "2_12"].flatMap((glibc) => [
    "--platform",
    `manylinux_${glibc}_x86_64`,
  ]),
  ...["--platform", "manylinux2014_x86_64"],
];

/** RTLD_NODELETE of glibc, which Node's constants lack: libtorch's thread-locals do not survive being unloaded. */
export const dlopenNoDelete = 0x1000;

/** Is there where NVIDIA's driver is loaded. */
export const cudaDriver = "/proc/driver/nvidia/version";

interface Library {
  name: string;
  /** PyTorch without CUDA has no need of CUDA's runtime, so that absence alone is no fault. */
  optional?: boolean;
}

/** Dependencies before dependents, so that no search path has to be set. */
export const cpuLibraries: readonly Library[] = [
  { name: "libcudart", optional: true },
  { name: "libcupti", optional: true },
  { name: "libgomp", optional: true },
  { name: "libc10" },
  { name: "libtorch_cpu" },
];

export const cudaLibraries: readonly Library[] = [{ name: "libc10_cuda" }, { name: "libtorch_cuda" }];

/** The folders in which a libtorch's libraries and those they need lie. */
export function libraryFolders(libtorch: string): string[] {
  const folders = [join(libtorch, "lib")];
  if (basename(libtorch) === "torch") {
    const nvidia = join(dirname(libtorch), "nvidia");
    folders.push(...list(nvidia).map((part) => join(nvidia, part, "lib")));
  }
  return folders;
}

/** `libcudart` is found as libcudart.so.13, and also under the hashed names that some wheels give. */
export function findLibrary(libtorch: string, name: string): string | undefined {
  for (const folder of libraryFolders(libtorch)) {
    const file = list(folder).find((entry) => entry.startsWith(`${name}.so`) || entry.startsWith(`${name}-`));
    if (file) return join(folder, file);
  }
  return undefined;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Where a virtual environment keeps its packages. */
export function sitePackages(virtualEnvironment: string): string[] {
  const lib = join(virtualEnvironment, "lib");
  return list(lib)
    .filter((name) => name.startsWith("python3"))
    .map((name) => join(lib, name, "site-packages"));
}

/** CAMEO_CACHE, else `cameo` in the user's cache folder. */
export function cacheFolder(): string {
  const { CAMEO_CACHE, XDG_CACHE_HOME } = process.env;
  if (CAMEO_CACHE) return CAMEO_CACHE;
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "cameo");
}

/** Throws ERR_LIBTORCH where there is no libtorch to fetch for this machine. */
export function release(cuda: boolean): Release {
  const machine = `${process.platform}-${process.arch}`;
  if (machine !== "linux-x64") {
    throw new CameoError(
      "ERR_LIBTORCH",
      `cameo runs on linux-x64 only so far, and this machine is ${machine}`,
    );
  }
  if (!glibcVersion()) {
    throw new CameoError(
      "ERR_LIBTORCH",
      "libtorch needs glibc 2.28 or newer, and this Linux has another C library",
    );
  }
  return linuxRelease(cuda);
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
