/** Numbers that are drawn, not stored: a counter-based hash, the same bits as in test/fixtures/make/draws.py. */

export interface Tensor<Data extends Float32Array | Uint8Array = Float32Array | Uint8Array> {
  shape: number[];
  data: Data;
}

export type Tensors = Record<string, Tensor>;

/** A state dict's shapes by the parts of their names; a null before the shape marks a table of sinusoids. */
export type WeightTree = { [part: string]: WeightTree | (number | null)[] };

/** How an input is drawn: its values, integers below a bound, or uniform in -scale..scale (1). */
export interface InputSpec {
  shape: number[];
  values?: number[];
  below?: number;
  scale?: number;
}

/** A 32-bit finaliser: every bit of `h` changes every bit of the result. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a of the name's bytes, mixed with the seed. */
function keyOf(name: string, seed: number): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  return mix(h ^ mix(seed));
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function drawBits(name: string, length: number, seed: number): Uint32Array {
  const key = keyOf(name, seed);
  return new Uint32Array(length).map((_, i) => mix(mix(i) ^ key));
}

/** float32 in -scale..scale; both factors are exact in float32, so the one rounding is the product's. */
function drawUniform(name: string, shape: number[], scale: number, seed: number): Tensor<Float32Array> {
  const width = Math.fround(scale);
  const data = Float32Array.from(
    drawBits(name, elements(shape), seed),
    (h) => ((h >>> 8) * 2 ** -23 - 1) * width,
  );
  return { shape, data };
}

export function drawInput(name: string, spec: InputSpec, seed: number): Tensor<Float32Array> {
  const { shape, values, below, scale = 1 } = spec;
  if (values) return { shape, data: Float32Array.from(values) };
  if (below === undefined) return drawUniform(name, shape, scale, seed);
  return { shape, data: Float32Array.from(drawBits(name, elements(shape), seed), (h) => h % below) };
}

export function drawBytes(name: string, shape: number[], seed: number): Tensor<Uint8Array> {
  return { shape, data: Uint8Array.from(drawBits(name, elements(shape), seed), (h) => h >>> 24) };
}

/** Half the width of a weight's uniform distribution; networks of any size keep activations near 1. */
function weightScale(name: string, shape: number[]): number {
  if (shape.length === 1) return 0.25;
  if (name.includes("_embedding.weight")) return 1;
  return Math.sqrt(3 / elements(shape.slice(1)));
}

/** A norm's weight is 1 +- 0.25, a bias +- 0.25; any other has a standard deviation of 1/sqrt(fan_in). */
export function drawWeight(name: string, shape: number[], seed: number): Tensor<Float32Array> {
  const weight = drawUniform(name, shape, weightScale(name, shape), seed);
  const isNorm = shape.length === 1 && name.endsWith("weight");
  return isNorm ? { shape, data: weight.data.map((value) => 1 + value) } : weight;
}

/** diffusers' table of positions, (1, length, channels): sin and cos of l * 10000^(-2i / channels) in turn. */
function sinusoidalPositions(shape: number[]): Tensor<Float32Array> {
  const [, length = 0, channels = 0] = shape;
  const data = new Float32Array(length * channels);
  const rate = Math.fround(-Math.log(10000) / channels);
  for (let l = 0; l < length; l++) {
    for (let c = 0; c < channels; c++) {
      const frequency = Math.fround(Math.exp(Math.fround((c - (c % 2)) * rate)));
      const angle = Math.fround(l * frequency);
      data[l * channels + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return { shape, data };
}

/** The tensors of a whole state dict, by name. */
export function drawWeights(
  tree: WeightTree,
  seed: number,
  prefix = "",
): Record<string, Tensor<Float32Array>> {
  const weights: Record<string, Tensor<Float32Array>> = {};
  for (const [part, child] of Object.entries(tree)) {
    const name = prefix + part;
    if (!Array.isArray(child)) Object.assign(weights, drawWeights(child, seed, `${name}.`));
    else if (child[0] === null) weights[name] = sinusoidalPositions(child.slice(1) as number[]);
    else weights[name] = drawWeight(name, child as number[], seed);
  }
  return weights;
}
