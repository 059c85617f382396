import { effect, signal } from "@preact/signals";
import type { Upload } from "../protocol.js";
import { hasUpload } from "./api.js";
import { type NumberName, numberNames } from "./numbers.js";

/** A file that was uploaded, by its own name. */
export interface Picked extends Upload {
  name: string;
}

/** In percent of the frame, as typed. */
export type BoxDraft = Record<"x" | "y" | "width" | "height", string>;

export interface SubjectDraft {
  references: readonly Picked[];
  region: "everywhere" | "box" | "mask";
  box: BoxDraft;
  mask: Picked | null;
  strength: string;
  words: string;
}

/** Inputs of which there is one each. */
export type SingleInput = "image" | "lastImage" | "video" | "mask";

/** What the form holds: as typed, so that an empty field takes the default. */
export interface Draft extends Record<NumberName, string>, Record<SingleInput, Picked | null> {
  prompt: string;
  /** Prompts of later frames. */
  later: readonly { frame: string; text: string }[];
  subjects: readonly SubjectDraft[];
  count: string;
  negativePrompt: string;
  windowLength: string;
  windowOverlap: string;
  loop: boolean;
  noise: string;
}

/** The fields that hold a text, numbers among them. */
export type TextField = {
  [Name in keyof Draft]: Draft[Name] extends string ? Name : never;
}[keyof Draft];

export const emptySubject: SubjectDraft = {
  references: [],
  region: "everywhere",
  box: { x: "0", y: "0", width: "50", height: "100" },
  mask: null,
  strength: "",
  words: "",
};

export const emptyDraft: Draft = {
  prompt: "",
  later: [],
  subjects: [emptySubject],
  count: "1",
  ...(Object.fromEntries(numberNames.map((name) => [name, ""])) as Record<NumberName, string>),
  ...{ negativePrompt: "", windowLength: "", windowOverlap: "", loop: false, noise: "" },
  ...{ image: null, lastImage: null, video: null, mask: null },
};

const storageKey = "draft";

export const draft = signal<Draft>(stored());

// Of this tab alone, and there again when it is reloaded.
effect(() => sessionStorage.setItem(storageKey, JSON.stringify(draft.value)));

export function change(fields: Partial<Draft>): void {
  draft.value = { ...draft.value, ...fields };
}

export function setField(name: TextField, value: string): void {
  change({ [name]: value });
}

export function changeSubject(index: number, fields: Partial<SubjectDraft>): void {
  const { subjects } = draft.value;
  change({ subjects: subjects.map((subject, i) => (i === index ? { ...subject, ...fields } : subject)) });
}

/** Drops what the server has forgotten, as when it was started again. */
export async function forgetLost(): Promise<void> {
  const lost = new Set<string>();
  await Promise.all(
    pickedIn(draft.value).map(async ({ id }) => {
      if (!(await hasUpload(id))) lost.add(id);
    }),
  );
  if (lost.size === 0) return;
  const kept = (picked: Picked | null) => (picked && lost.has(picked.id) ? null : picked);
  const { image, lastImage, video, mask, subjects } = draft.value;
  change({
    ...{ image: kept(image), lastImage: kept(lastImage), video: kept(video), mask: kept(mask) },
    subjects: subjects.map((subject) => ({
      ...subject,
      references: subject.references.filter(({ id }) => !lost.has(id)),
      mask: kept(subject.mask),
    })),
  });
}

function pickedIn({ image, lastImage, video, mask, subjects }: Draft): Picked[] {
  const ofSubjects = subjects.flatMap((subject) => [...subject.references, subject.mask]);
  return [image, lastImage, video, mask, ...ofSubjects].filter((picked) => picked !== null);
}

function stored(): Draft {
  try {
    return { ...emptyDraft, ...JSON.parse(sessionStorage.getItem(storageKey) ?? "{}") };
  } catch {
    return emptyDraft;
  }
}
