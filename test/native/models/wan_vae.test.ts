import { join } from "node:path";
import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { lastLatents, testDecodedFrames } from "../../support/film_vae.js";
import { parityFolder, skipWithout } from "../../support/parity.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import type { Tensor, Tensors } from "../../support/tensors.js";
import { releasedVaeName } from "../../support/wan_model.js";

testCases("models", "wan_vae_encode");
testCases("models", "wan_vae_decode");

testDecodedFrames({
  ...{ folder: "wan-a", model: "wan", probe: "models.wan_vae_decode" },
  unscaled: (latents, { latents_mean, latents_std }) => {
    // (C, T, h, w), channel by channel.
    const { shape, data } = lastLatents(latents);
    const [channels = 0, frames = 0, height = 0, width = 0] = shape;
    const area = height * width;
    const unscaled = new Float32Array(data.length);
    for (let i = 0; i < data.length; i++) {
      const channel = Math.floor(i / (frames * area));
      const frame = Math.floor(i / area) % frames;
      const [deviation = Number.NaN, mean = Number.NaN] = [latents_std[channel], latents_mean[channel]];
      const value = (data[i] as number) * deviation + mean;
      unscaled[(frame * channels + channel) * area + (i % area)] = value;
    }
    return { shape: [frames, channels, height, width], data: unscaled };
  },
});

t.test("a file with the released code's names is read without a config", async (t) => {
  const testCase = readCase(join(fixtures, "models/wan_vae_decode-three-latents"));
  const { latents, ...weights } = drawCase(testCase) as Tensors & { latents: Tensor };
  const named = Object.entries(weights).map(([name, tensor]) => [
    releasedVaeName(name.replace("weights.", ""), 1),
    tensor,
  ]);
  const folder = t.testdir({ diffusers: { "config.json": JSON.stringify(testCase.config) } });
  const path = join(folder, "Wan2.1_VAE.safetensors");
  const diffusers = join(folder, "diffusers");
  writeSafetensors(path, Object.fromEntries(named));
  const ours = Object.entries(weights).map(([name, tensor]) => [name.replace("weights.", ""), tensor]);
  writeSafetensors(join(diffusers, "diffusion_pytorch_model.safetensors"), Object.fromEntries(ours));
  const scaled = { shape: latents.shape, data: Float32Array.from(latents.data, (value) => value / 4) };
  const ofFile = runProbe("models.wan_vae_of_file", { path }, { latents: scaled });
  const ofFolder = runProbe("models.wan_vae_of_file", { path: diffusers }, { latents: scaled });
  for (const name of ["frames", "again"]) {
    assertClose(t, ofFile[name], ofFolder[name], 0, name);
  }
});

const phantom = parityFolder("phantom-a");
t.test("the released file decodes and encodes as the released code", skipWithout(phantom), async (t) => {
  const expected = readSafetensors(join(phantom, "expected.safetensors")) as Record<string, Tensor>;
  const { shape, data } = lastLatents(expected.latents as Tensor);
  const [channels = 0, all = 0, height = 0, width = 0] = shape;
  const frames = 3; // before those of the references
  const area = height * width;
  const latents = new Float32Array(frames * channels * area);
  for (let i = 0; i < latents.length; i++) {
    const [frame, channel] = [Math.floor(i / (channels * area)), Math.floor(i / area) % channels];
    latents[i] = data[(channel * all + frame) * area + (i % area)] as number;
  }
  const path = join(phantom, "official/Wan2.1-T2V-1.3B/Wan2.1_VAE.pth");
  const given = { shape: [frames, channels, height, width], data: latents };
  const made = runProbe("models.wan_vae_of_file", { path }, { latents: given });
  assertClose(t, swapped(made.frames), expected.decoded, 2e-5, "decoded");
  assertClose(t, swapped(made.again), expected.decoded_encoded_again, 2e-5, "decoded_encoded_again");
});

/** (T, C, h, w) as (C, T, h, w). */
function swapped(tensor: Tensor | undefined): Tensor {
  const [frames = 0, channels = 0, height = 0, width = 0] = tensor?.shape ?? [];
  const area = height * width;
  const data = new Float32Array(frames * channels * area);
  for (let i = 0; i < data.length; i++) {
    const [channel, frame] = [Math.floor(i / (frames * area)), Math.floor(i / area) % frames];
    data[i] = tensor?.data[(frame * channels + channel) * area + (i % area)] as number;
  }
  return { shape: [channels, frames, height, width], data };
}

t.test("bf16 has fp32's frames, but for its precision", async (t) => {
  const testCase = readCase(join(fixtures, "models/wan_vae_decode-wide"));
  const { probe, config } = testCase;
  const { frames } = runProbe(probe, config, drawCase(testCase));
  const place = { device: "cpu", dtype: "bf16", exact: [] } as const;
  const halves = runProbe(probe, config, drawCase(testCase), place);
  assertClose(t, halves.frames, frames, 3e-2, "frames");
});

const small = {
  base_dim: 4,
  dim_mult: [1, 2],
  temperal_downsample: [true],
  z_dim: 2,
  num_res_blocks: 1,
  latents_mean: [0, 0],
  latents_std: [1, 1],
  scale_factor_temporal: 2,
  scale_factor_spatial: 2,
};

t.test("what a config asks for that there isn't is refused by name", async (t) => {
  const refused: [changes: object, message: RegExp][] = [
    [{ is_residual: true }, /is_residual/],
    [{ patch_size: 2 }, /patch_size/],
    [{ attn_scales: [0.5] }, /attn_scales/],
    [{ temperal_downsample: [true, true] }, /temperal_downsample.*1 times/],
    [{ temperal_downsample: [1] }, /temperal_downsample/],
    [{ scale_factor_temporal: 4 }, /scale_factor_temporal.*temperal_downsample makes it 2/],
    [{ scale_factor_spatial: 8 }, /scale_factor_spatial.*dim_mult makes it 2/],
    [{ latents_mean: [0] }, /latents_mean.*each of 2 channels/],
    [{ latents_std: [1, 0] }, /latents_std/],
    [{ base_dim: 3, dim_mult: [1, 1] }, /dim_mult.*even/],
    [{ in_channels: 4 }, /in_channels/],
  ];
  for (const [changes, message] of refused) {
    const config = { ...small, ...changes };
    t.throws(() => runProbe("models.wan_vae_decode", config, {}), { code: "ERR_WEIGHTS_FORMAT", message });
  }
});
