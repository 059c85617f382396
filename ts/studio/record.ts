import { z } from "zod";
import type { Shape } from "../options/kinds.js";
import { type OptionName, optionEntries } from "../options/sample_options.js";
import { mostSubjects } from "../options/subjects.js";
import type { Video } from "../video.js";
import { plainOptions } from "./inputs.js";
import type { GalleryEntry } from "./protocol.js";

/** What request.json of a gallery's entry has. */

export const idPattern = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

/** The names that files have there: no other is shown or deleted. */
const videoName = z.string().regex(/^video\.(mp4|webp|png)$/);
const inputName = z
  .string()
  .regex(
    /^(reference-\d+|subject-\d+-\d+|region-\d+|first|last|start|mask)\.(png|jpeg|webp|avif|gif|tiff|mp4|webm)$/,
  );

const side = z.number();
const inputsSchema = z.object({
  references: z.array(inputName).optional(),
  subjects: z
    .array(
      z.object({
        references: z.array(inputName),
        region: z.union([inputName, z.object({ x: side, y: side, width: side, height: side })]).optional(),
        strength: z.number().optional(),
        words: z.string().optional(),
      }),
    )
    .max(mostSubjects)
    .optional(),
  image: inputName.optional(),
  lastImage: inputName.optional(),
  video: inputName.optional(),
  mask: inputName.optional(),
});

const shownKinds: { [Kind in Shape["kind"]]?: z.ZodType } = {
  prompt: z.union([z.string(), z.record(z.string(), z.string())]),
  text: z.string(),
  choice: z.string(),
  whole: z.number(),
  number: z.number(),
  switch: z.boolean(),
  context: z.looseObject({ length: z.number(), overlap: z.number() }),
};

/** What the page shows of a request; an older one may lack the rest. */
const always: readonly OptionName[] = ["prompt", "seed", "frames", "fps", "width", "height"];

const shownValues = Object.fromEntries(
  plainOptions.map(([name, { value }]) => {
    const schema = shownKinds[value.kind] ?? z.unknown();
    return [name, always.includes(name) ? schema : schema.optional()];
  }),
);

const entrySchema = z.object({
  id: z.string().regex(idPattern),
  created: z.string(),
  video: videoName,
  inputs: inputsSchema,
  request: z.looseObject(shownValues),
  warnings: z.array(z.string()),
  seconds: z.number(),
});

/** A record's entry; undefined where it is none that a gallery wrote. */
export function parseRecord(text: string): GalleryEntry | undefined {
  const { data } = entrySchema.safeParse(withInputs(parse(text)));
  return data as GalleryEntry | undefined;
}

/** Of pictures and films their paths, which mean nothing here: their copies are the entry's inputs. */
const withFiles: ReadonlySet<string> = new Set<Shape["kind"]>([
  ...(["picture", "pictures", "film", "subjects", "keyframes", "controls"] as const),
]);

/** A video's request without its pictures and films. */
export function recordedRequest({ request }: Video): GalleryEntry["request"] {
  const plain = optionEntries.filter(([name, { value }]) => name in request && !withFiles.has(value.kind));
  return Object.fromEntries(
    plain.map(([name]) => [name, request[name as keyof typeof request]]),
  ) as GalleryEntry["request"];
}

/** Videos that were made when references were all that an order had say them beside `video`. */
function withInputs(record: unknown): unknown {
  if (typeof record !== "object" || record === null || "inputs" in record) return record;
  return "references" in record ? { ...record, inputs: { references: record.references } } : record;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
