import { useSignal } from "@preact/signals";
import { duration } from "../../duration.js";
import { listInputs } from "../inputs.js";
import type { GalleryEntry } from "../protocol.js";
import { useAgain } from "./actions.js";
import { deleteEntry, fileUrl } from "./api.js";
import { Clip, DownloadLink } from "./clip.js";
import { draftError } from "./faults.js";
import { dateTime, promptText } from "./format.js";
import { numberFields, numberNames } from "./numbers.js";
import { announcement, gallery } from "./store.js";

/** The videos that were made so far. */
export function Gallery() {
  const entries = gallery.value;
  return (
    <section id="gallery" aria-labelledby="gallery-title" tabIndex={-1}>
      <h2 id="gallery-title">Gallery</h2>
      {entries.length === 0 && <p class="hint">Every video that you make is kept here, with its request.</p>}
      <ul class="entries">
        {entries.map((entry) => (
          <EntryCard key={entry.id} entry={entry} />
        ))}
      </ul>
    </section>
  );
}

function EntryCard({ entry }: { entry: GalleryEntry }) {
  const again = async () => {
    await useAgain(entry);
    announcement.value = "The form holds this video's request.";
    document.getElementById("prompt")?.focus();
  };
  return (
    <li class="panel entry">
      <Clip entry={entry} />
      <p class="prompt">{promptText(entry.request.prompt) || "Without a prompt"}</p>
      {entry.warnings.map((warning) => (
        <p key={warning} class="warning">
          {warning}
        </p>
      ))}
      <Parameters entry={entry} />
      <div class="actions">
        <button type="button" onClick={again}>
          Use again
        </button>
        <DownloadLink entry={entry} />
        <DeleteButton id={entry.id} />
      </div>
    </li>
  );
}

function Parameters({ entry }: { entry: GalleryEntry }) {
  const { created, seconds, request } = entry;
  const { frames, fps, width, height, negativePrompt, context, loop, noise, ...others } = request;
  const numbers = numberNames.flatMap((name) => {
    return others[name] === undefined ? [] : [[numberFields[name].label, others[name]]];
  });
  const rows: Record<string, string> = {
    Made: `${dateTime(created)}, in ${duration(seconds)}`,
    ...Object.fromEntries(numbers),
    Frames: `${frames} at ${fps} a second`,
    Size: `${width} × ${height}`,
    ...(context && { Windows: `${context.length} frames, which overlap by ${context.overlap}` }),
    ...(loop && { Loop: "yes" }),
    ...(noise !== undefined && noise !== "independent" && { Noise: noise }),
    ...(negativePrompt ? { Not: negativePrompt } : {}),
  };
  return (
    <details>
      <summary>Parameters</summary>
      <div class="folded">
        <dl>
          {Object.entries(rows).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <InputThumbnails entry={entry} />
      </div>
    </details>
  );
}

function InputThumbnails({ entry: { id, inputs } }: { entry: GalleryEntry }) {
  const list = listInputs(inputs);
  if (list.length === 0) return null;
  return (
    <ul class="thumbnails">
      {list.map(({ input, copy }) => {
        const [url, label] = [fileUrl(id, input), inputLabel(copy)];
        const isFilm = /\.(mp4|webm)$/.test(input);
        return (
          <li key={input}>
            {isFilm ? (
              // What it shows has no sound to caption.
              <video src={`${url}#t=0.001`} aria-label={label} title={label} preload="metadata" muted />
            ) : (
              <img src={url} alt={label} title={label} loading="lazy" />
            )}
          </li>
        );
      })}
    </ul>
  );
}

const inputLabels: Record<string, string> = {
  reference: "Reference",
  subject: "Subject",
  region: "Region of subject",
  first: "First picture",
  last: "Last picture",
  start: "Start film",
  mask: "Mask",
};

/** Of "subject-1-2": "Subject 1, picture 2". */
function inputLabel(copy: string): string {
  const [kind = "", number, picture] = copy.split("-");
  const label = [inputLabels[kind] ?? kind, number].filter(Boolean).join(" ");
  return picture === undefined ? label : `${label}, picture ${picture}`;
}

/** Asks once more, in its own place, because a deleted video does not come back. */
function DeleteButton({ id }: { id: string }) {
  const isSure = useSignal(false);
  const onClick = async () => {
    if (!isSure.value) {
      isSure.value = true;
      return;
    }
    try {
      await deleteEntry(id);
      announcement.value = "The video was deleted.";
      document.getElementById("gallery")?.focus({ preventScroll: true });
    } catch (error) {
      draftError.value = (error as Error).message;
    }
  };
  const reset = () => {
    isSure.value = false;
  };
  return (
    <button type="button" class={isSure.value ? "danger" : ""} onClick={onClick} onBlur={reset}>
      {isSure.value ? "Delete for good?" : "Delete"}
    </button>
  );
}
