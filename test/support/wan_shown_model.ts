import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RawFilm, RawImage, SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { fixtures } from "./probes.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type Tensors, type WeightTree } from "./tensors.js";
import { wanRequest, writeWan } from "./wan_model.js";

export type WanShownFilm = "vace" | "image" | "both";
type Picture = [width: number, height: number, seed: number];

interface ShownCase {
  networks: Record<string, { config: object; weights: WeightTree; seed: number }>;
  shown: {
    reference?: Picture[];
    film?: number;
    mask?: number;
    scale?: number;
    image?: Picture;
    lastImage?: Picture;
  };
}

const folder = join(fixtures, "wan-shown");
type ShownCases = Record<WanShownFilm, ShownCase> & { windows: Pick<SampleRequest, "context" | "frames"> };
const readShown = (film: WanShownFilm) => readCaseFile<ShownCases>(folder)[film];

function drawPicture([width, height, seed]: Picture): RawImage {
  const { data } = drawInput("picture", { shape: [height, width, 3], below: 256 }, seed);
  return { data: Uint8Array.from(data), width, height };
}

/** A film of the request's size, of so many channels, which are shown as grey where there is one. */
function drawFrames(name: string, frames: number, seed: number, channels: 1 | 3): RawFilm {
  const size = 16;
  const { data } = drawInput(name, { shape: [frames, size, size, channels], below: 256 }, seed);
  const numbers = channels === 3 ? Array.from(data) : Array.from(data).flatMap((grey) => [grey, grey, grey]);
  return { data: Uint8Array.from(numbers), frames, width: size, height: size };
}

/** A film of test/fixtures/wan-shown, of which diffusers made the expected one. It squashes pictures to the film's size. */
export function wanShownRequest(film: WanShownFilm, frames = 5): SampleRequest {
  const { reference, film: seed, mask, scale, image, lastImage } = readShown(film).shown;
  return {
    ...{ ...wanRequest(), steps: 2, fit: "fill", frames },
    ...(reference && { reference: reference.map(drawPicture), conditioningScale: scale }),
    ...(seed && { video: drawFrames("film", frames, seed, 3) }),
    ...(mask && { mask: drawFrames("mask", frames, mask, 1) }),
    ...(image && { image: drawPicture(image) }),
    ...(lastImage && { lastImage: drawPicture(lastImage) }),
  };
}

/** The longer film in windows, of which diffusers' transformer made the expected one window by window. */
export function wanWindowsRequest(film: WanShownFilm): SampleRequest {
  const { frames, context } = readCaseFile<ShownCases>(folder).windows;
  return { ...wanShownRequest(film, frames), context };
}

/** Its latents after the last step alone, (1, 1, C, latents, h, w). */
export const wanWindowsExpected = (film: WanShownFilm): Tensors =>
  readSafetensors(join(folder, `${film}-windows.safetensors`));

export const wanShownExpected = (film: WanShownFilm): Tensors =>
  readSafetensors(join(folder, `${film}.safetensors`));

const classes: Record<string, object> = {
  transformer: { _class_name: "WanTransformer3DModel" },
  image_encoder: { architectures: ["CLIPVisionModel"] },
};

/** Writes a small Wan model that is shown pictures or films, in diffusers' layout. `changes` are laid over its transformer's config. */
export function writeWanShown(name: string, film: WanShownFilm, changes: object = {}): string {
  const base = writeWan(name);
  for (const [network, { config, weights, seed }] of Object.entries(readShown(film).networks)) {
    mkdirSync(join(base, network), { recursive: true });
    const kind =
      film === "vace" ? { _class_name: "WanVACETransformer3DModel" } : (classes[network] as object);
    const whole = { ...config, ...kind, ...(network === "transformer" && changes) };
    writeFileSync(join(base, network, "config.json"), JSON.stringify(whole));
    const file = network === "transformer" ? "diffusion_pytorch_model" : "model";
    writeSafetensors(join(base, network, `${file}.safetensors`), drawWeights(weights, seed));
  }
  const pipeline = film === "vace" ? "WanVACEPipeline" : "WanImageToVideoPipeline";
  writeFileSync(join(base, "model_index.json"), JSON.stringify({ _class_name: pipeline }));
  return base;
}
