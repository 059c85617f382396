import { join } from "node:path";
import { Pipeline, type SampleProgress, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { samplerNames } from "#ts/options/sampler_names.js";
import { writeModel } from "../support/model_folder.js";
import { readSafetensors } from "../support/safetensors.js";
import { writeSmallModel } from "../support/small_model.js";

const pixels = { data: new Uint8Array(3 * 40 * 32).map((_, i) => i % 251), width: 40, height: 32 };
const request = { prompt: "a cat", reference: pixels, frames: 2, width: 40, height: 32, steps: 4, seed: 7 };
const loose = { relative_tolerance: 0.5, absolute_tolerance: 0.5 };
/** Other than by their names: one that is for other models, and one that takes its time. */
const configs: Record<string, Record<string, unknown>> = {
  "flow-euler": { _class_name: "FlowMatchEulerDiscreteScheduler" },
  "probability-flow": { _class_name: "ProbabilityFlowSampler", ...loose },
};

async function open(t: Test, name: string): Promise<Pipeline> {
  const pipe = await Pipeline.load({ ...writeSmallModel(name), device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  return pipe;
}

test("every sampler goes with what else a request may say", async (t) => {
  const pipe = await open(t, "sampler_options");
  const others: Partial<SampleRequest>[] = [
    { preview: true, cacheInterval: 2 },
    { guidanceRange: [0.3, 0.8], guidanceRescale: 0.5, referenceNoise: 1 },
    { referenceNoise: 1, referenceNoiseMode: "as-released", guidanceScale: 1 },
  ];
  for (const name of samplerNames) {
    const scheduler = configs[name] ?? name;
    for (const other of others) {
      const saveLatents = join(t.testdir(), "latents.safetensors");
      const events: SampleProgress[] = [];
      const onProgress = (progress: SampleProgress) => events.push(progress);
      const video = await pipe.sample({ ...request, ...other, scheduler, saveLatents, onProgress });
      const denoising = events.filter(({ phase }) => phase === "denoise");
      t.strictSame(
        denoising.map(({ step, steps }) => `${step}/${steps}`),
        ["1/4", "2/4", "3/4", "4/4"],
        name,
      );
      for (const { preview } of other.preview ? denoising : []) t.match(preview, { width: 5, height: 4 });
      t.equal(video.frames.length, 2 * 40 * 32 * 3);
      const { latents, timesteps } = readSafetensors(saveLatents);
      t.equal(latents?.shape[0], timesteps?.shape[0], name);
      t.ok(latents?.data.every(Number.isFinite), name);
    }
  }
});

test("a request of a config makes the same frames again", async (t) => {
  const pipe = await open(t, "sampler_again");
  const scheduler = { _class_name: "EulerAncestralDiscreteScheduler", timestep_spacing: "trailing" };
  const video = await pipe.sample({ ...request, scheduler });
  const again = await pipe.sample(structuredClone(video.request));
  t.strictSame(again.request, video.request);
  t.ok(Buffer.from(video.frames).equals(Buffer.from(again.frames)));
});

test("a sampler that the model can't go by is refused before a network runs", async (t) => {
  const pipe = await open(t, "sampler_refused");
  const wrong: [Partial<SampleRequest>, RegExp][] = [
    [{ scheduler: "flow-euler" }, /prediction_type is "epsilon"; flow-euler is for models of flow matching/],
    [{ scheduler: { eta: 1 } }, /the config's _class_name is none that is known/],
    [
      { scheduler: { _class_name: "TCDScheduler", eta: -1 } },
      /^scheduler: config field eta is -1[.0]*; it must be/,
    ],
    [
      { scheduler: { _class_name: "DDIMScheduler", beta_end: Number.NaN } },
      /beta_end is "NaN"; it must be a number/,
    ],
    [{ scheduler: "lcm" }, /^spacing: the scheduler "lcm" does not take it: leave it out$/],
    [{ scheduler: "ddim", sigmas: "karras" }, /^sigmas: the scheduler "ddim" does not take it/],
    [{ scheduler: "euler", eta: 0.5 }, /^eta: the scheduler "euler" does not take it/],
    [
      { scheduler: { _class_name: "DDIMScheduler", use_karras_sigmas: true } },
      /^scheduler: config field use_karras_sigmas is true; "ddim" does not take it/,
    ],
    [{ zeroTerminalSnr: true }, /rescale_betas_zero_snr is true; .*zeroTerminalSnr: false$/],
    [{ scheduler: "dpmpp-2m", spacing: "leading", steps: 1000 }, /^steps: 1000 is not allowed/],
    [
      { scheduler: { _class_name: "ProbabilityFlowSampler", relative_tolerance: 0 } },
      /relative_tolerance is 0[.0]*; it must be a number from 1e-0?7 to 1$/,
    ],
  ];
  for (const [changes, message] of wrong) {
    const phases: string[] = [];
    const onProgress = ({ phase }: SampleProgress) => phases.push(phase);
    await t.rejects(pipe.sample({ ...request, spacing: "trailing", ...changes, onProgress }), {
      code: "ERR_INVALID_OPTION",
      message,
    });
    t.strictSame(phases, []);
  }
});

test("what is wrong in the model's own scheduler config is said with the file's name", async (t) => {
  const paths = (name: string, scheduler: object) =>
    writeModel(join("build/fixtures", name), { motion: null, subject: null, scheduler });
  const file = (name: string) =>
    new RegExp(`build/fixtures/${name}/base/scheduler/scheduler_config\\.json: `);
  for (const scheduler of [
    { beta_start: 2 },
    { beta_end: 0 },
    { num_train_timesteps: 100_000 },
    { trained_betas: [0] },
  ]) {
    const load = Pipeline.load({ ...paths("sampler_file", scheduler), device: "cpu" });
    await t.rejects(load, { code: "ERR_WEIGHTS_FORMAT", message: file("sampler_file") });
  }
  const own = { _class_name: "DPMSolverMultistepScheduler", solver_order: 9 };
  await using pipe = await Pipeline.load({ ...paths("sampler_own", own), device: "cpu", dtype: "fp32" });
  const still = { prompt: "a cat", width: 40, height: 32, steps: 2, seed: 1 };
  await t.rejects(pipe.sample(still), { code: "ERR_INVALID_OPTION", message: file("sampler_own") });
  await t.resolves(pipe.sample({ ...still, scheduler: "ddim" }), "another sampler goes by its noise alone");
});

test("with motion modules, what the base's own sampler is told means nothing", async (t) => {
  const scheduler = { _class_name: "DPMSolverMultistepScheduler", use_karras_sigmas: true, solver_order: 3 };
  const paths = writeModel("build/fixtures/sampler_motion", { motion: "motion", subject: null, scheduler });
  await using pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32" });
  t.equal(pipe.describe().scheduler, "ddim");
  await t.resolves(pipe.sample({ prompt: "a cat", frames: 2, width: 40, height: 32, steps: 2, seed: 1 }));
});
