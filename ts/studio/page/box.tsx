import { type BoxDraft, changeSubject, draft } from "./draft.js";
import { boxSides } from "./faults.js";
import { FaultOf, NumberInput } from "./fields.js";
import { UploadImage } from "./files.js";
import { parseNumber } from "./numbers.js";
import { boxTexts, requestSize, startPicture } from "./order.js";

/** A box of the frame: drawn, or as numbers. */
export function BoxEditor({ index }: { index: number }) {
  const box = draft.value.subjects[index]?.box;
  if (box === undefined) return null;
  const field = `subjects[${index}].region`;
  return (
    <div class="box-editor">
      <BoxSurface box={box} onDraw={(drawn) => changeSubject(index, { box: drawn })} />
      <fieldset id={field} class="row" aria-label="Box" tabIndex={-1}>
        {Object.entries(boxSides).map(([side, label]) => (
          <NumberInput
            key={side}
            field={`${field}.${side}`}
            label={label}
            whole={false}
            value={box[side as keyof BoxDraft]}
            onInput={(text) => changeSubject(index, { box: { ...box, [side]: text } })}
          />
        ))}
      </fieldset>
      <FaultOf field={field} />
    </div>
  );
}

/** The frame, on which a box is dragged open; by the keyboard it is the numbers beside it. */
function BoxSurface({ box, onDraw }: { box: BoxDraft; onDraw: (box: BoxDraft) => void }) {
  const { width = 1, height = 1 } = requestSize.value ?? {};
  const backdrop = startPicture.value;
  const percent = (text: string) => `${Math.min(100, Math.max(0, parseNumber(text, false) || 0))}%`;
  const onPointerDown = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const surface = event.currentTarget;
    surface.setPointerCapture(event.pointerId);
    const start = placeOf(event, surface);
    const move = (moved: PointerEvent) => onDraw(between(start, placeOf(moved, surface), box));
    surface.onpointermove = move;
    surface.onpointerup = surface.onpointercancel = () => {
      surface.onpointermove = null;
    };
  };
  return (
    <div
      class="frame box-surface"
      style={{ aspectRatio: `${width} / ${height}` }}
      title="Drag to draw the box"
      onPointerDown={onPointerDown}
    >
      {backdrop && <UploadImage id={backdrop.id} alt="" />}
      <div
        class="box"
        style={{
          ...{ left: percent(box.x), top: percent(box.y) },
          ...{ width: percent(box.width), height: percent(box.height) },
        }}
      />
    </div>
  );
}

type Place = readonly [x: number, y: number];

/** Whole percents, as parts of the surface. */
function placeOf(event: PointerEvent, surface: HTMLElement): Place {
  const { left, top, width, height } = surface.getBoundingClientRect();
  const part = (value: number) => Math.round(100 * Math.min(1, Math.max(0, value))) / 100;
  return [part((event.clientX - left) / width), part((event.clientY - top) / height)];
}

/** The box with these corners; a mere tap changes nothing. */
function between([x1, y1]: Place, [x2, y2]: Place, before: BoxDraft): BoxDraft {
  const [width, height] = [Math.abs(x2 - x1), Math.abs(y2 - y1)];
  return width === 0 || height === 0
    ? before
    : boxTexts({ x: Math.min(x1, x2), y: Math.min(y1, y2), width, height });
}
