import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CameoError } from "./errors.js";
import { loadLibtorch } from "./libtorch/index.js";
import type { NativeAddon } from "./native.js";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
let addon: NativeAddon | undefined;

/**
 * The native addon, with libtorch loaded before it. Where `cuda` is not given, CUDA is loaded if it is there.
 * Throws ERR_LIBTORCH, saying which command mends it.
 */
export function openAddon(options: { cuda?: boolean } = {}): NativeAddon {
  loadLibtorch(options);
  addon ??= loadAddon();
  return addon;
}

/**
 * The addon for what computes on `device`, an option's value. CUDA, where it is there, is loaded for the CPU, too: libtorch
 * looks for it once in a process, and a GPU that is asked for later would not be found.
 */
export function openAddonFor(device: string): NativeAddon {
  return openAddon(device.startsWith("cuda") ? { cuda: true } : {});
}

function loadAddon(): NativeAddon {
  const nodeGypBuild = createRequire(import.meta.url)("node-gyp-build") as (root: string) => NativeAddon;
  try {
    return nodeGypBuild(packageRoot);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    const isClone = existsSync(join(packageRoot, ".git"));
    const remedy = isClone ? "npm run compile" : "npm rebuild cameo --build-from-source";
    throw new CameoError(
      "ERR_LIBTORCH",
      `the native addon does not load (${reason}): build it with \`${remedy}\``,
      { cause: error },
    );
  }
}
