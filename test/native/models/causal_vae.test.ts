import { join } from "node:path";
import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { lastLatents, testDecodedFrames } from "../../support/film_vae.js";
import { drawCase, fixtures, readCase, runProbe } from "../../support/probes.js";

testCases("models", "causal_vae_encode");
testCases("models", "causal_vae_decode");

t.test("bf16 has fp32's frames, but for its precision", async (t) => {
  const testCase = readCase(join(fixtures, "models/causal_vae_decode-wide"));
  const { probe, config } = testCase;
  const { frames } = runProbe(probe, config, drawCase(testCase));
  const place = { device: "cpu", dtype: "bf16", exact: [] } as const;
  const halves = runProbe(probe, config, drawCase(testCase), place);
  assertClose(t, halves.frames, frames, 3e-2, "frames");
});

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

for (const [folder, model] of [
  ["cogvideox-t2v-a", "cogvideox"],
  ["cogvideox-i2v-a", "cogvideox-i2v"],
] as const) {
  testDecodedFrames({
    ...{ folder, model, probe: "models.causal_vae_decode" },
    unscaled: (latents, { scaling_factor }) => {
      const { shape, data } = lastLatents(latents);
      return { shape, data: data.map((value) => value / scaling_factor) };
    },
  });
}
