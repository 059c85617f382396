import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { drawCase, readCase, runProbe } from "../../support/probes.js";
import type { Tensor, Tensors } from "../../support/tensors.js";

testCases("controls", "controlnet");

const { probe, config, ...drawn } = readCase("test/fixtures/controls/controlnet-odd");
const inputs = drawCase(drawn);
const network = config.network as Record<string, unknown>;
const run = (changes: object, networkChanges: object = {}, inputChanges: Tensors = {}): Tensors =>
  runProbe(
    probe,
    { ...config, by_depth: false, ...changes, network: { ...network, ...networkChanges } },
    { ...inputs, ...inputChanges },
  );
const scaled = ({ shape, data }: Tensor, factor: number): Tensor => ({
  shape,
  data: data.map((value) => value * factor),
});

/** (N, C, h, w) -> (N, C, 1, 1) */
function pooled({ shape, data }: Tensor): Tensor {
  const [images = 0, channels = 0, height = 0, width = 0] = shape;
  const area = height * width;
  const means = new Float32Array(images * channels);
  for (const i of means.keys()) {
    for (const value of data.slice(i * area, (i + 1) * area)) means[i] = (means[i] as number) + value / area;
  }
  return { shape: [images, channels, 1, 1], data: means };
}

/** (N, 3, H, W) from the last channel to the first */
function flipped({ shape, data }: Tensor): Tensor {
  const [images = 0, channels = 0, height = 0, width = 0] = shape;
  const area = height * width;
  const result = new Float32Array(data.length);
  for (let i = 0; i < images * channels; ++i) {
    const from = Math.floor(i / channels) * channels + channels - 1 - (i % channels);
    result.set(data.slice(from * area, (from + 1) * area), i * area);
  }
  return { shape, data: result };
}

t.test("a network that pools adds each channel's mean, whatever the depth", async (t) => {
  const whole = run({});
  for (const by_depth of [false, true]) {
    const means = run({ by_depth }, { global_pool_conditions: true });
    for (const [name, tensor] of Object.entries(whole)) {
      assertClose(t, means[name], pooled(tensor), 1e-5, name);
    }
  }
});

t.test("what is added goes by the scale", async (t) => {
  const twice = run({ scale: 1.6 });
  for (const [name, tensor] of Object.entries(run({ scale: 0.8 }))) {
    assertClose(t, twice[name], scaled(tensor, 2), 1e-6, name);
  }
});

t.test("channels in the other order", async (t) => {
  const other = run(
    {},
    { controlnet_conditioning_channel_order: "rgb" },
    { condition: flipped(inputs.condition as Tensor) },
  );
  for (const [name, tensor] of Object.entries(run({}))) assertClose(t, other[name], tensor, 1e-6, name);
});

t.test("the outermost layers alone, as a UNet with kept features asks for", async (t) => {
  const all = run({ by_depth: true });
  for (const skips of [1, 2]) {
    const outermost = run({ by_depth: true, skips });
    t.same(Object.keys(outermost), ["0", "1"].slice(0, skips));
    for (const [name, tensor] of Object.entries(outermost)) assertClose(t, tensor, all[name], 1e-6, name);
  }
});

t.test("SparseCtrl sees no noisy latents", async (t) => {
  const { probe, config, ...drawn } = readCase("test/fixtures/controls/controlnet-sparse-latents");
  const inputs = drawCase(drawn);
  const other = runProbe(probe, config, { ...inputs, sample: scaled(inputs.sample as Tensor, 3) });
  for (const [name, tensor] of Object.entries(runProbe(probe, config, inputs))) {
    assertClose(t, other[name], tensor, 0, name);
  }
});

t.test("networks of other kinds are refused by the field that says so", async (t) => {
  const refused: [object, RegExp][] = [
    [{ class_embed_type: "timestep" }, /class_embed_type/],
    [{ mid_block_type: "UNetMidBlock2D" }, /mid_block_type/],
    [{ conditioning_channels: 4 }, /conditioning_channels.*RGB/],
    [{ controlnet_conditioning_channel_order: "gbr" }, /controlnet_conditioning_channel_order/],
    [
      { conditioning_embedding_out_channels: [1, 1, 1, 1, 1, 1, 1, 1] },
      /conditioning_embedding_out_channels/,
    ],
    [{ down_block_types: ["DownBlock2D"] }, /down_block_types/],
    [{ only_cross_attention: true }, /only_cross_attention/],
  ];
  for (const [changes, message] of refused) t.throws(() => run({}, changes), message);
});
