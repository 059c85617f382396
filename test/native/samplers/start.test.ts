import { test } from "tap";
import { samplerNames } from "#ts/options/sampler_names.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

const scaledLinear = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  clip_sample: false,
};

test("every sampler begins at any step, at the level that it names", (t) => {
  const steps = 8;
  const clean = drawInput("clean", { shape: [1, 32] }, 1);
  const noise = drawInput("noise", { shape: [1, 32] }, 2);
  for (const scheduler of samplerNames) {
    const model = scheduler === "flow-euler" ? { prediction_type: "flow_prediction" } : scaledLinear;
    const { levels, ends } = runProbe("samplers.start", { scheduler, model, steps }, { clean, noise });
    for (let first = 0; first < steps; first++) {
      const [named, asked] = [0, 1].map((i) => levels?.data.slice(6 * first + 3 * i, 6 * first + 3 * i + 3));
      t.strictSame(named, asked, `${scheduler}, from step ${first}`);
      const off = clean.data.map((value, i) => Math.abs(value - (ends?.data[32 * first + i] as number)));
      // The last step of some leaves the noise of the first timestep.
      t.ok(Math.max(...off) < 0.2, `${scheduler}, from step ${first}, ends at what the model is sure of`);
    }
  }
  t.end();
});
