// Slow: it computes everything with one, two and four threads.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { drawInput, type Tensors } from "../../support/tensors.js";

const draw = (shapes: Record<string, number[]>): Tensors =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, drawInput(name, { shape }, 1)]));

const attention = draw({
  q: [3, 140, 40],
  k: [3, 530, 40],
  v: [3, 530, 40],
  grad: [3, 140, 40],
});
const image = [3, 48, 17, 23];
const convolution = draw({ x: image, weight: [32, 48, 3, 3], bias: [32], grad: [3, 32, 17, 23] });
const norm = draw({ x: image, weight: [48], bias: [48], grad: image });
const linear = draw({ x: [700, 96], weight: [64, 96], bias: [64], grad: [700, 64] });
const gated = {
  "net.0.proj.weight": [256, 32],
  "net.0.proj.bias": [256],
  "net.2.weight": [32, 128],
  "net.2.bias": [32],
};
const feedForward = draw({ x: [301, 32], grad: [301, 32], ...gated });
const normed = draw({
  x: [301, 32],
  "norm3.weight": [32],
  "norm3.bias": [32],
  ...Object.fromEntries(Object.entries(gated).map(([name, shape]) => [`ff.${name}`, shape])),
});

const kernels: [probe: string, config: object, inputs: Tensors][] = [
  ["nn.attend", { heads: 2, bf16: false, plain: false }, attention],
  ["nn.attend", { heads: 2, bf16: true, plain: false }, attention],
  ["cpu.attention", { heads: 2, matrixUnit: false }, attention],
  ["nn.convolution", { form: "winograd" }, convolution],
  [
    "nn.convolution_gradients",
    { stride: 1, padding: 1, trained: ["x", "weight", "bias"], direct: false },
    convolution,
  ],
  ["nn.group_norm", { groups: 16, silu: true, plain: false }, norm],
  ["nn.affine", { form: "fast" }, linear],
  ["nn.feed_forward_gradients", { plain: false }, feedForward],
  ["nn.normed_feed_forward", { form: "fast" }, normed],
];

/** bf16 has 8 bits of a number. */
const toleranceOf = (config: object, name: string) =>
  ("bf16" in config && config.bf16) || name === "bf16" ? 2e-2 : 2e-5;

for (const [probe, config, inputs] of kernels) {
  t.test(`${probe} ${JSON.stringify(config)} gives the same on 1, 2 and 4 threads`, async (t) => {
    const alone = runProbe(probe, { ...config, threads: 1 }, inputs);
    for (const threads of [1, 2, 4]) {
      const together = runProbe(probe, { ...config, threads }, inputs);
      t.strictSame(Object.keys(together).sort(), Object.keys(alone).sort());
      for (const [name, tensor] of Object.entries(alone)) {
        const title = `${name} on ${threads}`;
        assertClose(t, together[name], tensor, threads === 1 ? 0 : toleranceOf(config, name), title);
      }
      t.strictSame(
        runProbe(probe, { ...config, threads }, inputs),
        together,
        `${threads} again, bit for bit`,
      );
    }
  });
}

t.test("a sample is the same on 1, 2 and 4 threads, but for rounding", async (t) => {
  const { base, motion = "", subject = "" } = writeSmallModel("threads");
  const folder = t.testdir();
  const sampleOn = (threads: number) => {
    const latents = join(folder, `${threads}.safetensors`);
    const model = ["--base", base, "--motion", motion, "--subject", subject, "--device", "cpu"];
    const what = ["--reference", "examples/critter.png", "--prompt", "a fox", "--seed", "3"];
    const size = ["--size", "72x56", "--dtype", "fp32", "--frames", "3", "--steps", "3"];
    const output = ["--save-latents", latents, "-o", join(folder, `${threads}.gif`)];
    const args = ["dist/cli/main.js", "sample", ...model, ...what, ...size, ...output];
    const env = { ...process.env, OMP_NUM_THREADS: String(threads) };
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
    t.equal(status, 0, stderr);
    return readSafetensors(latents);
  };
  const alone = sampleOn(1);
  for (const threads of [2, 4]) {
    const together = sampleOn(threads);
    for (const [name, tensor] of Object.entries(alone)) {
      assertClose(t, together[name], tensor, 1e-4, `${name} on ${threads}`);
    }
  }
});
