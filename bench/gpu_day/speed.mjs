// Stable Diffusion 1.5 with motion modules and PISA, at its full size with random weights: how long an evaluation of the
// UNet (both halves of guidance) and the decoding take.
//
//     node bench/gpu_day/speed.mjs [--device cuda] [--small]

import { measureParts } from "#ts/cli/bench/measure.js";
import { openModel } from "#ts/cli/bench/model.js";
import { operationsOf, workOf } from "#ts/cli/bench/work.js";
import { report, settings, timed } from "./check.mjs";

const { device, small } = settings();
const wanted = small
  ? { width: 64, height: 64, frames: 4, steps: 3 }
  : { width: 512, height: 512, frames: 16, steps: 12 };
const choice = {
  layout: { width: small ? 0.25 : 1, maxFrames: 32 },
  options: { device, dtype: "bf16" },
};
const { value: model, seconds: drawSeconds } = await timed(() => openModel(choice));
const work = { ...workOf(model.description, wanted), guidanceScale: 8 };
const { step, frame, reference, text } = await measureParts(model, work, {});
const operations = operationsOf(model.shape, work, model.description);
report({
  right: [step, frame].every((seconds) => seconds > 0),
  work,
  drawSeconds,
  seconds: { evaluation: step, decode: frame * work.frames, reference, text },
  tflops: { evaluation: operations.step / step / 1e12, decode: operations.frame / frame / 1e12 },
});
await model.native.close();
