import type { LoraDescription } from "#ts/description.js";
import type { Lora } from "#ts/options/lora.js";
import { drawInput, elements, type Tensor, type Tensors } from "./tensors.js";
import { runWeights } from "./weights.js";

interface Details {
  errors: ({ code: string; message: string } | null)[];
  bytes: number[];
  descriptions: LoraDescription[][];
}

/**
 * Puts sets of LoRAs, one after another, onto networks with parameters like these, named "unet.NAME"; zeros, or `values`. `sets`
 * are the parameters after each.
 */
export function runLoras(
  like: Tensors,
  loras: readonly (readonly Lora[])[],
  { values = {}, bf16 = false }: { values?: Tensors; bf16?: boolean } = {},
): Details & { sets: Tensors[] } {
  const parameters: Record<string, Record<string, number[]>> = { unet: {}, text_encoder: {} };
  for (const [name, { shape }] of Object.entries(like)) {
    const [network = ""] = name.split(".", 1);
    parameters[network] = { ...parameters[network], [name.slice(network.length + 1)]: shape };
  }
  const { tensors, details } = runWeights<Details>("loraStack", { parameters, sets: loras, bf16 }, values);
  const sets = loras.map((_, i) =>
    Object.fromEntries(
      Object.entries(tensors)
        .filter(([name]) => name.startsWith(`${i}/`))
        .map(([name, tensor]) => [name.slice(`${i}/`.length), tensor]),
    ),
  );
  return { ...details, sets };
}

/** A layer with its network before its name, and its weight's shape. */
export interface Layer {
  name: string;
  shape: readonly number[];
}

/** How an adapter is stored. */
export interface Form {
  rank: number;
  alpha?: number;
  /** The second rank of a kernel in Tucker form. */
  mid?: number;
  /** A 1x1 kernel's shape for a matrix, or a matrix' for a 1x1 kernel. */
  isKernel?: boolean;
}

export interface Adapter {
  down: Tensor;
  up: Tensor;
  mid?: Tensor;
  alpha?: Tensor;
}

/** Drawn factors for a layer. */
export function adapter({ name, shape }: Layer, { rank, alpha, mid, isKernel }: Form): Adapter {
  const [out = 0, input = 0, ...kernel] = shape;
  const draw = (part: string, ...shape: number[]) => drawInput(`${name} ${part}`, { shape }, 7);
  const ones = (isKernel ?? kernel.length > 0) ? [1, 1] : [];
  const ofLayer = kernel[0] === 3 && mid === undefined ? kernel : ones;
  return {
    down: draw("down", rank, input, ...ofLayer),
    up: draw("up", out, mid ?? rank, ...ones),
    ...(mid !== undefined && { mid: draw("mid", mid, rank, ...kernel) }),
    ...(alpha !== undefined && { alpha: { shape: [], data: new Float32Array([alpha]) } }),
  };
}

/** alpha / rank * up (mid) down, in double precision. */
export function product({ shape }: Layer, { down, up, mid, alpha }: Adapter): Tensor<Float32Array> {
  const [out = 0, input = 0] = shape;
  const [rank = 0] = down.shape;
  const inner = up.shape[1] ?? 0;
  const points = elements(shape) / (out * input);
  const scale = alpha === undefined ? 1 : (alpha.data[0] as number) / rank;
  const at = (tensor: Tensor, index: number) => tensor.data[index] as number;
  const data = new Float32Array(elements(shape));
  for (let index = 0; index < data.length; index++) {
    const [row, column] = [Math.floor(index / (input * points)), index % (input * points)];
    const [channel, point] = [Math.floor(column / points), column % points];
    let sum = 0;
    for (let a = 0; a < inner; a++) {
      const ofUp = at(up, row * inner + a);
      if (mid === undefined) sum += ofUp * at(down, a * input * points + column);
      else
        for (let b = 0; b < rank; b++)
          sum += ofUp * at(mid, (a * rank + b) * points + point) * at(down, b * input + channel);
    }
    data[index] = sum * scale;
  }
  return { shape: [...shape], data };
}

type Keys = [down: string, up: string, mid: string, alpha: string];

export function kohya(layer: string): Keys {
  const flat = layer
    .replace(/^unet\./, "lora_unet_")
    .replace(/^text_encoder\./, "lora_te_")
    .replaceAll(".", "_");
  return [`${flat}.lora_down.weight`, `${flat}.lora_up.weight`, `${flat}.lora_mid.weight`, `${flat}.alpha`];
}

/** As attention processors were named. */
export function oldProcessor(layer: string, prefix: string): Keys {
  const own = layer.replace(/^unet\./, prefix).replace(/\.(to_[a-z]+)(\.0)?$/, ".processor.$1_lora");
  return [`${own}.down.weight`, `${own}.up.weight`, `${own}.mid.weight`, `${own}.alpha`];
}

/** A motion module's layer by AnimateDiff's own name. */
export function originalName(layer: string): string {
  return layer
    .replace(".transformer_blocks.", ".temporal_transformer.transformer_blocks.")
    .replace(/\.attn(\d)\./, (_, number) => `.attention_blocks.${number - 1}.`);
}

export const originalMotion = (layer: string): Keys => oldProcessor(originalName(layer), "module.");
