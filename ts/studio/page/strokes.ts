/** What was done to a mask, in the canvas's pixels: replayed to undo a step, however large the canvas is. */
export type Step = { kind: "clear" } | Stroke;

export interface Stroke {
  kind: "paint" | "erase";
  radius: number;
  points: [x: number, y: number][];
}

/** Any colour: what isn't transparent is painted. */
const ink = "#e0218a";
/** Of 255, above which a pixel is painted: edges of strokes are smooth. */
const half = 128;

export function drawStep(context: CanvasRenderingContext2D, step: Step): void {
  if (step.kind === "clear") {
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    return;
  }
  const { kind, radius, points } = step;
  const [[x, y] = [0, 0], ...others] = points;
  context.globalCompositeOperation = kind === "erase" ? "destination-out" : "source-over";
  context.fillStyle = ink;
  context.strokeStyle = ink;
  context.lineWidth = 2 * radius;
  context.lineCap = "round";
  context.lineJoin = "round";
  // A line without a length is not drawn.
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.moveTo(x, y);
  for (const point of others) context.lineTo(...point);
  context.stroke();
  context.globalCompositeOperation = "source-over";
}

/** Draws a mask's white parts as if they were painted. */
export function drawMask(context: CanvasRenderingContext2D, mask: CanvasImageSource): void {
  const { width, height } = context.canvas;
  context.drawImage(mask, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(ink.slice(at, at + 2), 16));
  for (let at = 0; at < pixels.data.length; at += 4) {
    const isPainted = (pixels.data[at] ?? 0) >= half;
    pixels.data.set([red ?? 0, green ?? 0, blue ?? 0, isPainted ? 255 : 0], at);
  }
  context.putImageData(pixels, 0, 0);
}

/** What is painted as a PNG, white on black; undefined where nothing is. */
export async function maskOf(canvas: HTMLCanvasElement): Promise<Blob | undefined> {
  const { width, height } = canvas;
  const pixels = contextOf(canvas).getImageData(0, 0, width, height);
  let isEmpty = true;
  for (let at = 0; at < pixels.data.length; at += 4) {
    const isPainted = (pixels.data[at + 3] ?? 0) >= half;
    if (isPainted) isEmpty = false;
    pixels.data.fill(isPainted ? 255 : 0, at, at + 3);
    pixels.data[at + 3] = 255;
  }
  if (isEmpty) return undefined;
  const copy = document.createElement("canvas");
  Object.assign(copy, { width, height });
  contextOf(copy).putImageData(pixels, 0, 0);
  return new Promise((resolve, reject) => {
    copy.toBlob((png) => (png ? resolve(png) : reject(new Error("the mask can't be kept"))), "image/png");
  });
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
}
