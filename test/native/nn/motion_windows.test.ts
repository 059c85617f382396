import { test } from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { drawCase, runProbe } from "../../support/probes.js";
import { drawInput, type Tensor } from "../../support/tensors.js";

const flat = 0;
const pyramid = 1;
const sawtooth = 3;

/** Rows of frames, one for each window. */
function shares(frames: number, length: number, stride: number, weights: number): number[][] {
  const { shares } = runProbe("nn.motion_window_shares", { frames, length, stride, weights }, {});
  const [rows = 0] = shares?.shape ?? [];
  return Array.from({ length: rows }, (_, i) =>
    Array.from(shares?.data.slice(i * frames, (i + 1) * frames) ?? [], Number),
  );
}

const sums = (rows: number[][]): number[] =>
  (rows[0] ?? []).map((_, frame) => rows.reduce((sum, row) => sum + (row[frame] ?? 0), 0));

test("windows' shares add up to one, frame by frame", (t) => {
  for (const weights of [flat, pyramid, sawtooth]) {
    for (const [frames, length, stride] of [
      [16, 8, 4],
      [24, 8, 4],
      [13, 5, 2],
      [9, 3, 3],
    ] as const) {
      const rows = shares(frames, length, stride, weights);
      t.equal(rows.length, (frames - length) / stride + 1);
      for (const sum of sums(rows)) t.ok(Math.abs(sum - 1) < 1e-6);
    }
  }
  t.end();
});

test("the last window gives what no other has, by the weight of its first new frame, as diffusers", (t) => {
  // 11 frames: windows from 0 and 4, and one from 3 for the frames 12 and beyond.
  const rows = shares(11, 4, 4, pyramid);
  t.same(
    rows.map((row) => row.map((share) => share.toFixed(2))),
    [
      ["1.00", "1.00", "1.00", "1.00", ...Array(7).fill("0.00")],
      [...Array(4).fill("0.00"), "1.00", "1.00", "1.00", "1.00", "0.00", "0.00", "0.00"],
      [...Array(8).fill("0.00"), "1.00", "1.00", "0.50"],
    ],
  );
  t.end();
});

test("references stand at the end of each window, and get the mean of what comes of them", (t) => {
  const windows = { length: 4, stride: 2, weights: flat };
  const [frames, references] = [8, 2];
  const x: Tensor = {
    shape: [1, frames + references, 1],
    data: new Float32Array(frames + references).fill(1),
  };
  const { out } = runProbe("nn.motion_windows", { ...windows, references }, { x });
  // In windows from 0, 2 and 4 a frame has the positions 1 to 4, and the references 5 and 6.
  const expected = [1, 2, 2, 3, 2, 3, 3, 4, 5, 6];
  assertClose(t, out, { ...x, data: Float32Array.from(expected) }, 1e-6, "the mean of their positions");
  const short = { shape: [1, 6, 1], data: new Float32Array(6).fill(1) };
  const alone = runProbe("nn.motion_windows", { ...windows, references }, { x: short });
  t.same(Array.from(alone.out?.data ?? []), [1, 2, 3, 4, 5, 6], "no more frames than a window are one");
  t.end();
});

const channels = 8;
const config = { in_channels: channels, heads: 2, layers: 2, groups: 4, max_length: 16 };
const weights = {
  norm: [channels],
  proj: [channels, channels],
};

function moduleWeights() {
  const linear = (out: number, into: number) => ({ weight: [out, into], bias: [out] });
  const norm = { weight: weights.norm, bias: weights.norm };
  const attention = {
    ...Object.fromEntries(["to_q", "to_k", "to_v"].map((name) => [name, { weight: weights.proj }])),
    to_out: { 0: linear(channels, channels) },
  };
  const block = {
    ...{ norm1: norm, norm2: norm, norm3: norm, attn1: attention, attn2: attention },
    pos_embed: { pe: [1, config.max_length, channels] },
    ff: { net: { 0: { proj: linear(8 * channels, channels) }, 2: linear(channels, 4 * channels) } },
  };
  return {
    norm,
    ...{ proj_in: linear(channels, channels), proj_out: linear(channels, channels) },
    transformer_blocks: { 0: block, 1: block },
  };
}

test("a module's scale is of what it changes", (t) => {
  const images = 6;
  const input = drawInput("x", { shape: [2 * images, channels, 3, 2] }, 5);
  const tensors = { ...drawCase({ seed: 5, weights: moduleWeights() as never, inputs: {} }), x: input };
  const run = (more: object): Tensor =>
    runProbe("nn.motion_module_in_windows", { ...config, images, ...more }, tensors).out as Tensor;
  const whole = run({});
  const mixed = (scale: number) => ({
    ...input,
    data: Float32Array.from(input.data, (x, i) => Number(x) + scale * (Number(whole.data[i]) - Number(x))),
  });
  t.same(run({ scale: 1 }), whole);
  t.same(Array.from(run({ scale: 0 }).data), Array.from(input.data));
  for (const scale of [0.5, 1.5]) assertClose(t, run({ scale }), mixed(scale), 1e-5, `scale ${scale}`);
  const oneWindow = run({ length: 4, stride: 4, weights: flat, references: 2 });
  assertClose(t, oneWindow, whole, 1e-6, "one window of all frames, with references, changes nothing");
  t.notSame(run({ length: 2, stride: 1, weights: flat, references: 2 }), whole);
  t.end();
});

testCases("nn", "motion_windows");
