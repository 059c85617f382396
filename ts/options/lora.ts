import { z } from "zod";
import type { NativeLora } from "../native.js";
import { checkOptions, option } from "./check.js";
import { defined } from "./defined.js";

/** A LoRA: a file, and how strong it is. */
export interface Lora {
  /**
   * A safetensors file, or one of torch.save, with kohya's, PEFT's or diffusers' names, or a motion LoRA or domain adapter
   * of AnimateDiff's.
   */
  path: string;
  /** What all that the file adds is multiplied by, from -1000 to 1000. Default: 1. */
  scale?: number | undefined;
  /**
   * Scales of parts of the model, which multiply `scale`: `{ "down_blocks.1": 0.5, mid_block: 0, text_encoder: 0.8 }`. A part
   * is the beginning of diffusers' names of layers, up to a dot. Of several that have a layer the longest counts.
   */
  blocks?: Readonly<Record<string, number>> | undefined;
}

/** LoRAs: the path of one, or with a scale, or several, which add up. */
export type Loras = string | Lora | readonly (string | Lora)[];

/** How many there may be at once. */
export const mostLoras = 64;

const scale = z.number().min(-1000).max(1000);
const path = z.string().min(1);
const lora = z.union([
  path,
  z.strictObject({
    path,
    scale: scale.optional(),
    blocks: z.record(path, scale).optional(),
  }),
]);

/** For a schema, and in words. */
export const loras = z.union([lora, z.array(lora).max(mostLoras)]);
export const lorasAllowed = `the path of a LoRA, {path, scale, blocks} with scales from -1000 to 1000, or an array of at most ${mostLoras} of these`;

const schema = z.strictObject({ lora: option(loras, lorasAllowed) });
const callSchema = z.strictObject({
  signal: option(z.instanceof(AbortSignal).optional(), "an AbortSignal"),
});

/** As the native half takes them. */
export function completedLoras(given: Loras): NativeLora[] {
  const list = (Array.isArray(given) ? given : [given]) as (string | Lora)[];
  return list.map((one) => {
    const { path, scale = 1, blocks } = typeof one === "string" ? { path: one } : (one as Lora);
    return { path, scale, ...defined({ blocks: blocks && { ...blocks } }) };
  });
}

/** What `setLora` is given. Throws ERR_INVALID_OPTION. */
export function checkLoras(
  given: unknown,
  options: unknown,
): { loras: NativeLora[]; signal: AbortSignal | undefined } {
  const { lora } = checkOptions(schema, { lora: given });
  const { signal } = checkOptions(callSchema, options);
  return { loras: completedLoras(lora), signal };
}
