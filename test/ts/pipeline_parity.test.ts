import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { readImage } from "#ts/media/index.js";
import { assertClose, compare } from "../support/compare.js";
import type { ModelPaths } from "../support/model_folder.js";
import { pipelineCase, pipelineCaseNames } from "../support/pipeline_cases.js";
import { probeWeights, runProbe } from "../support/probes.js";
import { readSafetensors } from "../support/safetensors.js";
import type { Tensor, Tensors } from "../support/tensors.js";

const scratch = "build/fixtures/parity";

/** Samples and gives back what `saveLatents` wrote, and the frames. */
async function sample(
  t: Test,
  paths: ModelPaths,
  request: SampleRequest,
  dtype: "fp32" | "bf16",
): Promise<Tensors> {
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype });
  t.teardown(() => pipe.close());
  const saveLatents = join(t.testdir(), "latents.safetensors");
  const video = await pipe.sample({ ...request, saveLatents });
  const { frames, width, height } = video.request;
  const tensors = readSafetensors(saveLatents);
  return { ...tensors, frames: { shape: [frames, height, width, 3], data: video.frames } };
}

function assertTensors(t: Test, actual: Tensors, expected: Tensors, tolerance: number): void {
  for (const [name, tensor] of Object.entries(expected)) {
    if (name === "frames") assertFrames(t, actual.frames, tensor);
    else assertClose(t, actual[name], tensor, tolerance, name);
  }
}

/** No byte differs by more than 1: where the two round to different sides. */
function assertFrames(t: Test, actual: Tensor | undefined, expected: Tensor): void {
  t.same(actual?.shape, expected.shape, "frames have the shape");
  const off = Array.from(expected.data).findIndex(
    (want, i) => !(Math.abs(want - (actual?.data[i] ?? NaN)) <= 1),
  );
  t.equal(off, -1, "frames are within 1 of 255");
}

for (const name of pipelineCaseNames) {
  t.test(name, async (t) => {
    const { paths, request, expected, tolerance } = pipelineCase(name, scratch);
    assertTensors(t, await sample(t, paths, request, "fp32"), expected, tolerance);
  });
}

/** A model on which the paper's released code was run; not part of the package. */
const released = process.env.CAMEO_PARITY ?? "../shared/parity/videomaker-a";
const skip = existsSync(released) ? false : `${released} is not there`;

function releasedCase(): { paths: ModelPaths; request: SampleRequest; expected: Tensors } {
  const json = JSON.parse(readFileSync(join(released, "case.json"), "utf8")) as Record<string, unknown>;
  const { prompt, height, width, frames, steps, seed } = json as unknown as SampleRequest;
  const { negative_prompt, guidance } = json as { negative_prompt: string; guidance: number };
  return {
    paths: {
      base: join(released, "sd15-small"),
      motion: join(released, "motion-adapter"),
      subject: join(released, "videomaker.bin"),
    },
    request: {
      ...{ prompt, height, width, frames, steps, seed },
      negativePrompt: negative_prompt,
      guidanceScale: guidance,
      reference: join(released, "reference.png"),
    },
    expected: readSafetensors(join(released, "expected.safetensors")),
  };
}

t.test("the released code's tensors and frames, in fp32", { skip }, async (t) => {
  const { paths, request, expected } = releasedCase();
  const { reference_logvar: logVariance, ...others } = expected;
  assertTensors(t, await sample(t, paths, request, "fp32"), others, 1e-4);

  // The request takes the posterior's mode, so its variance is not among the saved tensors.
  const { data, width, height } = await readImage(join(released, "reference.png"));
  const image = new Float32Array(3 * height * width).map((_, i) => {
    const [channel, pixel] = [Math.floor(i / (width * height)), i % (width * height)];
    return (data[3 * pixel + channel] as number) / 127.5 - 1;
  });
  const vae = join(paths.base, "vae");
  const config = JSON.parse(readFileSync(join(vae, "config.json"), "utf8"));
  const weights = readSafetensors(join(vae, "diffusion_pytorch_model.safetensors"));
  const { logvar } = runProbe("models.vae_encode", config, {
    image: { shape: [1, 3, height, width], data: image },
    ...probeWeights(weights),
  });
  assertClose(t, logvar, logVariance, 1e-4, "reference_logvar");
});

t.test("the released code's last latents, in bf16", { skip }, async (t) => {
  const { paths, request, expected } = releasedCase();
  const { latents } = await sample(t, paths, request, "bf16");
  t.same(latents?.shape, expected.latents?.shape);
  const [steps = 0] = expected.latents?.shape ?? [];
  const last = ({ data }: Tensor) => data.slice(-data.length / steps);
  const { rms } = compare(last(latents as Tensor), last(expected.latents as Tensor));
  t.ok(rms <= 0.05, `the root mean square error is at most 5 % of their deviation: ${rms.toFixed(4)}`);
});
