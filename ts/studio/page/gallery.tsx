import { useSignal } from "@preact/signals";
import { duration } from "../../duration.js";
import type { GalleryEntry } from "../protocol.js";
import { deleteEntry, fileUrl } from "./api.js";
import { Clip, DownloadLink } from "./clip.js";
import { draftError, useAgain } from "./draft.js";
import { dateTime } from "./format.js";
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
      <p class="prompt">{entry.request.prompt || "Without a prompt"}</p>
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

function Parameters({ entry: { id, created, seconds, request, references } }: { entry: GalleryEntry }) {
  const { frames, fps, width, height, negativePrompt, ...others } = request;
  const numbers = numberNames.flatMap((name) => {
    return others[name] === undefined ? [] : [[numberFields[name].label, others[name]]];
  });
  const rows: Record<string, string> = {
    Made: `${dateTime(created)}, in ${duration(seconds)}`,
    ...Object.fromEntries(numbers),
    Frames: `${frames} at ${fps} a second`,
    Size: `${width} × ${height}`,
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
        {references.length > 0 && (
          <ul class="thumbnails">
            {references.map((name, i) => (
              <li key={name}>
                <img src={fileUrl(id, name)} alt={`Reference ${i + 1}`} loading="lazy" />
              </li>
            ))}
          </ul>
        )}
      </div>
    </details>
  );
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
