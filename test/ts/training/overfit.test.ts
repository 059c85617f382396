// Slow: it trains for minutes.
import { copyFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type Recipe, Trainer } from "cameo";
import sharp from "sharp";
import t from "tap";
import { writeModel } from "../../support/model_folder.js";
import { scheduler } from "../../support/small_model.js";

/** A clip. */
const fixture = "test/fixtures/overfit";
const folder = "build/fixtures/overfit";
/** One of drawn weights gives no picture back, so what was learned could not be seen through it. */
const vae = "weights/troupe/base/vae";
const [frames, side] = [6, 32];
const caption = "a ball goes round";
/** It takes minutes. */
const wanted = process.env.CAMEO_OVERFIT === "1";

const channels = [32, 64];
const unet = {
  _class_name: "UNet2DConditionModel",
  block_out_channels: channels,
  down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: 1,
  norm_num_groups: 8,
  cross_attention_dim: 12,
  attention_head_dim: 4,
  sample_size: side / 4,
};
const motion = {
  _class_name: "MotionAdapter",
  block_out_channels: channels,
  motion_layers_per_block: 1,
  motion_num_attention_heads: 4,
  motion_norm_num_groups: 8,
  motion_max_seq_length: 8,
  use_motion_mid_block: false,
};

/** A config without weights: training starts from drawn ones. */
function drawnNetwork(path: string, config: object): void {
  rmSync(join(path, "diffusion_pytorch_model.safetensors"));
  writeFileSync(join(path, "config.json"), JSON.stringify(config));
}

/** Drawn networks around the VAE that ships, and a list with the one clip. */
function writeStart() {
  const model = writeModel(join(folder, "start"), {
    motion: "motion",
    subject: null,
    scheduler: { ...scheduler, beta_schedule: "linear" },
  });
  const motionFolder = join(folder, "start", "motion");
  drawnNetwork(join(model.base, "unet"), unet);
  drawnNetwork(motionFolder, motion);
  for (const file of readdirSync(vae)) copyFileSync(join(vae, file), join(model.base, "vae", file));
  const list = join(folder, "clips.jsonl");
  writeFileSync(list, JSON.stringify({ path: "clip", caption }));
  return { base: model.base, motion: motionFolder, list };
}

/** Trains to the end; the losses of all steps, and the model. */
async function train(recipe: Recipe): Promise<{ losses: number[]; model: string }> {
  const losses: number[] = [];
  let model = "";
  const trainer = await Trainer.open({ device: "cpu", seed: 1, checkpoints: { every: 1000 }, ...recipe });
  for await (const event of trainer.run()) {
    if (event.type === "step") losses.push(event.loss);
    if (event.type === "done") model = event.model;
  }
  await trainer.close();
  return { losses, model };
}

async function readFrames(): Promise<Uint8Array> {
  const pictures = Array.from({ length: frames }, (_, i) => sharp(join(fixture, "clip", `${i}.png`)));
  return Buffer.concat(await Promise.all(pictures.map((picture) => picture.raw().toBuffer())));
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  const sum = a.reduce((total, value, i) => total + (value - (b[i] as number)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

t.test(
  "the objective teaches a small model one clip",
  { skip: !wanted && "set CAMEO_OVERFIT=1" },
  async (t) => {
    rmSync(folder, { recursive: true, force: true });
    const { base: drawn, motion: drawnMotion, list } = writeStart();
    const data = { source: list, root: fixture, stride: 1, size: [side, side] as [number, number] };
    const optimizer = { learningRate: 2e-3, warmup: 5, schedule: "cosine", weightDecay: 0 } as const;
    // Noise prediction hardly weighs what is decided where little but noise is left, such as which frame comes when.
    const { model: base } = await train({
      objective: { prediction: "v" },
      ...{ kind: "image", model: { base: drawn }, data, optimizer, steps: 200, batch: 8 },
      output: join(folder, "image"),
    });
    const { model: motion } = await train({
      ...{ kind: "motion", model: { base, motion: drawnMotion }, optimizer, steps: 10, batch: 4 },
      data: { ...data, frames, start: "first" },
      output: join(folder, "motion"),
    });
    const { losses, model: subject } = await train({
      ...{ kind: "subject", model: { base, motion }, trained: ["all"], optimizer, steps: 700, batch: 4 },
      data: {
        ...{ ...data, frames, start: "first", cache: { folder: join(folder, "cache") } },
        references: { candidates: 1, flip: 0, affine: false },
      },
      output: join(folder, "subject"),
    });
    const [first, last] = [mean(losses.slice(0, 10)), mean(losses.slice(-100))];
    t.ok(last <= first / 10, `the loss falls from ${first} to ${last}`);

    const pipe = await Pipeline.load({ base, motion, subject, device: "cpu", dtype: "fp32" });
    t.teardown(() => pipe.close());
    const reference = join(fixture, "clip", "0.png");
    const request = { prompt: caption, reference, frames, width: side, height: side, steps: 30 };
    const clip = await readFrames();
    for (const seed of [1, 2, 3]) {
      const video = await pipe.sample({ ...request, seed, guidanceScale: 1 });
      const decibels = psnr(video.frames, clip);
      // The VAE alone gives it back at 23.7 dB.
      t.ok(decibels >= 21, `the sampled clip is the clip, at ${decibels.toFixed(1)} dB`);
    }
  },
);
