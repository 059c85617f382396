import { z } from "zod";
import type { FilmSource, ImageSource } from "../media/index.js";
import { option } from "./check.js";
import {
  completedControls,
  controlsAllowed,
  controlsSchema,
  keyframePictures,
  keyframesAllowed,
  keyframesSchema,
} from "./controls.js";
import { defined } from "./defined.js";
import {
  completedImagePromptScales,
  type ImagePromptScales,
  imagePromptScales,
  imagePromptScalesAllowed,
} from "./image_prompt.js";
import type { Shape } from "./kinds.js";
import {
  completedContext,
  completedFreeInit,
  completedPrompt,
  contextAllowed,
  freeInit,
  freeInitAllowed,
  isContext,
  isOverTime,
} from "./length.js";
import type { EmbeddingFile, LoadOptions } from "./load_request.js";
import { completedLoras, type Loras, loras, lorasAllowed } from "./lora.js";
import type { SampleRequest, Scheduler } from "./sample_request.js";
import { copySchedulerConfig, isConfigPath, readSchedulerConfig } from "./scheduler_config.js";
import { completedSubjects, subjectSchema, subjectsAllowed } from "./subjects.js";

/** A device: for a schema, and in words. */
export const deviceName = z.custom<NonNullable<LoadOptions["device"]>>(
  (value) => typeof value === "string" && /^(auto|cpu|cuda(:\d{1,2})?)$/.test(value),
);
export const deviceNames = '"auto", "cpu", "cuda" or "cuda:" and a number';

const path = z.string().min(1);
const embedding = z.union([path, z.strictObject({ path, token: z.string().min(1).optional() })]);

/** What an option's value must be, for a schema and in words. */
export function schemaOf(shape: Shape, { required = false } = {}): z.ZodType {
  const [schema, allowed] = described(shape);
  return option(required ? schema : schema.optional(), allowed);
}

function described(shape: Shape): [schema: z.ZodType, allowed: string] {
  switch (shape.kind) {
    case "text":
      return [z.string().max(shape.longest), `a text of at most ${shape.longest} characters`];
    case "whole":
      return [z.int().min(shape.min).max(shape.max), `a whole number ${bounds(shape)}`];
    case "number":
      return [between(shape), `a number ${bounds(shape)}`];
    case "range":
      return [
        z.tuple([between(shape), between(shape)]).refine(([from, to]) => from <= to),
        `two numbers ${bounds(shape)} in rising order`,
      ];
    case "choice":
      return [z.enum(shape.names), listed(shape.names).replace(/, (?=[^,]*$)/, " or ")];
    case "file":
      return [z.string().refine((path) => path.endsWith(shape.ending)), `the path of a ${shape.ending} file`];
    case "pictures":
      return [
        z.union([imageSource, z.array(imageSource).max(shape.most)]),
        `a picture (a path, a URL, a Buffer or {data, width, height}) or an array of at most ${shape.most}`,
      ];
    case "film":
      return [film(shape.most), filmAllowed(shape.most)];
    case "context":
      return [z.custom((value) => isContext(value, shape.most)), contextAllowed(shape.most)];
    case "margins":
      return [
        z.custom((value) => isMargins(value, shape.most)),
        `whole numbers of pixels as left, right, top and bottom, to ${shape.most}, not all 0`,
      ];
    case "prompt":
      return [
        z.union([
          z.string().max(shape.longest),
          z.custom((value) => isOverTime(value, shape.longest, shape.most)),
        ]),
        `a text of at most ${shape.longest} characters, or such texts by the frames at which they hold, one of them at 0`,
      ];
    case "freeInit":
      return [freeInit, freeInitAllowed];
    case "subjects":
      return [subjectSchema(imageSource, film(shape.frames), shape.longest), subjectsAllowed];
    case "picture":
      return [imageSource, "a picture (a path, a URL, a Buffer or {data, width, height})"];
    case "controls":
      return [
        controlsSchema(film(shape.frames), filmAllowed(shape.frames), shape.most),
        controlsAllowed(shape.most),
      ];
    case "keyframes":
      return [keyframesSchema(imageSource, shape.most), keyframesAllowed(shape.most)];
    case "scheduler":
      return [
        z.union([z.enum(shape.names), z.string().refine(isConfigPath), z.record(z.string(), z.unknown())]),
        `${listed(shape.names)}, the path of a scheduler_config.json or what is in one`,
      ];
    case "path":
      return [path, `the path of a ${shape.what}`];
    case "paths":
      return [
        z.union([path, z.array(path).min(1).max(shape.most)]),
        `the path of a ${shape.what}, or an array of at most ${shape.most}`,
      ];
    case "imagePromptScales":
      return [imagePromptScales, imagePromptScalesAllowed];
    case "loras":
      return [loras, lorasAllowed];
    case "embeddings":
      return [
        z.union([embedding, z.array(embedding).max(shape.most)]),
        `the path of a file, a { path, token }, or an array of at most ${shape.most}`,
      ];
    case "device":
      return [deviceName, deviceNames];
    case "devices":
      return [
        z.union([deviceName, z.array(deviceName).max(shape.most)]),
        `${deviceNames}, or an array of at most ${shape.most}`,
      ];
    case "bytes":
      return [z.int().min(1), "a whole number of bytes"];
    case "switch":
      return [z.boolean(), "true or false"];
    case "signal":
      return [z.instanceof(AbortSignal), "an AbortSignal"];
    case "callback":
      return [z.custom((value) => typeof value === "function"), "a function"];
  }
}

