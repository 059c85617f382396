import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CameoError, Pipeline, Trainer } from "cameo";
import { openAddon } from "#ts/addon.js";
import type { ErrorCode } from "#ts/errors.js";
import { fetchFromHub } from "#ts/hub/index.js";
import { hubSettings } from "#ts/hub/settings.js";
import { locateLibtorch } from "#ts/libtorch/index.js";
import { replaceFile } from "#ts/media/files.js";
import type { Recipe } from "#ts/training/recipe.js";

/** A small model and a request for it, as `writeExampleFolder` has them in the working directory. */
const model = { base: "sd15", motion: "motion-adapter", subject: "videomaker.bin", device: "cpu" } as const;
const request = { prompt: "A fox.", reference: "me.png", frames: 2, steps: 1, width: 64, height: 64 };
const recipe: Recipe = {
  kind: "subject",
  model: { base: "sd15", motion: "motion-adapter", subject: "videomaker.bin" },
  data: { source: "clips", frames: 4, stride: 2, size: [64, 64] },
  steps: 1,
  device: "cpu",
  output: "runs/people",
};

async function withPipeline(work: (pipe: Pipeline) => Promise<unknown>): Promise<void> {
  await using pipe = await Pipeline.load(model);
  await work(pipe);
}

async function withTrainer(given: Recipe, work: (trainer: Trainer) => Promise<unknown>): Promise<void> {
  await using trainer = await Trainer.open(given);
  await work(trainer);
}

/** What makes each error happen, where it can be made to, in a folder of examples. */
export const provocations: Partial<Record<ErrorCode, () => Promise<unknown>>> = {
  ERR_INVALID_OPTION: () => withPipeline((pipe) => pipe.sample({ ...request, steps: 0 })),
  ERR_INVALID_IMAGE: () => withPipeline((pipe) => pipe.sample({ ...request, reference: "you.png" })),
  async ERR_WEIGHTS_FORMAT() {
    writeFileSync("page.safetensors", "<!doctype html><title>Sign in</title>");
    await Pipeline.load({ ...model, subject: "page.safetensors" });
  },
  ERR_WEIGHTS_MISMATCH: () =>
    Pipeline.load({ ...model, subject: "sd15/vae/diffusion_pytorch_model.safetensors" }),
  async ERR_WEIGHTS_UNSAFE() {
    // Calls os.system("ls") where pickles are run.
    writeFileSync("unsafe.bin", Buffer.from("\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "latin1"));
    await Pipeline.load({ ...model, subject: "unsafe.bin" });
  },
  ERR_HUB: () =>
    fetchFromHub(["hf:owner/name"], {}, hubSettings({ HF_HOME: process.cwd(), HF_HUB_OFFLINE: "1" })),
  ERR_ABORTED: () => Pipeline.load({ ...model, signal: AbortSignal.abort() }),
  async ERR_CLOSED() {
    const pipe = await Pipeline.load(model);
    await pipe.close();
    await pipe.sample(request);
  },
  ERR_BUSY: () =>
    withTrainer({ ...recipe, output: "runs/busy" }, async (trainer) => {
      const first = trainer.run();
      await first.next();
      await trainer
        .run()
        .next()
        .finally(() => first.return());
    }),
  async ERR_LIBTORCH() {
    const before = process.env.CAMEO_LIBTORCH;
    process.env.CAMEO_LIBTORCH = "/opt/torch";
    try {
      locateLibtorch();
    } finally {
      if (before === undefined) delete process.env.CAMEO_LIBTORCH;
      else process.env.CAMEO_LIBTORCH = before;
    }
  },
  // As where the folder is removed while a video is encoded for it.
  ERR_MEDIA: () => replaceFile("videos/out.webp", new Uint8Array(1)),
  async ERR_CHECKPOINT() {
    mkdirSync("runs/people/checkpoints", { recursive: true });
    writeFileSync(join("runs/people/checkpoints", "step-00000500.safetensors"), "");
    await Trainer.open(recipe).finally(() => rmSync("runs/people/checkpoints", { recursive: true }));
  },
  async ERR_DATASET() {
    mkdirSync("empty", { recursive: true });
    await Trainer.open({ ...recipe, data: { ...recipe.data, source: "empty" } });
  },
  ERR_DISTRIBUTED: () =>
    Trainer.open(
      { ...recipe, distributed: { timeoutSeconds: 1 } },
      { membership: { rank: 1, worldSize: 2, localRank: 1, address: "127.0.0.1", port: 29501 } },
    ),
};

/** The error, once more, so that its message can be looked at. */
export async function provoke(code: ErrorCode): Promise<CameoError | undefined> {
  try {
    await provocations[code]?.();
  } catch (error) {
    if (error instanceof CameoError) return error;
    throw error;
  }
  return undefined;
}

/** Where a processor alone can't make it happen: files that have its message, piece by piece. */
export const messageSources: Partial<Record<ErrorCode, string>> = {
  ERR_OUT_OF_MEMORY: "native/core/error.cc",
  ERR_DEVICE: "native/core/device.cc",
};

// `openAddon` here, so that a working directory that is changed later on does not matter to it.
openAddon({ cuda: false });
