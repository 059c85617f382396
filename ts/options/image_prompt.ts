import { z } from "zod";

/** How far pictures as a prompt count, in a part of the model and of the schedule. */
export interface ImagePromptScale {
  /** What the pictures' part of every cross-attention is multiplied by, from -100 to 100. Default: 1. */
  scale?: number | undefined;
  /**
   * Scales of parts of the UNet, which multiply `scale`: `{ down_blocks: 0, "up_blocks.1.attentions.0": 1.2 }`. A part is the
   * beginning of diffusers' names of layers, up to a dot. Of several that have a layer the longest counts.
   */
  blocks?: Readonly<Record<string, number>> | undefined;
  /** Where in the schedule it begins, 0 (its first step) to 1 (its end). Default: 0. */
  from?: number | undefined;
  /** Where it ends. Default: 1. */
  to?: number | undefined;
}

/** One for the whole request, or several for parts of its schedule, of which the first that has a step counts for it. */
export type ImagePromptScales = number | ImagePromptScale | readonly ImagePromptScale[];

const most = 64;
const scale = z.number().min(-100).max(100);
const part = z.number().min(0).max(1);
const one = z
  .strictObject({
    scale: scale.optional(),
    blocks: z.record(z.string().min(1), scale).optional(),
    from: part.optional(),
    to: part.optional(),
  })
  .refine(({ from = 0, to = 1 }) => from <= to);

/** For a schema, and in words. */
export const imagePromptScales = z.union([scale, one, z.array(one).min(1).max(most)]);
export const imagePromptScalesAllowed = `a number from -100 to 100, {scale, blocks, from, to} with from and to in rising order from 0 to 1, or an array of 1 to ${most} of these`;

/** As the native half takes them. */
export function completedImagePromptScales(given: ImagePromptScales): Required<ImagePromptScale>[] {
  const list = typeof given === "number" ? [{ scale: given }] : Array.isArray(given) ? given : [given];
  return (list as ImagePromptScale[]).map(({ scale = 1, blocks = {}, from = 0, to = 1 }) => ({
    scale,
    blocks: { ...blocks },
    from,
    to,
  }));
}
