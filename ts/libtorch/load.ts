import { existsSync } from "node:fs";
import { constants } from "node:os";
import { CameoError } from "../errors.js";
import { installCommand, type LibtorchLocation, locateLibtorch } from "./locate.js";
import { cpuLibraries, cudaDriver, cudaLibraries, dlopenNoDelete, findLibrary } from "./platform.js";

let location: LibtorchLocation | undefined;
let cudaLoaded = false;

/**
 * Brings libtorch into the process, so that the addon, which has no search path of its own, finds it there.
 * Where `cuda` is not given, the CUDA half is loaded if it is installed and the machine has NVIDIA's driver.
 *
 * Loading again does nothing. It is safe in worker threads: the libraries stay in the process when a worker ends.
 * Throws ERR_LIBTORCH.
 */
export function loadLibtorch({ cuda }: { cuda?: boolean } = {}): void {
  if (!location) {
    const here = locateLibtorch();
    for (const { name, optional } of cpuLibraries) open(here.folder, name, optional);
    location = here;
  }
  if (cudaLoaded || !(cuda ?? (location.cuda && existsSync(cudaDriver)))) return;
  if (!location.cuda) {
    throw new CameoError(
      "ERR_LIBTORCH",
      `libtorch in ${location.folder} has no CUDA: run \`${installCommand} --cuda\``,
    );
  }
  for (const { name } of cudaLibraries) open(location.folder, name);
  cudaLoaded = true;
}

function open(libtorch: string, name: string, optional = false): void {
  const path = findLibrary(libtorch, name);
  if (path) dlopen(path);
  else if (!optional) {
    throw new CameoError("ERR_LIBTORCH", `no ${name} in ${libtorch}: run \`${installCommand} --force\``);
  }
}

function dlopen(path: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | dlopenNoDelete);
  } catch (error) {
    // Said of every library that is no addon, after it was loaded.
    const { message } = error as Error;
    if (/did not self-register/.test(message)) return;
    throw new CameoError(
      "ERR_LIBTORCH",
      `libtorch does not load (${message.split("\n")[0]}): run \`${installCommand} --force\``,
      { cause: error },
    );
  }
}
