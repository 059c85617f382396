// Whole pipelines of small networks on the device in fp32: every tensor on the way, against what diffusers and the paper's
// attention compute.
//
//     node bench/gpu_day/pipelines.mjs [--device cuda] [--folder build/gpu-day/work]
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import { compare } from "../../build/test/support/compare.js";
import { writeModel } from "../../build/test/support/model_folder.js";
import { readSafetensors } from "../../build/test/support/safetensors.js";
import { drawBytes } from "../../build/test/support/tensors.js";
import { during, report, settings } from "./check.mjs";

const fixtures = "test/fixtures/pipeline";
/** How many times as far off as a processor may be a GPU may be: its sums come in another order. */
const slack = 5;

const { device, folder } = settings();

const mostDifference = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

async function checkCase(name) {
  const { parts, references, request, tolerance } = JSON.parse(
    readFileSync(join(fixtures, name, "case.json"), "utf8"),
  );
  const { width, height, seed } = request;
  const reference = Array.from({ length: references }, (_, i) => {
    return { data: drawBytes(`reference.${i}`, [height, width, 3], seed).data, width, height };
  });
  const paths = writeModel(join(folder, "pipelines", name), parts);
  const saveLatents = join(folder, "pipelines", `${name}.safetensors`);
  const video = await during(Pipeline.load({ ...paths, device, dtype: "fp32" }), (pipe) =>
    pipe.sample({ ...request, reference, saveLatents }),
  );
  const found = readSafetensors(saveLatents);
  const { frames, ...expected } = readSafetensors(join(fixtures, name, "expected.safetensors"));
  const off = Object.entries(expected).map(([key, { data }]) => compare(found[key].data, data).largest);
  // Not every case has them.
  const pixels = frames ? mostDifference(video.frames, frames.data) : 0;
  return { right: Math.max(...off) <= slack * tolerance && pixels <= 1, tensors: Math.max(...off), pixels };
}

const found = {};
for (const name of readdirSync(fixtures).filter((entry) => existsSync(join(fixtures, entry, "case.json")))) {
  found[name] = await checkCase(name).catch((error) => ({ right: false, error: error.message }));
}
const wrong = Object.keys(found).filter((name) => !found[name].right);
report({ right: wrong.length === 0, wrong, found });
