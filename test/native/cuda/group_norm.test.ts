import t from "tap";
import { checkCapabilities } from "../../support/capabilities.js";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { drawInput } from "../../support/tensors.js";

// The emulated device (emulated_device.h) needs a system that switches between stacks by ucontext.
const skip = process.platform === "linux" ? false : "the device is emulated on Linux alone";

/** N, C, H, W, groups, what is added to x: blocks and slabs that positions and channels cover and don't. */
const cases = [
  [1, 2, 1, 1, 1, 0],
  [1, 32, 3, 5, 32, 0],
  [2, 30, 7, 9, 3, 0],
  [3, 320, 8, 8, 32, 0],
  [1, 520, 4, 5, 4, 0],
  [2, 64, 17, 13, 32, 40],
] as const;

const types = [
  { type: "float16", tolerance: 1e-3 },
  { type: "bfloat16", tolerance: 8e-3 },
];

t.test("group norm's kernels for CUDA compute what libtorch does in fp64", { skip }, (t) => {
  for (const [images, channels, height, width, groups, mean] of cases) {
    const x = drawInput("x", { shape: [images, channels, height, width], scale: 3 }, channels);
    x.data.forEach((value, i) => {
      x.data[i] = value + mean;
    });
    const weight = drawInput("weight", { shape: [channels] }, 1);
    const bias = drawInput("bias", { shape: [channels] }, 2);
    for (const { type, tolerance } of types) {
      for (const silu of [false, true]) {
        const result = runProbe("cuda.groupNorm", { groups, silu, type }, { x, weight, bias });
        const name = `${images}x${channels}x${height}x${width}, ${groups} groups, mean ${mean}, ${type}, silu ${silu}`;
        assertClose(t, result.out, result.exact, tolerance, name);
      }
    }
  }
  t.end();
});

t.test("devices below compute capability 8.0 are left to libtorch's kernels", { skip }, async (t) => {
  checkCapabilities(t, "cuda.groupNormIsSupported");
});
