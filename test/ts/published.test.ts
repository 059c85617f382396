import { readdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type CameoError, type LoadOptions, Pipeline } from "cameo";
import t, { type Test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { writePublished } from "../support/published.js";
import { runWeights } from "../support/weights.js";

const folder = resolve("build/fixtures/published");
rmSync(folder, { recursive: true, force: true });
const write = (name: string) => writePublished(folder, name);

/** That of a file hardly more is read than its header: a few numbers of each tensor tell it from others. */
function hasReadLittle(t: Test, path: string): void {
  for (const file of filesIn(path)) {
    const { there, all } = runWeights<{ there: number; all: number }>("pages_in_memory", {
      path: file,
    }).details;
    t.ok(there < 2000 + all / 50, `${file}: ${there} of ${all} pages`);
  }
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".safetensors")).map((name) => join(path, name));
}

/** Millions of parameters, of all networks that are named. */
const bases: [name: string, family: string, says: RegExp, millions: number][] = [
  ["stable-diffusion-v1-5", "stable-diffusion", /StableDiffusionPipeline/, 1066],
  ["v1-5-pruned.safetensors", "stable-diffusion", /a Stable Diffusion checkpoint/, 1926],
  ["v1-5-pruned.ckpt", "stable-diffusion", /a Stable Diffusion checkpoint/, 1926],
  ["stable-video-diffusion-img2vid", "svd", /StableVideoDiffusionPipeline/, 2254],
  ["stable-video-diffusion-img2vid-xt", "svd", /StableVideoDiffusionPipeline/, 2254],
  ["svd.safetensors", "svd", /a Stable Video Diffusion checkpoint/, 2390],
  ["svd_xt.safetensors", "svd", /a Stable Video Diffusion checkpoint/, 2390],
  ["CogVideoX-2b", "cogvideox", /\(CogVideoXPipeline\)/, 6672],
  ["CogVideoX-5b", "cogvideox", /\(CogVideoXPipeline\)/, 10_548],
  ["CogVideoX-5b-I2V", "cogvideox", /\(CogVideoXImageToVideoPipeline\)/, 10_603],
  ["CogVideoX1.5-5B", "cogvideox", /\(CogVideoXPipeline\)/, 10_549],
  ["CogVideoX1.5-5B-I2V", "cogvideox", /\(CogVideoXImageToVideoPipeline\)/, 10_549],
  ["Latte-1", "latte", /LattePipeline/, 5903],
  ["Wan2.1-T2V-1.3B-Diffusers", "wan", /\(WanPipeline\)/, 7227],
  ["Wan2.1-T2V-14B-Diffusers", "wan", /\(WanPipeline\)/, 20_096],
  ["Wan2.1-VACE-1.3B-diffusers", "wan", /\(WanVACEPipeline\)/, 7962],
  ["Wan2.1-I2V-14B-480P-Diffusers", "wan", /\(WanImageToVideoPipeline\)/, 22_833],
  ["Wan2.1-FLF2V-14B-720P-diffusers", "wan", /\(WanImageToVideoPipeline\)/, 22_834],
  ["Wan2.1-T2V-1.3B", "wan", /a Wan model/, 7227],
  ["Wan2.1-T2V-14B", "wan", /a Wan model/, 20_096],
  ["Wan2.1-I2V-14B-480P", "wan", /a Wan model/, 22_835],
  ["Wan2.1-VACE-1.3B", "wan", /a Wan model/, 7962],
  ["i2vgen-xl", "i2vgen-xl", /I2VGenXLPipeline/, 2489],
  ["DynamiCrafter_256/model.ckpt", "dynamicrafter", /a DynamiCrafter checkpoint/, 2609],
  ["DynamiCrafter_512/model.ckpt", "dynamicrafter", /a DynamiCrafter checkpoint/, 2609],
  ["DynamiCrafter_1024/model.ckpt", "dynamicrafter", /a DynamiCrafter checkpoint/, 2609],
];

t.test("published models are known by their headers", async (t) => {
  for (const [name, family, description, millions] of bases) {
    const path = write(name);
    const inspection = await inspectPath(path);
    t.match(inspection, { option: "--base", argument: path, family, description }, name);
    t.equal(Math.round(inspection.parameters / 1e6), millions, name);
    hasReadLittle(t, path);
  }
});

const companions: [name: string, option: string, kind: string][] = [
  ["mm_sd_v15_v2.ckpt", "--motion", "animatediff-original"],
  ["animatediff-motion-adapter-v1-5-2", "--motion", "motion-adapter"],
  ["sd-controlnet-canny", "--control-model", "controlnet"],
  ["lora.safetensors", "--lora", "lora"],
];

t.test("so are files and folders that go with them", async (t) => {
  for (const [name, option, kind] of companions) {
    const path = write(name);
    t.match(await inspectPath(path), { option, argument: path, kind }, name);
  }
});

const at = (name: string) => resolve(folder, name);
const strangers: Record<string, Partial<LoadOptions>> = {
  motion: { motion: at("animatediff-motion-adapter-v1-5-2") },
  controls: { controls: [at("sd-controlnet-canny")] },
  lora: { lora: [{ path: at("lora.safetensors") }] },
};
const refused: [base: string, option: string][] = [
  ...[
    "stable-video-diffusion-img2vid",
    "svd_xt.safetensors",
    "CogVideoX-5b",
    "Latte-1",
    "i2vgen-xl",
    "Wan2.1-VACE-1.3B-diffusers",
  ].flatMap((base) => ["motion", "controls"].map((option): [string, string] => [base, option])),
  ["DynamiCrafter_512/model.ckpt", "motion"],
  ["CogVideoX-2b", "lora"],
  ["Latte-1", "lora"],
];

t.test("what doesn't go with a model is refused by name, before its weights are read", async (t) => {
  for (const [base, option] of refused) {
    const loaded = Pipeline.load({ base: at(base), device: "cpu", ...strangers[option] });
    const error = await loaded.catch((error: CameoError) => error);
    t.match(error, { code: /^ERR_(INVALID_OPTION|WEIGHTS_MISMATCH)$/, message: new RegExp(option) }, base);
    hasReadLittle(t, at(base));
  }
});
