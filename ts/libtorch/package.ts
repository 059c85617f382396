import { createRequire } from "node:module";
import { dirname } from "node:path";
import { machine } from "./platform.js";

/** The npm package that carries libtorch's CPU libraries for this machine; `npm run pack:libtorch` makes it. */
export const libtorchPackage = `@cameo/libtorch-${machine}`;

/** Its folder, which has `lib/` and a stamp, where it is installed. */
export function packageFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${libtorchPackage}/package.json`));
  } catch {
    return undefined;
  }
}
