import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writeVideo } from "#ts/media/index.js";
import { cogVideoXLora, writeCogVideoX } from "./cogvideox_model.js";
import { writeControl } from "./control_folder.js";
import { writeDynamiCrafterModel } from "./dynamicrafter_model.js";
import { writeI2VGenModel } from "./i2vgen_model.js";
import { writeLatte, writeLatteTemporalVae } from "./latte_model.js";
import { writeModel } from "./model_folder.js";
import { png } from "./pictures.js";
import { writeSafetensors } from "./safetensors.js";
import { scheduler, widenInput } from "./small_model.js";
import { drawInput } from "./tensors.js";
import { writeClips, writeRecipe } from "./training_run.js";
import { writeVideoModel } from "./video_model.js";
import { wanLora, writeReleasedWan } from "./wan_model.js";
import { writeWanShown } from "./wan_shown_model.js";

/**
 * Makes a folder with everything that the documentation's examples name, on a small random model: what they say works
 * there as it stands. Returns its absolute path.
 */
export async function writeExampleFolder(name: string): Promise<string> {
  const folder = resolve("build/fixtures", name);
  rmSync(folder, { recursive: true, force: true });
  const {
    base,
    motion = "",
    subject = "",
  } = writeModel(join(folder, "small"), {
    ...{ motion: "motion", subject: "subject", scheduler },
    maxFrames: 32,
  });
  const copies: Record<string, string[]> = {
    [base]: ["sd15", "pix2pix", "models/sd15", "runs/image/model/base"],
    [motion]: ["motion-adapter", "models/motion-adapter", "runs/motion/model/motion"],
    // The example names an adapter of the model that ships, and the shipped model is what it is loaded on.
    "weights/troupe/pairs.safetensors": ["weights/troupe/pairs.safetensors"],
    [subject]: ["videomaker.bin", "models/human_pytorch_model.bin", "runs/people/model/subject.safetensors"],
    "examples/critter.png": [
      ...["me.png", "examples/critter.png", "examples/critter-2.png"],
      ...["depth/000.png", "depth/001.png", "walk/000.png", "walk/001.png"],
      ...["street", "poses"].flatMap((film) => [0, 1, 2, 3, 4].map((frame) => `${film}/00${frame}.png`)),
    ],
  };
  for (const [from, targets] of Object.entries(copies)) {
    for (const to of targets) copyTo(from, join(folder, to));
  }
  for (const name of ["control_v11f1p_sd15_depth", "depth-model", "canny-model"])
    writeControl(join(folder, name), "controlnet");
  widenInput(join(folder, "pix2pix"), 8);
  copyTo(writeVideoModel(`${name}-svd`), join(folder, "svd-xt"));
  copyTo(dirname(writeDynamiCrafterModel(`${name}-dynamicrafter`, "v")), join(folder, "dynamicrafter"));
  renameSync(join(folder, "dynamicrafter/model.safetensors"), join(folder, "dynamicrafter/model.ckpt"));
  copyTo(writeI2VGenModel(`${name}-i2vgen`), join(folder, "i2vgen-xl"));
  copyTo(writeCogVideoX(`${name}-cogvideox`, "text"), join(folder, "models/CogVideoX-2b"));
  for (const run of ["cogvideox-lora", "one-step"]) {
    mkdirSync(join(folder, "runs", run, "model"), { recursive: true });
    writeSafetensors(join(folder, "runs", run, "model/lora.safetensors"), cogVideoXLora());
  }
  // With places for the sizes that are asked for.
  const places = { sample_width: 32, sample_height: 32 };
  copyTo(writeCogVideoX(`${name}-cogvideox-i2v`, "picture", places), join(folder, "models/CogVideoX-5b-I2V"));
  copyTo(writeLatte(`${name}-latte`), join(folder, "latte-1"));
  const long = { rope_max_seq_len: 1024 };
  copyTo(writeWanShown(`${name}-vace`, "vace", long), join(folder, "models/Wan2.1-VACE-1.3B"));
  copyTo(writeWanShown(`${name}-wan-i2v`, "image", long), join(folder, "models/Wan2.1-I2V-14B-480P"));
  writeLatteTemporalVae(join(folder, "latte-1/vae_temporal_decoder"));
  const { base: wan, phantom } = writeReleasedWan(`${name}-wan`);
  copyTo(wan, join(folder, "Wan2.1-T2V-1.3B"));
  copyTo(phantom, join(folder, "Phantom-Wan-1.3B.pth"));
  copyTo("examples/small_wan/model", join(folder, "examples/small_wan/model"));
  writeSafetensors(join(folder, "few-steps.safetensors"), wanLora(["blocks.0.self_attn.q"]));
  const film = { frames: new Uint8Array(3 * 64 * 64 * 4).fill(128), count: 4, width: 64, height: 64, fps: 8 };
  await writeVideo(join(folder, "clip.mp4"), film, { software: "cameo", parameters: {} });
  const half = Array.from({ length: 64 * 64 }, (_, i) => (i % 64 < 32 ? 0 : 255));
  writeFileSync(join(folder, "mask.png"), png({ width: 64, height: 64, bits: 8, values: half }, 1));
  writeSafetensors(join(folder, "fox.safetensors"), { emb_params: drawInput("fox", { shape: [2, 12] }, 1) });
  const clips = await writeClips(join(folder, "clips"), 2);
  writeRecipe(
    {
      kind: "subject",
      model: { base, motion, subject },
      data: { source: clips, frames: 4, stride: 2, size: [64, 64] },
      steps: 2,
      device: "cpu",
      output: join(folder, "runs/new"),
    },
    join(folder, "people.jsonc"),
  );
  return folder;
}

function copyTo(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}
