import { drawInput, type Tensor, type Tensors } from "./tensors.js";

/** What the layout of a probe is made of (test/native/nn/layout.h). */
export interface RegionsCase {
  name: string;
  frames: number;
  references: number;
  /** How many references each subject has. */
  subjects: number[];
  /** Height and width of the layer. */
  size: [number, number];
  /** Of the references; none: 1. */
  strengths: number[];
  regions: Tensors;
}

type Draw = (frames: number, height: number, width: number, seed: number) => Tensor | undefined;

function mask(
  frames: number,
  height: number,
  width: number,
  seed: number,
  is: (at: number, f: number) => boolean,
): Tensor {
  const shape = [1, frames, height, width];
  const { data } = drawInput(`region ${seed}`, { shape, scale: 1 }, seed);
  const inRegion = (_: unknown, i: number) => (is(data[i] as number, Math.floor(i / height / width)) ? 1 : 0);
  return { shape, data: Float32Array.from(data, inRegion) };
}

/** Regions of one subject, by what they are like. */
const draws: Record<string, Draw> = {
  everywhere: () => undefined,
  "half of the positions": (f, h, w, seed) => mask(f, h, w, seed, (value) => value > 0),
  "few positions": (f, h, w, seed) => mask(f, h, w, seed, (value) => value > 0.8),
  still: (_, h, w, seed) => mask(1, h, w, seed, (value) => value > 0.2),
  "nothing in some frames": (f, h, w, seed) =>
    mask(f, h, w, seed, (value, at) => at % 2 === 1 && value > 0.3),
  nothing: (f, h, w, seed) => mask(f, h, w, seed, () => false),
  "all of them": (f, h, w, seed) => mask(f, h, w, seed, () => true),
  "the left half": (f, h, w) => {
    const shape = [1, f, h, w];
    const data = Float32Array.from({ length: f * h * w }, (_, i) => (i % w < w / 2 ? 1 : 0));
    return { shape, data };
  },
};

/** Layouts of 1 to 3 references of as many subjects or fewer, with regions of every kind in turn, strengths with half of them. */
export function regionsCases(frames: number, size: [number, number]): RegionsCase[] {
  const kinds = Object.keys(draws);
  const cases: RegionsCase[] = [];
  const layouts = [[1], [2], [1, 1], [3], [1, 2], [2, 1], [1, 1, 1]];
  for (const subjects of layouts) {
    for (let first = 0; first < kinds.length; first++) {
      const regions: Tensors = {};
      const names = subjects.map((_, s) => kinds[(first + 3 * s) % kinds.length] as string);
      names.forEach((kind, s) => {
        const region = draws[kind]?.(frames, ...size, 10 * first + s);
        if (region) regions[`region.${s}`] = region;
      });
      const references = subjects.reduce((sum, count) => sum + count, 0);
      const strengths = first % 2 === 0 ? [0.3, 1, 2.5].slice(0, references) : [];
      if (first === 4) strengths[0] = 0;
      const name = `${subjects.join(" + ")} references, ${names.join(" and ")}, strengths ${strengths.join(", ") || 1}`;
      cases.push({ name, frames, references, subjects, size, strengths, regions });
    }
  }
  return cases;
}
