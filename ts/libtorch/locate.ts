import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CameoError } from "../errors.js";
import { installedFolders } from "./cache.js";
import { libtorchPackage, packageFolder } from "./package.js";
import { libtorchVersion } from "./pins.js";
import { hasCudaDriver, hasCudaLibraries, hasLibraries, release } from "./platform.js";
import { askPython, pythonPackages } from "./python_packages.js";
import { isWhole, readStamp, textOf } from "./stamp.js";

export interface LibtorchLocation {
  /** Has `lib/` and, but for npm's package, `include/`. */
  folder: string;
  /** CAMEO_LIBTORCH, npm's package of the libraries, this package's own cache, or an installed PyTorch. */
  source: "env" | "package" | "cache" | "python";
  version: string;
  /** Whether its CUDA half is there too. */
  cuda: boolean;
}

export const installCommand = "npx cameo libtorch install";

/** The command that mends a broken libtorch. */
export function mendCommand({ source }: LibtorchLocation): string {
  if (source === "env") return `unset CAMEO_LIBTORCH and run \`${installCommand}\``;
  if (source === "package") return `run \`npm install --force ${libtorchPackage}@${libtorchVersion}\``;
  return `run \`${installCommand} --force\``;
}

/**
 * Finds libtorch without loading it: CAMEO_LIBTORCH, then npm's package of it, then the cache, then a PyTorch of the
 * same version that `python3` would import. On a machine with NVIDIA's driver one with CUDA goes before those without.
 * No other program is started. Throws ERR_LIBTORCH where there is none, or where CAMEO_LIBTORCH is another version.
 */
export function locateLibtorch(): LibtorchLocation {
  return fromEnvironment() ?? best([fromPackage, fromCache, fromPython]) ?? missing();
}

function best(sources: (() => LibtorchLocation | undefined)[]): LibtorchLocation | undefined {
  const wantsCuda = hasCudaDriver();
  let first: LibtorchLocation | undefined;
  for (const source of sources) {
    const location = source();
    if (location && (location.cuda || !wantsCuda)) return location;
    first ??= location;
  }
  return first;
}

function fromEnvironment(): LibtorchLocation | undefined {
  const folder = process.env.CAMEO_LIBTORCH;
  if (!folder) return undefined;
  if (!hasLibraries(folder)) {
    throw new CameoError(
      "ERR_LIBTORCH",
      `CAMEO_LIBTORCH=${folder} has no libtorch in its lib folder: set it to the 'torch' folder of PyTorch ` +
        `${libtorchVersion}, or unset it and run \`${installCommand}\``,
    );
  }
  const version = versionOf(folder);
  if (baseVersion(version) !== libtorchVersion) {
    throw new CameoError(
      "ERR_LIBTORCH",
      `CAMEO_LIBTORCH=${folder} is libtorch ${version ?? "of an unknown version"}, and this cameo needs ` +
        `${libtorchVersion}: unset it and run \`${installCommand}\``,
    );
  }
  return found(resolve(folder), "env", libtorchVersion);
}

function fromPackage(): LibtorchLocation | undefined {
  const folder = packageFolder();
  return folder && isWhole(folder, libtorchVersion) ? found(folder, "package", libtorchVersion) : undefined;
}

function fromCache(): LibtorchLocation | undefined {
  const folder = installedFolders(release(false).name).find((each) => isWhole(each, libtorchVersion));
  return folder === undefined ? undefined : found(folder, "cache", libtorchVersion);
}

const fromPython = () => torchIn(pythonPackages());

/**
 * The folder of a fitting PyTorch that `locateLibtorch` doesn't find, because Python has to be asked where it is; for whoever
 * may start it.
 */
export async function findHiddenTorch(): Promise<string | undefined> {
  return torchIn(await askPython())?.folder;
}

function torchIn(folders: readonly string[]): LibtorchLocation | undefined {
  for (const packages of folders) {
    const folder = join(packages, "torch");
    if (existsSync(join(folder, "version.py")) && hasLibraries(folder)) {
      // The first one is the one that Python would import; another behind it is nobody's choice.
      const version = baseVersion(versionOf(folder));
      return version === libtorchVersion ? found(folder, "python", version) : undefined;
    }
  }
  return undefined;
}

function missing(): never {
  throw new CameoError(
    "ERR_LIBTORCH",
    `libtorch ${libtorchVersion} is not installed: run \`${installCommand}\`, or set CAMEO_LIBTORCH to the 'torch' ` +
      `folder of PyTorch ${libtorchVersion}`,
  );
}

function found(folder: string, source: LibtorchLocation["source"], version: string): LibtorchLocation {
  return { folder, source, version, cuda: hasCudaLibraries(folder) };
}

/** The version that a libtorch folder says it is, such as "2.11.0+cu130". Nothing in the folder is run. */
export function versionOf(folder: string): string | undefined {
  const stamp = readStamp(folder);
  if (stamp) return stamp.version;
  const python = textOf(join(folder, "version.py"))?.match(/^__version__ = '([^']+)'/m)?.[1];
  // PyTorch's zip for C++ has a file of this name instead.
  return python ?? textOf(join(folder, "build-version"))?.trim();
}

function baseVersion(version: string | undefined): string | undefined {
  return version?.replace(/\+.*/, "");
}
