import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { writeVideo } from "#ts/media/index.js";
import { writeSmallModel } from "../small_model.js";
import { makeRandom } from "./build.js";
import type { Cases } from "./corpus.js";

/** Well-formed inputs of every kind, as small as can be: what a base model's and a motion adapter's folder hold but weights. */
export function configFolder(): Cases {
  const { base, motion = "" } = writeSmallModel("fuzz");
  const folders = { base, motion };
  const names = [
    "unet/config",
    "vae/config",
    "text_encoder/config",
    "scheduler/scheduler_config",
    "model_index",
  ];
  const files = [...names.map((name) => `base/${name}.json`), "motion/config.json"];
  const read = (file: string) => {
    const [first = "", ...rest] = file.split("/");
    return readFileSync(join(folders[first as "base" | "motion"], ...rest));
  };
  return Object.fromEntries(files.map((file) => [file, read(file)]));
}

/** CLIP's tokenizer as older and as newer releases save it. */
export function tokenizerFolders(): [older: Cases, newer: Cases] {
  const folder = join(writeSmallModel("fuzz").base, "tokenizer");
  const older = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]),
  );
  const text = (name: string) => older[name]?.toString("utf8") ?? "";
  const vocab: Record<string, number> = JSON.parse(text("vocab.json"));
  const merges = text("merges.txt").trim().split("\n").slice(1);
  const tokens = ["<|startoftext|>", "<|endoftext|>"].map((content) => ({
    content,
    id: vocab[content],
    special: true,
  }));
  const whole = { added_tokens: tokens, model: { type: "BPE", vocab, merges } };
  const added = Object.fromEntries(tokens.map(({ id, ...token }) => [id, token]));
  const config = { ...JSON.parse(text("tokenizer_config.json")), added_tokens_decoder: added };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  return [older, { "tokenizer.json": json(whole), "tokenizer_config.json": json(config) }];
}

export async function pictureSeeds(): Promise<Cases> {
  const random = makeRandom(1);
  const [width, height] = [48, 32];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
    i % 96 < 48 ? random(256) : i % 200,
  );
  const image = () => sharp(data, { raw: { width, height, channels: 3 } });
  const frames = sharp(Buffer.concat([data, data.map((value) => 255 - value)]), {
    raw: { width, height: 2 * height, channels: 3, pageHeight: height },
  });
  const forms: Record<string, Sharp> = {
    png: image().png(),
    "png-palette": image().png({ palette: true, colours: 16 }),
    "png-deep": image().toColourspace("rgb16").png(),
    "png-interlaced": image().ensureAlpha(0.5).png({ progressive: true }),
    jpeg: image().withMetadata({ orientation: 6 }).jpeg(),
    "jpeg-progressive": image().jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
    webp: image().webp(),
    "webp-lossless": image().ensureAlpha(0.5).webp({ lossless: true }),
    avif: image().avif({ effort: 0 }),
    gif: frames.clone().gif(),
    tiff: image().tiff({ compression: "lzw" }),
    "tiff-tiled": image().tiff({ compression: "deflate", tile: true, tileWidth: 16, tileHeight: 16 }),
  };
  const files: Cases = {};
  for (const [name, form] of Object.entries(forms)) files[name] = await form.toBuffer();
  return files;
}

const filmFixtures = join("test", "fixtures", "media");

/** Films and animations of a few small frames. `folder` is for what is written on the way. */
export async function filmSeeds(folder: string): Promise<Cases> {
  const fixtures = readdirSync(filmFixtures).filter((name) => /\.(mp4|webm)$/.test(name));
  const files = Object.fromEntries(fixtures.map((name) => [name, readFileSync(join(filmFixtures, name))]));
  mkdirSync(folder, { recursive: true });
  const [width, height, count] = [32, 24, 5];
  const frames = Uint8Array.from({ length: 3 * width * height * count }, (_, i) => (i * 7) % 251);
  for (const name of ["a.mp4", "a.webm", "a.gif", "a.webp"]) {
    const path = join(folder, name);
    const about = { software: "cameo", parameters: { prompt: "a fox", seed: 1, guidanceScale: 1 } };
    await writeVideo(path, { frames, width, height, count, fps: 8 }, about);
    files[name] = readFileSync(path);
  }
  return files;
}
