import { effect, signal } from "@preact/signals";
import type { GalleryEntry, VideoOrder } from "../protocol.js";
import { fetchFile, fileUrl, hasReference, orderVideos, uploadReference } from "./api.js";
import {
  type NumberName,
  numberFault,
  numberFields,
  numberNames,
  numberText,
  parseNumber,
} from "./numbers.js";
import { announcement } from "./store.js";

/** What the form holds: as typed, so that an empty field takes the default. */
export interface Draft extends Record<NumberName, string> {
  prompt: string;
  references: readonly { id: string; name: string }[];
  count: string;
  negativePrompt: string;
}

export type TextField = Exclude<keyof Draft, "references">;

const storageKey = "draft";
const empty: Draft = {
  prompt: "",
  references: [],
  count: "1",
  ...(Object.fromEntries(numberNames.map((name) => [name, ""])) as Record<NumberName, string>),
  negativePrompt: "",
};

export const draft = signal<Draft>(stored());
export const draftError = signal("");
/** Pictures that are on their way to the server. */
export const uploading = signal(0);

// Of this tab alone, and there again when it is reloaded.
effect(() => sessionStorage.setItem(storageKey, JSON.stringify(draft.value)));

export function setField(name: TextField, value: string): void {
  draft.value = { ...draft.value, [name]: value };
}

export async function addPictures(files: Iterable<File>): Promise<void> {
  draftError.value = "";
  for (const file of files) {
    uploading.value++;
    try {
      const { id } = await uploadReference(file);
      addReference(id, file.name);
    } catch (error) {
      draftError.value = (error as Error).message;
    } finally {
      uploading.value--;
    }
  }
}

export function removeReference(id: string): void {
  const references = draft.value.references.filter((reference) => reference.id !== id);
  draft.value = { ...draft.value, references };
  announcement.value = "Reference removed.";
}

/** Drops references that the server has forgotten, as when it was started again. */
export async function forgetLost(): Promise<void> {
  const { references } = draft.value;
  const found = await Promise.all(
    references.map(async (reference) => (await hasReference(reference.id)) && reference),
  );
  draft.value = { ...draft.value, references: found.filter((reference) => reference !== false) };
}

/** Sends the order; what is wrong with it is in `draftError`, and nothing is sent where a field's number can't be read. */
export async function submit(): Promise<void> {
  const faults = numberNames.flatMap((name) => numberFault(name, draft.value[name]) ?? []);
  draftError.value = faults.join("; ");
  if (faults.length > 0) return;
  try {
    await orderVideos(order(draft.value));
    announcement.value = "Queued.";
  } catch (error) {
    draftError.value = (error as Error).message;
  }
}

/** Fills the form with what made a video, its references included. */
export async function useAgain({ id, request, references }: GalleryEntry): Promise<void> {
  draftError.value = "";
  const fields = Object.fromEntries(numberNames.map((name) => [name, fieldText(request[name])]));
  const { prompt, negativePrompt = "" } = request;
  draft.value = { ...empty, ...fields, prompt, negativePrompt };
  for (const name of references) {
    try {
      const uploaded = await uploadReference(await fetchFile(fileUrl(id, name)));
      addReference(uploaded.id, name);
    } catch (error) {
      draftError.value = (error as Error).message;
    }
  }
}

function order({ prompt, references, count, negativePrompt, ...fields }: Draft): VideoOrder {
  const given = numberNames.flatMap((name) => {
    const value = parseNumber(fields[name], numberFields[name].whole);
    return value === undefined ? [] : [[name, value]];
  });
  return {
    prompt,
    references: references.map(({ id }) => id),
    count: Number(count),
    ...Object.fromEntries(given),
    ...(negativePrompt.trim() === "" ? {} : { negativePrompt }),
  };
}

/** Empty for an option that the video's request doesn't have. */
function fieldText(value: unknown): string {
  return typeof value === "number" ? numberText(value) : "";
}

function addReference(id: string, name: string): void {
  const { references } = draft.value;
  if (references.some((reference) => reference.id === id)) return;
  draft.value = { ...draft.value, references: [...references, { id, name }] };
  announcement.value = `Reference ${name} added.`;
}

function stored(): Draft {
  try {
    return { ...empty, ...JSON.parse(sessionStorage.getItem(storageKey) ?? "{}") };
  } catch {
    return empty;
  }
}
