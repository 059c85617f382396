import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { addFiles, uploading } from "./actions.js";
import { uploadUrl } from "./api.js";
import type { Picked } from "./draft.js";
import { FaultOf, faultAttributes } from "./fields.js";

const pictureTypes = "image/png,image/jpeg,image/webp,image/avif,image/gif,image/tiff";
const filmTypes = "video/mp4,video/quicktime,video/webm,video/x-matroska,.mkv,image/gif,image/webp";

interface FileDropProps {
  /** The input's id, by which its faults find it. */
  field: string;
  title: string;
  hint: string;
  kind?: "picture" | "film";
  multiple?: boolean;
  onFiles: (files: File[]) => void;
}

/** Where files are chosen, or dropped. */
export function FileDrop({ field, title, hint, kind = "picture", multiple = false, onFiles }: FileDropProps) {
  const isOver = useSignal(false);
  const attributes = faultAttributes(field);
  return (
    <>
      <label
        class={isOver.value ? "drop over" : "drop"}
        onDragOver={() => {
          isOver.value = true;
        }}
        onDragLeave={() => {
          isOver.value = false;
        }}
        onDrop={(event) => {
          isOver.value = false;
          if (!event.dataTransfer?.files.length) return;
          event.preventDefault();
          event.stopPropagation();
          onFiles([...event.dataTransfer.files]);
        }}
      >
        <input
          id={field}
          type="file"
          class="hidden"
          accept={kind === "film" ? filmTypes : pictureTypes}
          multiple={multiple}
          aria-labelledby={`${field}-title`}
          aria-invalid={attributes["aria-invalid"]}
          aria-describedby={`${field}-hint ${attributes["aria-describedby"] ?? ""}`.trim()}
          onChange={({ currentTarget }) => {
            onFiles([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
        <span id={`${field}-title`} class="drop-title">
          {uploading.value > 0 ? "Reading…" : title}
        </span>
        <span id={`${field}-hint`} class="hint">
          {hint}
        </span>
      </label>
      <FaultOf field={field} />
    </>
  );
}

/** The picture that shows an upload. */
export function UploadImage({ id, alt, title }: { id: string; alt: string; title?: string }) {
  const url = uploadUrl(id);
  // In what is folded, Chromium doesn't show one that got its address late.
  return url === undefined ? null : <img src={url} alt={alt} title={title} draggable={false} />;
}

export function Thumbnail({ picked, onRemove }: { picked: Picked; onRemove: () => void }) {
  const { id, name } = picked;
  return (
    <>
      <UploadImage id={id} alt={name} title={name} />
      <button type="button" class="remove" aria-label={`Remove ${name}`} onClick={onRemove}>
        ×
      </button>
    </>
  );
}

/** Takes files from drops and pastes anywhere. */
export function useFiles(): void {
  useEffect(() => {
    const ending = new AbortController();
    const on = <K extends keyof DocumentEventMap>(name: K, listener: (event: DocumentEventMap[K]) => void) =>
      document.addEventListener(name, listener, { signal: ending.signal });
    on("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
    on("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      addFiles([...event.dataTransfer.files]);
    });
    on("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      addFiles([...event.clipboardData.files]);
    });
    return () => ending.abort();
  }, []);
}
