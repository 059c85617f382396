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

/** One frame. */
export interface Painted {
  /** size x size x 3. */
  rgb: Uint8Array;
  /** size x size. */
  mask: Uint8Array;
}

/** Of places that are not lit by the sky: what their light does to a subject. */
const placeTints: Partial<Record<PlaceName, { colour: Colour; strength: number }>> = {
  city: { colour: [262, 60, 34], strength: 0.1 },
  sea: { colour: [200, 80, 50], strength: 0.05 },
};

/** Draws the frames of one clip, one after another, on canvases of its own. */
export class ClipPainter {
  readonly #clip: Clip;
  readonly #size: number;
  readonly #scene: Canvas;
  readonly #layer: Canvas;
  readonly #backdrop: Backdrop;

  constructor(clip: Clip, size: number) {
    this.#clip = clip;
    this.#size = size;
    this.#scene = createCanvas(size, size);
    this.#layer = createCanvas(size, size);
    this.#backdrop = places[clip.place](clip.motion.layout);
  }

  paint(index: number): Painted {
    const clip = this.#clip;
    const seconds = index / framesPerSecond;
    const zoom = zoomAt(clip.camera, clip.motion.zoom, index / (usualFrames - 1));
    const [scene, layer] = [this.#start(this.#scene, zoom), this.#start(this.#layer, zoom)];
    const pose = poseAt(clip, seconds);
    const { drift, scale, facing, scroll } = clip.motion;
    const x = clip.motion.x + drift * seconds + facing * pose.ahead * scale;
    const around: Around = { clip, pose, seconds, cycle: cycleAt(clip, seconds), x, ground };
    this.#backdrop({ context: scene, time: seconds, scroll: scroll * seconds, light: clip.light });
    shadow(scene, around);
    dust(scene, around);

    const body = bodyOf(clip.subject, pose);
    layer.save();
    layer.translate(x, ground);
    layer.scale(facing * scale, scale);
    drawParts(layer, body.parts);
    layer.restore();
    this.#light(scene, layer);

    scene.save();
    scene.resetTransform();
    scene.drawImage(this.#layer, 0, 0);
    scene.restore();
    const [headX, headY] = body.head.origin;
    breath(scene, around, { x: x + facing * scale * (headX + 0.15), y: ground - scale * headY });
    return this.#read(scene, layer);
  }

  #read(scene: SKRSContext2D, layer: SKRSContext2D): Painted {
    const pixels = this.#size ** 2;
    const [all, subject] = [scene, layer].map((from) => from.getImageData(0, 0, this.#size, this.#size).data);
    const painted = { rgb: new Uint8Array(3 * pixels), mask: new Uint8Array(pixels) };
    for (let i = 0; i < pixels; i++) {
      for (let channel = 0; channel < 3; channel++)
        painted.rgb[3 * i + channel] = all?.[4 * i + channel] as number;
      painted.mask[i] = (subject?.[4 * i + 3] as number) >= 128 ? 255 : 0;
    }
    return painted;
  }

  #start(canvas: Canvas, zoom: number): SKRSContext2D {
    const context = canvas.getContext("2d");
    context.resetTransform();
    context.clearRect(0, 0, this.#size, this.#size);
    const pixels = this.#size * zoom;
    context.setTransform(
      pixels,
      0,
      0,
      pixels,
      this.#size * focus.x * (1 - zoom),
      this.#size * focus.y * (1 - zoom),
    );
    return context;
  }

  #light(scene: SKRSContext2D, layer: SKRSContext2D): void {
    const { colour, scene: all, subject } = tints[this.#clip.light];
    const own = placeTints[this.#clip.place];
    if (all > 0) tint(scene, colour, all);
    layer.save();
    layer.globalCompositeOperation = "source-atop";
    if (subject > 0) tint(layer, colour, subject);
    if (own) tint(layer, own.colour, own.strength);
    layer.restore();
  }
}

/** Draws all of a clip. */
export function drawClip(clip: Clip, { size = 128, frames = usualFrames }: DrawOptions = {}): DrawnClip {
  const painter = new ClipPainter(clip, size);
  const pixels = size * size;
  const drawn = { frames: new Uint8Array(frames * pixels * 3), masks: new Uint8Array(frames * pixels) };
  for (let frame = 0; frame < frames; frame++) {
    const { rgb, mask } = painter.paint(frame);
    drawn.frames.set(rgb, frame * pixels * 3);
    drawn.masks.set(mask, frame * pixels);
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
