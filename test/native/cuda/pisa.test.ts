// Slow: it emulates a GPU.
import t from "tap";
import { checkCapabilities } from "../../support/capabilities.js";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { regionsCases } from "../../support/regions.js";
import { drawInput } from "../../support/tensors.js";

// The emulated device (emulated_device.h) needs a system that switches between stacks by ucontext.
const skip = process.platform === "linux" ? false : "the device is emulated on Linux alone";

/**
 * B, F, R, n, heads, numbers in a head, largest number in a query: frames that blocks of 64 and 128 queries and tiles of
 * 32 and 64 keys cover and don't, one and several blocks, one and several groups of one and several frames; scores that
 * grow from tile to tile, and such as leave a row's sum below what fp32 has.
 */
const cases = [
  [1, 2, 1, 70, 3, 32, 3],
  [2, 3, 2, 37, 1, 32, 24],
  [1, 1, 1, 1, 1, 40, 3],
  [1, 2, 1, 64, 1, 40, 3],
  [2, 3, 2, 37, 2, 40, 3],
  [1, 2, 3, 130, 1, 40, 24],
  [1, 5, 1, 10, 4, 40, 3],
  [2, 3, 1, 7, 4, 40, 3],
  [2, 3, 1, 1, 8, 40, 150],
  [1, 5, 2, 70, 1, 64, 3],
  [1, 2, 1, 129, 1, 80, 24],
  [1, 3, 3, 20, 2, 80, 3],
  [1, 2, 1, 80, 1, 160, 24],
  [2, 3, 2, 9, 1, 160, 3],
] as const;

const forms = [
  { type: "float16", joined: false, tolerance: 4e-3 },
  { type: "bfloat16", joined: true, tolerance: 3e-2 },
];

t.test("the kernels for CUDA compute what the plain form does in fp64", { skip }, async (t) => {
  for (const [batch, frames, references, positions, heads, d, loudest] of cases) {
    const shape = [batch, frames + references, positions, heads * d];
    const inputs = Object.fromEntries(
      ["q", "k", "v", "grad"].map((name) => [
        name,
        drawInput(name, { shape, scale: name === "q" ? loudest : 3 }, d),
      ]),
    );
    for (const { type, joined, tolerance } of forms) {
      const result = runProbe("cuda.pisa", { frames, references, heads, type, joined }, inputs);
      const name = `B ${batch}, F ${frames}, R ${references}, n ${positions}, ${heads} x ${d}, ${type}`;
      for (const part of ["out", "q", "k", "v"]) {
        assertClose(t, result[`fused.${part}`], result[`exact.${part}`], tolerance, `${part}, ${name}`);
      }
      assertClose(t, result.inference, result["fused.out"], 0, `inference, ${name}`);
    }
  }
});

/** F, height and width, heads, numbers in a head. */
const inRegions: [frames: number, size: [number, number], heads: number, channels: number][] = [
  [3, [5, 7], 2, 40],
  [2, [9, 16], 1, 32],
  [2, [10, 13], 1, 64],
  [3, [9, 9], 1, 80],
  [2, [12, 6], 1, 160],
];

t.test("within regions, too", { skip }, async (t) => {
  for (const [frames, size, heads, channels] of inRegions) {
    // Of each head size every ninth case, in one type after the other: emulation takes its time.
    const first = inRegions.findIndex(([, , , each]) => each === channels);
    for (const [i, { name, regions, ...layout }] of regionsCases(frames, size).entries()) {
      if (i % 9 !== first) continue;
      const shape = [1, frames + layout.references, size[0] * size[1], heads * channels];
      const drawn = ["q", "k", "v", "grad"].map((name) => [
        name,
        drawInput(name, { shape, scale: 3 }, channels),
      ]);
      const { type, joined, tolerance } = forms[i % 2] as (typeof forms)[number];
      const inputs = { ...Object.fromEntries(drawn), ...regions };
      const result = runProbe("cuda.pisa", { ...layout, heads, type, joined }, inputs);
      const where = `${name}, F ${frames}, ${size.join(" x ")}, ${heads} x ${channels}, ${type}`;
      for (const part of ["out", "q", "k", "v"]) {
        assertClose(t, result[`fused.${part}`], result[`exact.${part}`], tolerance, `${part}, ${where}`);
      }
      assertClose(t, result.inference, result["fused.out"], 0, `inference, ${where}`);
    }
  }
});

t.test("devices below compute capability 8.0 are left to libtorch's kernels", { skip }, async (t) => {
  checkCapabilities(t, "cuda.pisaIsSupported");
});
