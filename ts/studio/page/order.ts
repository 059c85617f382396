import { computed } from "@preact/signals";
import { defaultStrength } from "../../options/defaults.js";
import type { GalleryEntry, Inputs, VideoOrder } from "../protocol.js";
import {
  type BoxDraft,
  type Draft,
  draft,
  emptyDraft,
  emptySubject,
  type Picked,
  type SubjectDraft,
} from "./draft.js";
import { loaded, takes } from "./model.js";
import { type NumberName, numberFields, numberNames, numberText, parseNumber } from "./numbers.js";

/** Of windows that nothing is said of: the length that motion modules were trained with. */
const usualWindow = 16;

/** Of the video that the draft asks for; undefined where it isn't known, or can't be read. */
export const requestSize = computed(() => {
  const [width, height] = (["width", "height"] as const).map((name) => {
    const value = numberOf(draft.value, name) ?? loaded.value?.defaults[name] ?? 0;
    return Number.isInteger(value) && value > 0 && value <= 4096 ? value : undefined;
  });
  return width === undefined || height === undefined ? undefined : { width, height };
});

/** A picture of what the draft starts from. */
export const startPicture = computed(() => draft.value.video ?? draft.value.image ?? undefined);

/** What an order gets that says nothing of an option, given all else. */
export const placeholders = computed((): Partial<Record<NumberName | "window", number>> => {
  const { defaults, maxFrames } = loaded.value ?? { defaults: {}, maxFrames: null };
  const { image, lastImage, video, mask } = draft.value;
  const known = Object.entries(defaults).filter(([, value]) => typeof value === "number");
  const frames = video?.frames ?? defaults.frames ?? undefined;
  const given = Object.fromEntries(
    Object.entries({ image, lastImage, video, mask }).flatMap(([name, picked]) =>
      picked ? [[name, picked.id]] : [],
    ),
  );
  const asked = numberOf(draft.value, "frames") ?? frames;
  const model = { strength: takes("strength"), motion: maxFrames === null ? null : {} };
  const strength = defaultStrength(model, { ...given, ...(asked !== undefined && { frames: asked }) });
  const window = neededWindow(asked);
  return {
    ...Object.fromEntries(known),
    ...(frames !== undefined && { frames }),
    ...(strength !== undefined && { strength }),
    ...(window !== undefined && { window }),
  };
});

/** The windows' length that so many frames need. FreeNoise has windows of its own. */
function neededWindow(frames: number | undefined): number | undefined {
  const maxFrames = loaded.value?.maxFrames;
  if (!maxFrames || frames === undefined || !isPlain(draft.value.noise)) return undefined;
  const pictures = shownSubjects(draft.value).reduce((sum, { references }) => sum + references.length, 0);
  const most = maxFrames - pictures;
  return frames > most && most > 0 ? Math.min(usualWindow, most) : undefined;
}

function isPlain(noise: string): boolean {
  return noise === "" || noise === "independent";
}

/** None where the model takes none. */
export function shownSubjects({ subjects }: Draft): readonly SubjectDraft[] {
  return takes("subjects") ? subjects : [];
}

/** What is sent of a draft without faults: nothing of what the model doesn't take. */
export function orderOf(of: Draft): VideoOrder {
  const numbers = numberNames.flatMap((name) => {
    const value = numberOf(of, name);
    return value === undefined || !takes(name) ? [] : [[name, value]];
  });
  return {
    ...(takes("prompt") && { prompt: promptOf(of) }),
    ...subjectsOf(shownSubjects(of)),
    count: Number(of.count),
    ...Object.fromEntries(numbers),
    ...(of.negativePrompt.trim() !== "" && takes("negativePrompt") && { negativePrompt: of.negativePrompt }),
    ...lengthOf(of),
    ...Object.fromEntries(
      (["image", "lastImage", "video", "mask"] as const).flatMap((name) => {
        const id = of[name]?.id;
        return id === undefined || !takes(name) ? [] : [[name, id]];
      }),
    ),
  };
}

function promptOf({ prompt, later }: Draft): VideoOrder["prompt"] {
  if (later.length === 0) return prompt;
  const frames = later.map(({ frame, text }) => [parseNumber(frame, true), text]);
  return { 0: prompt, ...Object.fromEntries(frames) };
}

