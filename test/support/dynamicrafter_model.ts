import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SampleRequest } from "cameo";
import { readCaseFile } from "./case_file.js";
import { writeTokenizer } from "./model_folder.js";
import { fixtures } from "./probes.js";
import { writeSafetensors } from "./safetensors.js";
import { drawInput, drawWeights, type Tensors, type WeightTree } from "./tensors.js";

interface Picture {
  width: number;
  height: number;
  seed: number;
}

export type DynamiCrafterModel = "eps" | "v";

interface DynamiCrafterCase {
  seed: number;
  picture: Picture;
  last: Picture;
  models: Record<DynamiCrafterModel, { config: object; weights: WeightTree }>;
  films: Record<
    string,
    { model: DynamiCrafterModel; has_last: boolean; steps: number; request: SampleRequest }
  >;
}

const read = () => readCaseFile<DynamiCrafterCase>(join(fixtures, "dynamicrafter"));

function drawPicture({ width, height, seed }: Picture) {
  const numbers = drawInput("picture", { shape: [height, width, 3], below: 256 }, seed).data;
  return { data: Uint8Array.from(numbers), width, height };
}

/** The films of test/fixtures/dynamicrafter, by their names, of which the released code made the expected ones in so many steps. */
export function dynamiCrafterFilms(): Record<
  string,
  { model: DynamiCrafterModel; steps: number; request: SampleRequest }
> {
  const { picture, last, films } = read();
  const image = drawPicture(picture);
  return Object.fromEntries(
    Object.entries(films).map(([name, { model, has_last, steps, request }]) => [
      name,
      { model, steps, request: { ...request, image, ...(has_last && { lastImage: drawPicture(last) }) } },
    ]),
  );
}

/** As YAML with maps alone, and lists on one line. */
function yaml(values: object, indent = ""): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const isMap = typeof value === "object" && !Array.isArray(value);
      const text = Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
      return isMap ? `${indent}${name}:\n${yaml(value, `${indent}  `)}` : `${indent}${name}: ${text}\n`;
    })
    .join("");
}

/** What a checkpoint has beside its networks: the schedules that it was trained with. */
function buffers(model: DynamiCrafterModel): Tensors {
  const linear = (last: number) => Float32Array.from({ length: 1000 }, (_, i) => 1 - ((1 - last) * i) / 999);
  const alphas = { alphas_cumprod: { shape: [1000], data: linear(model === "v" ? 0 : 0.005) } };
  if (model === "eps") return alphas;
  const scales = Float32Array.from({ length: 1400 }, (_, i) => 1 - 0.3 * Math.min(i / 399, 1));
  return { ...alphas, scale_arr: { shape: [1400], data: scales } };
}

/** Writes a small DynamiCrafter checkpoint into build/fixtures, with its config and tokenizer beside it. */
export function writeDynamiCrafterModel(name: string, model: DynamiCrafterModel): string {
  const folder = join("build/fixtures", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { models, seed } = read();
  const { config, weights } = models[model];
  const file = join(folder, "model.safetensors");
  writeSafetensors(file, { ...drawWeights(weights, seed), ...buffers(model) });
  writeFileSync(join(folder, "config.yaml"), yaml({ model: { params: config } }));
  mkdirSync(join(folder, "tokenizer"));
  writeTokenizer(join(folder, "tokenizer"));
  return file;
}
