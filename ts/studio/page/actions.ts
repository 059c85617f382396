import { signal } from "@preact/signals";
import { listInputs } from "../inputs.js";
import type { GalleryEntry } from "../protocol.js";
import { fetchFile, fileUrl, orderVideos, upload } from "./api.js";
import { change, changeSubject, draft, emptySubject, type Picked, type SingleInput } from "./draft.js";
import { checkDraft, draftError, refuse } from "./faults.js";
import { draftOf, orderOf } from "./order.js";
import { announcement } from "./store.js";

/** Files that are on their way to the server. */
export const uploading = signal(0);

/** Uploads files one after another; what is wrong with one is in `draftError`. */
async function uploadEach(
  files: Iterable<File>,
  kind: "picture" | "film",
  onUpload: (picked: Picked) => void,
): Promise<void> {
  draftError.value = "";
  for (const file of files) {
    uploading.value++;
    try {
      onUpload({ ...(await upload(file, kind)), name: file.name });
      announcement.value = `${file.name} added.`;
    } catch (error) {
      draftError.value = (error as Error).message;
    } finally {
      uploading.value--;
    }
  }
}

/** Adds pictures to a subject; those that it has already only once. */
export function addReferences(files: Iterable<File>, index: number): Promise<void> {
  return uploadEach(files, "picture", (picked) => {
    const references = draft.value.subjects[index]?.references ?? [];
    if (references.some(({ id }) => id === picked.id)) return;
    changeSubject(index, { references: [...references, picked] });
  });
}

/** The last one of the files is taken. */
export function pickInput(name: Exclude<SingleInput, "mask">, files: readonly File[]): Promise<void> {
  const kind = name === "video" ? "film" : "picture";
  return uploadEach(files.slice(-1), kind, (picked) => change({ [name]: picked }));
}

/** What was dropped anywhere or pasted: a film to start from, or pictures of the last subject. */
export async function addFiles(files: readonly File[]): Promise<void> {
  const films = files.filter(({ type }) => type.startsWith("video/"));
  const pictures = files.filter((file) => !films.includes(file));
  if (films.length > 0) await pickInput("video", films);
  if (pictures.length > 0) await addReferences(pictures, draft.value.subjects.length - 1);
}

export function addSubject(): void {
  const { subjects } = draft.value;
  change({ subjects: [...subjects, emptySubject] });
  announcement.value = `Subject ${subjects.length + 1} added.`;
}

export function removeSubject(index: number): void {
  const { subjects } = draft.value;
  change({ subjects: subjects.filter((_, i) => i !== index) });
  announcement.value = `Subject ${index + 1} removed.`;
}

/** Sends the order; nothing is sent where something is wrong with a field. */
export async function submit(): Promise<void> {
  if (!checkDraft()) return;
  const of = draft.value;
  try {
    await orderVideos(orderOf(of));
    announcement.value = "Queued.";
  } catch (error) {
    refuse((error as Error).message, of);
  }
}

/** Fills the form with what made a video, its pictures and films included. */
export async function useAgain(entry: GalleryEntry): Promise<void> {
  draftError.value = "";
  draft.value = draftOf(entry, new Map());
  const uploads = new Map<string, Picked>();
  for (const { input: name, copy } of listInputs(entry.inputs)) {
    try {
      const bytes = await fetchFile(fileUrl(entry.id, name));
      uploads.set(name, { ...(await upload(bytes, copy === "start" ? "film" : "picture")), name });
    } catch (error) {
      draftError.value = (error as Error).message;
    }
  }
  draft.value = draftOf(entry, uploads);
}
