// What the checks of a GPU day share.
import { resolve } from "node:path";
import { parseArgs } from "node:util";

/** The model that ships, as a recipe names it. */
export const shipped = {
  base: resolve("weights/troupe/base"),
  motion: resolve("weights/troupe/motion"),
  subject: resolve("weights/troupe/subject.safetensors"),
};

/** What a check is told: the device, whether sizes are small, and the folder for what it writes. */
export function settings() {
  const { values } = parseArgs({
    options: {
      device: { type: "string", default: "cuda" },
      small: { type: "boolean", default: false },
      folder: { type: "string", default: "build/gpu-day/work" },
      seconds: { type: "string", default: "600" },
    },
  });
  return { ...values, seconds: Number(values.seconds) };
}

/** A check's result so far, one line of JSON; the last one counts. */
export function report(result) {
  console.log(JSON.stringify(result));
}

/** What `work` resolves to and how long it took, s. */
export async function timed(work) {
  const start = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - start) / 1000 };
}

/** What `work` resolves to with what was opened, which is closed in the end. */
export async function during(opening, work) {
  const opened = await opening;
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}
