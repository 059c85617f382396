import type { CompleteDataRecipe } from "../training/complete_types.js";
import type { Size } from "./clip.js";
import type { Entry } from "./sources/index.js";
import type { Failure } from "./worker.js";
import type { DataWorkers } from "./workers.js";

/** Clips to a task of a worker's. */
const clipsAtOnce = 32;

export interface Buckets {
  /** The clips' indices by size. */
  buckets: Uint32Array[];
  /** Clips of which the size can't be told, and why. */
  failures: Map<number, Failure>;
}

/**
 * Sorts clips by which of the sizes is nearest to their shape. With one size and no masks, of which many may be missing, no
 * clip is looked at.
 */
export async function sortIntoBuckets(
  entries: Entry[],
  { size: sizes, masks, references }: CompleteDataRecipe,
  workers: DataWorkers,
  signal: AbortSignal,
): Promise<Buckets> {
  const all = [Uint32Array.from(entries.keys())];
  const hasMasks = masks !== undefined || entries.some(({ mask }) => mask !== undefined);
  const needsMasks = references?.subjects || (references?.highlight && hasMasks);
  if (sizes.length === 1 && !needsMasks) return { buckets: all, failures: new Map() };
  const tasks: Promise<(Size | Failure)[]>[] = [];
  for (let i = 0; i < entries.length; i += clipsAtOnce) {
    tasks.push(workers.sizes(entries.slice(i, i + clipsAtOnce), signal));
  }
  const buckets: number[][] = sizes.map(() => []);
  const failures: Buckets["failures"] = new Map();
  for (const [clip, found] of (await Promise.all(tasks)).flat().entries()) {
    if ("failure" in found) failures.set(clip, found);
    else buckets[nearest(sizes, found)]?.push(clip);
  }
  // With one size the order is that of all clips, whichever of them are read.
  if (sizes.length === 1) return { buckets: all, failures };
  return { buckets: buckets.map((clips) => Uint32Array.from(clips)), failures };
}

/** By the ratio of the sides; where that is the same, by the area. */
function nearest(sizes: readonly [width: number, height: number][], { width, height }: Size): number {
  const distances = sizes.map(([w, h]) => ({
    ratio: Math.abs(Math.log((w * height) / (h * width))),
    area: Math.abs(Math.log((w * h) / (width * height))),
  }));
  const order = Array.from(distances.keys()).sort((a, b) => {
    const [one, other] = [distances[a], distances[b]] as [(typeof distances)[0], (typeof distances)[0]];
    const ratio = one.ratio - other.ratio;
    return Math.abs(ratio) > 1e-9 ? ratio : one.area - other.area;
  });
  return order[0] as number;
}
