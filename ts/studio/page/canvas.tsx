import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { contextOf, drawMask, drawStep, type Step, type Stroke } from "./strokes.js";

export interface Brush {
  kind: "paint" | "erase";
  /** In the mask's pixels. */
  radius: number;
}

/** A mask in the making. */
export interface MaskCanvas {
  element: RefObject<HTMLCanvasElement | null>;
  /** How many can be undone. */
  steps: Signal<number>;
  undo: () => void;
  clear: () => void;
  /** Shows a step, and keeps it to be undone. */
  add: (step: Step) => void;
}

/** `url` is of the mask that it begins with; null for none. */
export function useCanvas(url: string | null): MaskCanvas {
  const element = useRef<HTMLCanvasElement>(null);
  const steps = useRef<Step[]>([]);
  const base = useRef<HTMLImageElement | null>(null);
  const count = useSignal(0);
  const context = () => contextOf(element.current as HTMLCanvasElement);
  const draw = () => {
    drawStep(context(), { kind: "clear" });
    if (base.current) drawMask(context(), base.current);
    for (const step of steps.current) drawStep(context(), step);
  };
  useEffect(() => {
    if (url === null) return;
    const image = new Image();
    image.onload = () => {
      base.current = image;
      if (element.current) draw();
    };
    image.src = url;
  }, [url]);
  const add = (step: Step) => {
    steps.current.push(step);
    count.value = steps.current.length;
    drawStep(context(), step);
  };
  const undo = () => {
    steps.current.pop();
    count.value = steps.current.length;
    draw();
  };
  return { element, steps: count, undo, clear: () => add({ kind: "clear" }), add };
}

interface CanvasProps {
  canvas: MaskCanvas;
  brush: Signal<Brush>;
  size: { width: number; height: number };
  /** What it is the canvas of. */
  label: string;
  /** What shines through. */
  backdrop: string | undefined;
}

const arrows: Record<string, readonly [x: number, y: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function Canvas({ canvas, brush, size: { width, height }, label, backdrop }: CanvasProps) {
  const place = useSignal<readonly [x: number, y: number]>([width / 2, height / 2]);
  const said = useSignal("");
  const { radius } = brush.value;
  const dot = (...points: [x: number, y: number][]) => canvas.add({ ...brush.value, points });
  const onPointerDown = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    if (event.button !== 0) return;
    paintAlong(event, canvas, brush.value, (at) => {
      place.value = at;
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const [x, y] = place.value;
    const direction = arrows[event.key];
    if (direction) {
      const step = Math.max(1, radius / 2);
      const to: [x: number, y: number] = [
        Math.min(width, Math.max(0, x + step * direction[0])),
        Math.min(height, Math.max(0, y + step * direction[1])),
      ];
      if (event.shiftKey) dot([x, y], to);
      place.value = to;
      said.value = `${percent(to[0], width)} from the left, ${percent(to[1], height)} from the top`;
    } else if (event.key === " " || event.key === "Enter") {
      dot([x, y]);
      said.value = brush.value.kind === "paint" ? "Painted" : "Erased";
    } else return;
    event.preventDefault();
  };
  return (
    <div class="frame canvas" style={{ aspectRatio: `${width} / ${height}`, "--ratio": width / height }}>
      {backdrop && <img src={backdrop} alt="" />}
      <div
        class="keys"
        role="application"
        aria-label={`Canvas of ${label}, ${width} by ${height}`}
        aria-describedby="canvas-hint"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys, as an application does
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <canvas
          ref={canvas.element}
          width={width}
          height={height}
          onPointerDown={onPointerDown}
          onPointerMove={(event) => {
            place.value = placeOf(event, event.currentTarget);
          }}
        />
      </div>
      <div
        class="brush"
        style={{
          ...{ left: percent(place.value[0], width), top: percent(place.value[1], height) },
          width: percent(2 * radius, width),
        }}
      />
      <p class="hidden" role="status">
        {said.value}
      </p>
    </div>
  );
}

/** Paints from where the pointer went down to where it goes up; that is one step. */
function paintAlong(
  event: PointerEvent & { currentTarget: HTMLCanvasElement },
  canvas: MaskCanvas,
  brush: Brush,
  onPlace: (at: readonly [x: number, y: number]) => void,
): void {
  const target = event.currentTarget;
  target.setPointerCapture(event.pointerId);
  const first = placeOf(event, target);
  const stroke: Stroke = { ...brush, points: [first] };
  canvas.add(stroke);
  onPlace(first);
  target.onpointermove = (moved) => {
    for (const each of moved.getCoalescedEvents?.() ?? [moved]) {
      const [last, next] = [stroke.points.at(-1) as [number, number], placeOf(each, target)];
      stroke.points.push(next);
      drawStep(contextOf(target), { ...brush, points: [last, next] });
    }
  };
  target.onpointerup = target.onpointercancel = () => {
    target.onpointermove = null;
  };
}

/** In the canvas's pixels. */
function placeOf(event: PointerEvent, canvas: HTMLCanvasElement): [x: number, y: number] {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [((event.clientX - left) * canvas.width) / width, ((event.clientY - top) * canvas.height) / height];
}

function percent(value: number, of: number): string {
  return `${Number(((100 * value) / of).toFixed(1))}%`;
}
