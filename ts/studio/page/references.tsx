import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { referenceUrl } from "./api.js";
import { addPictures, draft, removeReference, uploading } from "./draft.js";
import { model } from "./store.js";

const accepted = "image/png,image/jpeg,image/webp,image/avif,image/gif,image/tiff";

/** The pictures of the subject: dropped anywhere on the page, pasted, or chosen. */
export function References() {
  const isOver = usePictures();
  if (model.value.state === "ready" && !model.value.subject) {
    return <p class="hint">This model takes no reference: the prompt says it all.</p>;
  }
  return (
    <fieldset class="references">
      <legend>Reference</legend>
      <Thumbnails />
      <label class={isOver.value ? "drop over" : "drop"}>
        <input
          type="file"
          class="hidden"
          accept={accepted}
          multiple
          aria-describedby="reference-hint"
          onChange={({ currentTarget }) => {
            addPictures([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
        <span class="drop-title">
          {uploading.value > 0
            ? "Reading…"
            : draft.value.references.length > 0
              ? "Add another picture"
              : "Choose a picture"}
        </span>
        <span id="reference-hint" class="hint">
          or drop or paste one; several of the same subject help
        </span>
      </label>
    </fieldset>
  );
}

function Thumbnails() {
  const list = useRef<HTMLUListElement>(null);
  const { references } = draft.value;
  if (references.length === 0) return null;
  const remove = (id: string) => {
    removeReference(id);
    // The button that had the focus is gone.
    list.current?.closest("fieldset")?.querySelector("input")?.focus();
  };
  return (
    <ul class="thumbnails" ref={list}>
      {references.map(({ id, name }) => (
        <li key={id}>
          <img src={referenceUrl(id)} alt={name} title={name} />
          <button type="button" class="remove" aria-label={`Remove ${name}`} onClick={() => remove(id)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Takes pictures from drops and pastes anywhere; whether one is being dragged over the page. */
function usePictures() {
  const isOver = useSignal(false);
  useEffect(() => {
    const ending = new AbortController();
    const on = <K extends keyof DocumentEventMap>(name: K, listener: (event: DocumentEventMap[K]) => void) =>
      document.addEventListener(name, listener, { signal: ending.signal });
    on("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      isOver.value = true;
    });
    on("dragleave", ({ relatedTarget }) => {
      if (relatedTarget === null) isOver.value = false;
    });
    on("drop", (event) => {
      isOver.value = false;
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      addPictures([...event.dataTransfer.files]);
    });
    on("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      addPictures([...event.clipboardData.files]);
    });
    return () => ending.abort();
  }, [isOver]);
  return isOver;
}