function lengthOf({ windowLength, windowOverlap, loop, noise }: Draft): Partial<VideoOrder> {
  const length = parseNumber(windowLength, true) ?? placeholders.value.window;
  const overlap = parseNumber(windowOverlap, true);
  const isWindowed = takes("context") && (length !== undefined || overlap !== undefined);
  return {
    // An overlap alone is for the server to refuse.
    ...(isWindowed && { context: { length, overlap } as NonNullable<VideoOrder["context"]> }),
    ...(loop && takes("loop") && { loop }),
    ...(noise !== "" && takes("noise") && { noise: noise as NonNullable<VideoOrder["noise"]> }),
  };
}

/** One that is everywhere is what references are. */
function subjectsOf(subjects: readonly SubjectDraft[]): Pick<VideoOrder, "references" | "subjects"> {
  const ids = (references: readonly Picked[]) => references.map(({ id }) => id);
  const [first] = subjects;
  if (first === undefined) return {};
  const isPlainOne = subjects.length === 1 && first.region === "everywhere";
  if (isPlainOne && first.strength.trim() === "" && first.words.trim() === "") {
    return { references: ids(first.references) };
  }
  return {
    subjects: subjects.map(({ references, region, box, mask, strength, words }) => {
      const scale = parseNumber(strength, false);
      return {
        references: ids(references),
        ...(region === "box" && { region: boxOf(box) }),
        ...(region === "mask" && mask && { region: mask.id }),
        ...(scale !== undefined && { strength: scale }),
        ...(words.trim() !== "" && { words }),
      };
    }),
  };
}

/** In parts of the frame. Sums that are 100 but for rounding end at the frame's side. */
function boxOf(box: BoxDraft) {
  // Without what rounding adds: 33.3 is 0.333.
  const part = (text: string) => Number(((parseNumber(text, false) ?? 0) / 100).toPrecision(12));
  const within = (start: number, length: number) =>
    Math.abs(start + length - 1) < 1e-9 ? 1 - start : length;
  const [x, y] = [part(box.x), part(box.y)];
  return { x, y, width: within(x, part(box.width)), height: within(y, part(box.height)) };
}

/** A draft of what made a video; `uploads` are its files, by their names. */
export function draftOf({ request, inputs }: GalleryEntry, uploads: ReadonlyMap<string, Picked>): Draft {
  const numbers = Object.fromEntries(numberNames.map((name) => [name, numberText(request[name])]));
  const picked = (name: string | undefined) => (name === undefined ? null : (uploads.get(name) ?? null));
  const { prompt = "", negativePrompt = "", context, loop = false, noise = "" } = request;
  const [first = "", ...later] = typeof prompt === "string" ? [prompt] : Object.values(prompt);
  const frames = typeof prompt === "string" ? [] : Object.keys(prompt).slice(1);
  return {
    ...emptyDraft,
    ...numbers,
    ...{ prompt: first, negativePrompt, loop, noise: isPlain(noise) ? "" : noise },
    later: later.map((text, i) => ({ frame: frames[i] ?? "", text })),
    subjects: subjectDrafts(inputs, picked),
    windowLength: numberText(context?.length),
    windowOverlap: numberText(context?.overlap),
    ...{ image: picked(inputs.image), lastImage: picked(inputs.lastImage) },
    ...{ video: picked(inputs.video), mask: picked(inputs.mask) },
  };
}

function subjectDrafts(
  { references = [], subjects = [{ references }] }: Inputs,
  picked: (name: string | undefined) => Picked | null,
): SubjectDraft[] {
  return subjects.map(({ references, region, strength, words = "" }) => ({
    ...emptySubject,
    references: references.flatMap((name) => picked(name) ?? []),
    ...(typeof region === "string" && { region: "mask" as const, mask: picked(region) }),
    ...(typeof region === "object" && { region: "box" as const, box: boxTexts(region) }),
    strength: numberText(strength),
    words,
  }));
}

/** In percent, without what rounding adds. */
export function boxTexts({ x, y, width, height }: Record<keyof BoxDraft, number>): BoxDraft {
  const text = (part: number) => numberText(Number((100 * part).toPrecision(12)));
  return { x: text(x), y: text(y), width: text(width), height: text(height) };
}

function numberOf(of: Draft, name: NumberName): number | undefined {
  return parseNumber(of[name], numberFields[name].whole);
}
