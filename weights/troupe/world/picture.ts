import { type Canvas, createCanvas, type SKRSContext2D } from "@napi-rs/canvas";
import { bodyOf } from "./bodies/index.js";
import { focus, zoomAt } from "./camera.js";
import { type Clip, framesPerSecond, scaleOf, usualFrames } from "./clip.js";
import type { Colour } from "./colour.js";
import { type Around, breath, cycleAt, dust, poseAt, shadow } from "./effects.js";
import { tint, tints } from "./light.js";
import { type PlaceName, places } from "./places/index.js";
import { restingPose } from "./pose.js";
import { drawParts } from "./puppet.js";
import type { Backdrop } from "./stage.js";
import type { Subject } from "./subject.js";

/** Where subjects stand, from the top. */
const ground = 0.885;

export interface DrawOptions {
  /** Pixels: the height and the width. */
  size?: number;
  frames?: number;
}

export interface DrawnClip {
  /** RGB: frames x size x size x 3. */
  frames: Uint8Array;
  /** frames x size x size: 255 where the subject is, with its accessory but without its shadow. */
  masks: Uint8Array;
}

/** One frame, as many times as wide as it has subjects. */
export interface Painted {
  /** size x width x 3. */
  rgb: Uint8Array;
  /** size x width each: 255 where this subject is, seen. */
  masks: Uint8Array[];
}

/** Of places that are not lit by the sky: what their light does to a subject. */
const placeTints: Partial<Record<PlaceName, { colour: Colour; strength: number }>> = {
  city: { colour: [262, 60, 34], strength: 0.1 },
  sea: { colour: [200, 80, 50], strength: 0.05 },
};

/**
 * Draws the frames of one clip, one after another, on canvases of its own; or of several clips in the same place and light and by
 * the same camera, side by side, each in a square of the frame.
 */
export class ClipPainter {
  readonly #clips: readonly Clip[];
  readonly #size: number;
  readonly #scene: Canvas;
  readonly #layer: Canvas;
  readonly #backdrop: Backdrop;

  constructor(clips: readonly [Clip, ...Clip[]], size: number) {
    this.#clips = clips;
    this.#size = size;
    this.#scene = createCanvas(clips.length * size, size);
    this.#layer = createCanvas(clips.length * size, size);
    this.#backdrop = places[clips[0].place](clips[0].motion.layout);
  }

  paint(index: number): Painted {
    const seconds = index / framesPerSecond;
    const [{ camera, light, motion }] = this.#clips as [Clip];
    const zoom = zoomAt(camera, motion.zoom, index / (usualFrames - 1));
    const scene = this.#start(this.#scene, zoom);
    const width = this.#clips.length;
    this.#backdrop({ context: scene, width, time: seconds, scroll: motion.scroll * seconds, light });
    const masks: Uint8Array[] = [];
    for (const [place, clip] of this.#clips.entries()) {
      const mask = this.#paintSubject(scene, clip, place, seconds, zoom);
      for (const before of masks) hide(before, mask);
      masks.push(mask);
    }
    return { rgb: this.#read(scene), masks };
  }

  #paintSubject(scene: SKRSContext2D, clip: Clip, place: number, seconds: number, zoom: number): Uint8Array {
    const layer = this.#start(this.#layer, zoom);
    const pose = poseAt(clip, seconds);
    const { drift, scale, facing } = clip.motion;
    const x = place + clip.motion.x + drift * seconds + facing * pose.ahead * scale;
    const around: Around = { clip, pose, seconds, cycle: cycleAt(clip, seconds), x, ground };
    shadow(scene, around);
    dust(scene, around);

    const body = bodyOf(clip.subject, pose);
    layer.save();
    layer.translate(x, ground);
    layer.scale(facing * scale, scale);
    drawParts(layer, body.parts);
    layer.restore();
    this.#light(scene, layer, clip);

    scene.save();
    scene.resetTransform();
    scene.drawImage(this.#layer, 0, 0);
    scene.restore();
    const [headX, headY] = body.head.origin;
    breath(scene, around, { x: x + facing * scale * (headX + 0.15), y: ground - scale * headY });
    return this.#pixels(layer, 1, (rgba, i) => ((rgba[4 * i + 3] as number) >= 128 ? 255 : 0));
  }

  #read(scene: SKRSContext2D): Uint8Array {
    return this.#pixels(scene, 3, (rgba, i) => rgba[4 * Math.floor(i / 3) + (i % 3)] as number);
  }

  #pixels(
    from: SKRSContext2D,
    channels: number,
    valueAt: (rgba: Uint8ClampedArray, i: number) => number,
  ): Uint8Array {
    const width = this.#clips.length * this.#size;
    const { data } = from.getImageData(0, 0, width, this.#size);
    const values = new Uint8Array(channels * width * this.#size);
    for (let i = 0; i < values.length; i++) values[i] = valueAt(data, i);
    return values;
  }

  #start(canvas: Canvas, zoom: number): SKRSContext2D {
    const context = canvas.getContext("2d");
    context.resetTransform();
    context.clearRect(0, 0, canvas.width, canvas.height);
    const pixels = this.#size * zoom;
    context.setTransform(
      pixels,
      0,
      0,
      pixels,
      this.#size * this.#clips.length * focus.x * (1 - zoom),
      this.#size * focus.y * (1 - zoom),
    );
    return context;
  }

  #light(scene: SKRSContext2D, layer: SKRSContext2D, clip: Clip): void {
    const { colour, scene: all, subject } = tints[clip.light];
    const own = placeTints[clip.place];
    // Before the first subject: over all that is behind them.
    if (all > 0 && clip === this.#clips[0]) tint(scene, colour, all);
    layer.save();
    layer.globalCompositeOperation = "source-atop";
    if (subject > 0) tint(layer, colour, subject);
    if (own) tint(layer, own.colour, own.strength);
    layer.restore();
  }
}

/** What is behind another subject isn't seen. */
function hide(behind: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) if (mask[i] === 255) behind[i] = 0;
}

/** Draws all of a clip. */
export function drawClip(clip: Clip, { size = 128, frames = usualFrames }: DrawOptions = {}): DrawnClip {
  const painter = new ClipPainter([clip], size);
  const pixels = size * size;
  const drawn = { frames: new Uint8Array(frames * pixels * 3), masks: new Uint8Array(frames * pixels) };
  for (let frame = 0; frame < frames; frame++) {
    const { rgb, masks } = painter.paint(frame);
    drawn.frames.set(rgb, frame * pixels * 3);
    drawn.masks.set(masks[0] as Uint8Array, frame * pixels);
  }
  return drawn;
}

/** RGB, size x size x 3: the subject standing as it does in clips, as large as there, facing right, on white. */
export function drawReference(subject: Subject, { size = 128 }: Pick<DrawOptions, "size"> = {}): Uint8Array {
  const canvas = createCanvas(size, size);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  const scale = scaleOf(subject);
  context.setTransform(size * scale, 0, 0, size * scale, size / 2, size * ground);
  drawParts(context, bodyOf(subject, { ...restingPose(), turn: 0.25 }).parts);
  const rgba = context.getImageData(0, 0, size, size).data;
  return Uint8Array.from(
    { length: size * size * 3 },
    (_, i) => rgba[4 * Math.floor(i / 3) + (i % 3)] as number,
  );
}
