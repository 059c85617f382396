// Whole pipelines of small networks on the device in fp32: every tensor on the way, against what diffusers and the paper's
// attention compute.
//
//     node bench/gpu_day/pipelines.mjs [--device cuda] [--folder build/gpu-day/work]
import { join } from "node:path";
import { Pipeline } from "cameo";
import { compare } from "../../build/test/support/compare.js";
import { pipelineCase, pipelineCaseNames } from "../../build/test/support/pipeline_cases.js";
import { readSafetensors } from "../../build/test/support/safetensors.js";
import { during, report, settings } from "./check.mjs";

/** How many times as far off as a processor may be a GPU may be: its sums come in another order. */
const slack = 5;

const { device, folder } = settings();

const mostDifference = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

async function checkCase(name) {
  const { paths, request, expected, tolerance } = pipelineCase(name, join(folder, "pipelines"));
  const saveLatents = join(folder, "pipelines", `${name}.safetensors`);
  const video = await during(Pipeline.load({ ...paths, device, dtype: "fp32" }), (pipe) =>
    pipe.sample({ ...request, saveLatents }),
  );
  const found = readSafetensors(saveLatents);
  const { frames, ...tensors } = expected;
  const off = Object.entries(tensors).map(([key, { data }]) => compare(found[key].data, data).largest);
  // Not every case has them.
  const pixels = frames ? mostDifference(video.frames, frames.data) : 0;
  return { right: Math.max(...off) <= slack * tolerance && pixels <= 1, tensors: Math.max(...off), pixels };
}

const found = {};
for (const name of pipelineCaseNames) {
  found[name] = await checkCase(name).catch((error) => ({ right: false, error: error.message }));
}
const wrong = Object.keys(found).filter((name) => !found[name].right);
report({ right: wrong.length === 0, wrong, found });
