import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { compare } from "./compare.js";
import { parityFolder, skipWithout } from "./parity.js";
import { probeWeights, runProbe } from "./probes.js";
import { readSafetensors } from "./safetensors.js";
import type { Tensor } from "./tensors.js";

interface VaeConfig {
  scaling_factor: number;
  latents_mean: number[];
  latents_std: number[];
}

interface Vae {
  /** Of a parity case, and in it of the model. */
  folder: string;
  model: string;
  probe: string;
  /** From a step's latents, which are the last ones, to (T, C, h, w) before scaling. */
  unscaled: (latents: Tensor, config: VaeConfig) => Tensor;
}

/** The last step's latents of all that were saved, without a batch. */
export function lastLatents({ shape, data }: Tensor): Tensor<Float32Array> {
  const rest = shape.slice(-4);
  return { shape: rest, data: Float32Array.from(data.slice(-rest.reduce((a, b) => a * b))) };
}

/** (n, 3, H, W) in -1..1 as 8-bit RGB, (n, H, W, 3). */
function pixels({ shape: [n = 0, channels = 0, height = 0, width = 0], data }: Tensor): Uint8ClampedArray {
  const result = new Uint8ClampedArray(data.length);
  const area = height * width;
  for (let i = 0; i < result.length; i++) {
    const channel = i % channels;
    const position = Math.floor(i / channels) % area;
    const frame = Math.floor(i / (channels * area));
    const value = data[(frame * channels + channel) * area + position] ?? Number.NaN;
    result[i] = Math.round((value / 2 + 0.5) * 255);
  }
  return n > 0 ? result : new Uint8ClampedArray();
}

/** One test: the frames that a VAE makes of a pipeline's last latents are that pipeline's. */
export function testDecodedFrames({ folder, model, probe, unscaled }: Vae): void {
  const path = parityFolder(folder);
  t.test(`${folder}: frames of the pipeline's latents`, skipWithout(path), async (t) => {
    const vae = join(path, model, "vae");
    const config = JSON.parse(readFileSync(join(vae, "config.json"), "utf8"));
    const weights = readSafetensors(join(vae, "diffusion_pytorch_model.safetensors"));
    const expected = readSafetensors(join(path, "expected.safetensors")) as Record<string, Tensor>;
    const latents = unscaled(expected.latents as Tensor, config);
    const { frames } = runProbe(probe, config, { ...probeWeights(weights), latents });
    const difference = compare(pixels(frames as Tensor), (expected.frames as Tensor).data);
    t.ok(difference.largest <= 1 / 255);
  });
}