/** A checked value, as `video.request` has it. */
export function completed(value: unknown, shape: Shape): unknown {
  switch (shape.kind) {
    case "pictures":
      return value === undefined ? undefined : toArray(value as Pictures).map(asText);
    case "picture":
      return asText(value as ImageSource | undefined);
    case "film":
      return filmAsTexts(value as FilmSource | undefined);
    case "controls":
      return completedControls(value as SampleRequest["controls"], filmAsTexts);
    case "keyframes":
      return value === undefined ? undefined : completedKeyframes(value as SampleRequest["keyframes"]);
    case "subjects":
      return completedSubjects(value as SampleRequest["subjects"], filmAsTexts);
    case "context":
      return completedContext(value as SampleRequest["context"]);
    case "margins":
      return value === undefined
        ? undefined
        : { left: 0, right: 0, top: 0, bottom: 0, ...defined(value as object) };
    case "prompt":
      return completedPrompt(value as SampleRequest["prompt"]);
    case "freeInit":
      return completedFreeInit(value as SampleRequest["freeInit"]);
    case "scheduler":
      return completedScheduler(value as Scheduler | undefined);
    case "loras":
      return value === undefined ? undefined : completedLoras(value as Loras);
    case "imagePromptScales":
      return value === undefined ? undefined : completedImagePromptScales(value as ImagePromptScales);
    case "paths":
    case "devices":
      return typeof value === "string" ? [value] : value;
    case "embeddings":
      return value === undefined
        ? undefined
        : embeddingFiles(value as NonNullable<LoadOptions["embeddings"]>);
    default:
      return value;
  }
}

function embeddingFiles(given: NonNullable<LoadOptions["embeddings"]>): EmbeddingFile[] {
  const list: readonly (string | EmbeddingFile)[] = Array.isArray(given) ? given : [given];
  return list.map((file) => (typeof file === "string" ? { path: file } : defined(file)));
}

/** A name, or a config that is nobody else's to change. */
function completedScheduler(value: Scheduler | undefined): Scheduler | undefined {
  if (typeof value === "object") return copySchedulerConfig(value);
  return value !== undefined && isConfigPath(value) ? readSchedulerConfig(value) : value;
}

function isMargins(value: unknown, most: number): boolean {
  const side = z.int().min(0).max(most).optional();
  const shape = z.strictObject({ left: side, right: side, top: side, bottom: side });
  const { data } = shape.safeParse(value);
  return data !== undefined && Object.values(data).some((margin = 0) => margin > 0);
}

function filmAsTexts<T extends FilmSource | undefined>(film: T): T {
  return (Array.isArray(film) ? film.map(asText) : asText(film)) as T;
}

function completedKeyframes(keyframes: SampleRequest["keyframes"]): SampleRequest["keyframes"] {
  return Object.fromEntries(keyframePictures(keyframes).map(([frame, picture]) => [frame, asText(picture)]));
}

/** URLs as texts, which unlike them may be passed to another thread. */
function asText<T>(source: T | URL): T | string {
  return source instanceof URL ? source.href : source;
}

function listed(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}

type Pictures = ImageSource | readonly ImageSource[] | undefined;

export function toArray(pictures: Pictures): readonly ImageSource[] {
  if (pictures === undefined) return [];
  return Array.isArray(pictures) ? pictures : [pictures as ImageSource];
}

interface Bounds {
  min: number;
  max: number;
}

function between({ min, max }: Bounds): z.ZodNumber {
  return z.number().min(min).max(max);
}

function bounds({ min, max }: Bounds): string {
  return `from ${min} to ${max}`;
}

const imageSource = z.custom<ImageSource>(isImageSource);
const filmAllowed = (most: number) =>
  `a film: the path of one or of a folder of frames, an array of 1 to ${most} pictures or {data, frames, width, height}`;
const film = (most: number) => z.union([filmSource, z.array(imageSource).min(1).max(most)]);
const filmSource = z.custom<FilmSource>((value) => isImageSource(value) || isFrames(value));

/** What a `Video` has, beside what pixels of a picture have. */
function isFrames(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["frames", "count", "width", "height"].every((name) => name in value);
}

function isImageSource(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  if (value instanceof URL || value instanceof Uint8Array) return true;
  return (
    typeof value === "object" && value !== null && "data" in value && "width" in value && "height" in value
  );
}
