import { constants } from "node:os";
import { CameoError } from "../errors.js";
import { installCommand, type LibtorchLocation, locateLibtorch, mendCommand } from "./locate.js";
import { findLibrary, hasCudaDriver, platform } from "./platform.js";

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
    for (const { name, optional } of platform().cpuLibraries) open(here, name, optional);
    location = here;
  }
  if (cudaLoaded || !(cuda ?? (location.cuda && hasCudaDriver()))) return;
  if (!location.cuda) {
    throw new CameoError(
      "ERR_LIBTORCH",
      `libtorch in ${location.folder} has no CUDA: run \`${installCommand} --cuda\``,
    );
  }
  for (const { name, optional } of platform().cudaLibraries) open(location, name, optional);
  cudaLoaded = true;
}

function open(libtorch: LibtorchLocation, name: string, optional = false): void {
  const path = findLibrary(libtorch.folder, name);
  if (!path && optional) return;
  const fault = path ? platform().libraryFault(path) : `has no ${name}`;
  if (fault) throw broken(libtorch, `${path ?? libtorch.folder} ${fault}`);
  if (path) dlopen(libtorch, path);
}

function dlopen(libtorch: LibtorchLocation, path: string): void {
  const { RTLD_NOW = 0, RTLD_GLOBAL = 0 } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | platform().noDelete);
  } catch (error) {
    // Said of every library that is no addon, after it was loaded.
    const { message } = error as Error;
    if (/did not self-register/.test(message)) return;
    throw broken(libtorch, message.split("\n")[0] as string, error);
  }
}

function broken(libtorch: LibtorchLocation, reason: string, cause?: unknown): CameoError {
  const message = `libtorch does not load (${reason}): ${mendCommand(libtorch)}`;
  return new CameoError("ERR_LIBTORCH", message, { cause });
}
