import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { testCases } from "../../support/cases.js";
import { compare } from "../../support/compare.js";
import { parityFolder, skipWithout } from "../../support/parity.js";
import { probeWeights, runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import type { Tensor } from "../../support/tensors.js";

testCases("models", "causal_vae_encode");
testCases("models", "causal_vae_decode");

const small = {
  block_out_channels: [8, 16],
  latent_channels: 4,
  layers_per_block: 1,
  norm_num_groups: 4,
  temporal_compression_ratio: 2,
  down_block_types: ["CogVideoXDownBlock3D", "CogVideoXDownBlock3D"],
  up_block_types: ["CogVideoXUpBlock3D", "CogVideoXUpBlock3D"],
};

t.test("what a config asks for that there isn't is refused by name", async (t) => {
  const refused: [changes: object, message: RegExp][] = [
    [{ temporal_compression_ratio: 3 }, /temporal_compression_ratio.*it must be a power of two, 2 at most/],
    [{ temporal_compression_ratio: 4 }, /temporal_compression_ratio.*it must be a power of two, 2 at most/],
    [{ norm_num_groups: 3 }, /norm_num_groups must divide/],
    [{ use_quant_conv: true }, /use_quant_conv.*3 latent channels/],
    [{ use_post_quant_conv: true }, /use_post_quant_conv.*3 latent channels/],
    [{ latents_mean: [1, 2, 3, 4] }, /latents_mean/],
    [{ shift_factor: 0.5 }, /shift_factor/],
    [{ act_fn: "tanh" }, /activation "tanh"/],
    [{ down_block_types: ["DownEncoderBlock2D"] }, /down_block_types/],
    [{ scaling_factor: 0 }, /scaling_factor/],
    [{ in_channels: 4 }, /in_channels/],
  ];
  for (const [changes, message] of refused) {
    const config = { ...small, ...changes };
    t.throws(() => runProbe("models.causal_vae_decode", config, {}), { code: "ERR_WEIGHTS_FORMAT", message });
  }
});

for (const [name, model] of [
  ["cogvideox-t2v-a", "cogvideox"],
  ["cogvideox-i2v-a", "cogvideox-i2v"],
] as const) {
  const folder = parityFolder(name);
  t.test(`${name}: frames of diffusers' latents`, skipWithout(folder), async (t) => {
    const vae = join(folder, model, "vae");
    const config = JSON.parse(readFileSync(join(vae, "config.json"), "utf8"));
    const weights = readSafetensors(join(vae, "diffusion_pytorch_model.safetensors"));
    const { latents, frames } = readSafetensors(join(folder, "expected.safetensors")) as Record<
      string,
      Tensor
    >;
    const [steps = 0, , count = 0, ...rest] = latents?.shape ?? [];
    const last = Float32Array.from(latents?.data.slice(-(latents.data.length / steps)) ?? []);
    const unscaled = { shape: [count, ...rest], data: last.map((value) => value / config.scaling_factor) };
    const decoded = runProbe("models.causal_vae_decode", config, {
      ...probeWeights(weights),
      latents: unscaled,
    });
    const [n = 0, height = 0, width = 0] = frames?.shape ?? [];
    const pictures = new Uint8ClampedArray(n * height * width * 3);
    for (let i = 0; i < pictures.length; i++) {
      const [frame, position, channel] = [
        Math.floor(i / (height * width * 3)),
        Math.floor(i / 3) % (height * width),
        i % 3,
      ];
      const value = decoded.frames?.data[(frame * 3 + channel) * height * width + position] ?? NaN;
      pictures[i] = Math.round((value / 2 + 0.5) * 255);
    }
    t.ok(compare(pictures, frames?.data ?? new Uint8Array()).largest <= 1 / 255);
  });
}
