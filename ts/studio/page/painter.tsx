import { type Signal, signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { upload, uploadUrl } from "./api.js";
import { type Brush, Canvas, useCanvas } from "./canvas.js";
import type { Picked } from "./draft.js";
import { startPicture } from "./order.js";
import { announcement } from "./store.js";
import { maskOf } from "./strokes.js";

/** What is being painted. */
export interface Painting {
  /** As in "the mask". */
  what: string;
  width: number;
  height: number;
  /** What is painted already. */
  mask: Picked | null;
  onDone: (mask: Picked) => void;
}

export const painting = signal<Painting | undefined>(undefined);

/** The dialog in which masks are painted, where one is. */
export function Painter() {
  const now = painting.value;
  return now && <PainterDialog painting={now} />;
}

function PainterDialog({ painting: { what, width, height, mask, onDone } }: { painting: Painting }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shorter = Math.min(width, height);
  const brush = useSignal<Brush>({ kind: "paint", radius: Math.max(1, Math.round(shorter / 12)) });
  const problem = useSignal("");
  const canvas = useCanvas(mask && (uploadUrl(mask.id) ?? null));
  useEffect(() => dialog.current?.showModal(), []);
  const done = async () => {
    try {
      const png = canvas.element.current && (await maskOf(canvas.element.current));
      if (!png) {
        problem.value = "Nothing is painted yet.";
        return;
      }
      onDone({ ...(await upload(png, "picture")), name: "mask.png" });
      announcement.value = `Kept ${what}.`;
      dialog.current?.close();
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    canvas.undo();
  };
  return (
    <dialog
      ref={dialog}
      class="painter"
      aria-labelledby="painter-title"
      onKeyDown={onKeyDown}
      onClose={() => {
        painting.value = undefined;
      }}
    >
      <h2 id="painter-title">Paint {what}</h2>
      <Tools brush={brush} most={Math.max(2, Math.round(shorter / 3))} canvas={canvas} />
      <Canvas
        canvas={canvas}
        brush={brush}
        size={{ width, height }}
        label={what}
        backdrop={startPicture.value && uploadUrl(startPicture.value.id)}
      />
      <p id="canvas-hint" class="hint">
        By the keyboard: arrows move the brush, with Shift they paint, Space is a dot, Ctrl-Z undoes.
      </p>
      <p class="error" role="alert" hidden={problem.value === ""}>
        {problem.value}
      </p>
      <div class="actions">
        <button type="button" class="primary" onClick={done}>
          Done
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}

const kinds = { paint: "Brush", erase: "Eraser" } as const;

function Tools({
  brush,
  most,
  canvas,
}: {
  brush: Signal<Brush>;
  most: number;
  canvas: ReturnType<typeof useCanvas>;
}) {
  const { kind, radius } = brush.value;
  return (
    <fieldset class="tools" aria-label="Tools">
      {Object.entries(kinds).map(([each, label]) => (
        <button
          key={each}
          type="button"
          aria-pressed={kind === each}
          onClick={() => {
            brush.value = { ...brush.value, kind: each as Brush["kind"] };
          }}
        >
          {label}
        </button>
      ))}
      <button type="button" disabled={canvas.steps.value === 0} onClick={canvas.undo}>
        Undo
      </button>
      <button type="button" onClick={canvas.clear}>
        Clear
      </button>
      <label class="size">
        Size
        <input
          type="range"
          min={1}
          max={most}
          value={radius}
          onInput={({ currentTarget }) => {
            brush.value = { ...brush.value, radius: Number(currentTarget.value) };
          }}
        />
      </label>
    </fieldset>
  );
}
