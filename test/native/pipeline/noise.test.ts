import { test } from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { drawInput, type Tensor, type Tensors } from "../../support/tensors.js";

test("frames after the first window are earlier ones, so many at a time", (t) => {
  for (const [frames, length, stride] of [
    [24, 8, 4],
    [23, 8, 3],
    [5, 8, 4],
  ] as const) {
    const x: Tensor = { shape: [frames, 1, 1, 1], data: Float32Array.from({ length: frames }, (_, i) => i) };
    const { shuffled, repeated } = runProbe(
      "pipeline.free_noise",
      { seed: 3, length, stride, frames: 2 * frames + 1 },
      { x },
    );
    const result = Array.from(shuffled?.data ?? [], Number);
    t.same(result.slice(0, length), Array.from(x.data.slice(0, length), Number), "the first stay");
    for (let first = length; first < frames; first += stride) {
      const shown = result.slice(first, first + stride);
      const sources = result.slice(first - length, first - length + stride);
      t.equal(new Set(shown).size, shown.length);
      for (const frame of shown) t.ok(sources.includes(frame), "each is one of its window's first");
    }
    t.same(
      Array.from(repeated?.data ?? [], Number),
      Array.from({ length: 2 * frames + 1 }, (_, i) => i % frames),
    );
  }
  t.end();
});

const gaussian = 0;
const butterworth = 1;
const ideal = 2;

/** (F, C, h, w): the lowest frequency has the place [0, 0, 0] of each channel. */
function freeInit(filter: number, more: object = {}, shape = [1, 6, 2, 5, 4]): Tensors {
  const noisy = drawInput("noisy", { shape }, 1);
  const fresh = drawInput("fresh", { shape }, 2);
  const config = { filter, spatial_stop: 0.25, temporal_stop: 0.25, order: 4, ...more };
  return { noisy, fresh, ...runProbe("pipeline.free_init", config, { noisy, fresh }) };
}

test("a filter keeps the lowest frequencies and falls towards the highest", (t) => {
  const shape = [1, 8, 1, 6, 10];
  for (const filter of [gaussian, butterworth, ideal]) {
    const { kept } = freeInit(filter, {}, shape);
    const at = (frame: number, y: number, x: number) => Number(kept?.data[(frame * 6 + y) * 10 + x]);
    t.equal(at(0, 0, 0), 1);
    for (let i = 1; i <= 3; i++) {
      t.ok(at(i, 0, 0) <= at(i - 1, 0, 0), "over time");
      t.equal(at(i, 0, 0).toFixed(5), at(8 - i, 0, 0).toFixed(5), "the same for both directions");
      t.ok(at(0, 0, i) <= at(0, 0, i - 1), "over space");
    }
    t.ok(at(4, 3, 5) < 1e-3, "the highest");
  }
  // exp(-d^2 / (2 D^2)) with d = 2 * 1/8 of the highest over time.
  const { kept } = freeInit(gaussian, {}, shape);
  t.equal(Number(kept?.data[60]).toFixed(6), Math.exp(-(0.25 ** 2) / (2 * 0.25 ** 2)).toFixed(6));
  t.end();
});

test("what is mixed is the one, the other, or the sum of both", (t) => {
  const none = freeInit(gaussian, { spatial_stop: 0 });
  assertClose(t, none.mixed, none.fresh, 1e-6, "nothing kept: all is fresh");
  const all = freeInit(ideal, { spatial_stop: 1, temporal_stop: 1 });
  t.ok(
    all.kept?.data.some((kept) => kept === 0),
    "even then the corners are fresh",
  );
  const { noisy, fresh, kept, mixed } = freeInit(butterworth) as Record<string, Tensor>;
  const plain = mixedPlainly(noisy as Tensor, fresh as Tensor, kept as Tensor);
  const expected = { shape: noisy?.shape ?? [], data: plain };
  assertClose(t, mixed, expected, 1e-5, "as a Fourier sum written out");
  t.end();
});

/** The same by the definition of the Fourier transform. */
function mixedPlainly(noisy: Tensor, fresh: Tensor, kept: Tensor): Float32Array {
  const [, F = 0, C = 0, H = 0, W = 0] = noisy.shape;
  const result = new Float32Array(noisy.data.length);
  const places = [...grid(F, H, W)];
  for (let channel = 0; channel < C; channel++) {
    const value = (x: Tensor, f: number, y: number, z: number) =>
      Number(x.data[((f * C + channel) * H + y) * W + z]);
    for (const [u, v, w] of places) {
      const share = Number(kept.data[(u * H + v) * W + w]);
      let [re, im] = [0, 0];
      for (const [f, y, x] of places) {
        const angle = -2 * Math.PI * ((u * f) / F + (v * y) / H + (w * x) / W);
        const mixed = share * value(noisy, f, y, x) + (1 - share) * value(fresh, f, y, x);
        re += mixed * Math.cos(angle);
        im += mixed * Math.sin(angle);
      }
      for (const [f, y, x] of places) {
        const angle = 2 * Math.PI * ((u * f) / F + (v * y) / H + (w * x) / W);
        const i = ((f * C + channel) * H + y) * W + x;
        result[i] = (result[i] ?? 0) + (re * Math.cos(angle) - im * Math.sin(angle)) / places.length;
      }
    }
  }
  return result;
}

function* grid(F: number, H: number, W: number): Generator<[number, number, number]> {
  for (let f = 0; f < F; f++) for (let y = 0; y < H; y++) for (let x = 0; x < W; x++) yield [f, y, x];
}
