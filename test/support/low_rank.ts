import type { Tensor } from "./tensors.js";

/** weight + scale * up * down: of (out, in), (out, rank) and (rank, in), kernels taken for rows of numbers. */
export function addLowRank(weight: Tensor, up: Tensor, down: Tensor, scale = 1): Tensor<Float32Array> {
  const [out = 0] = weight.shape;
  const [rank = 0] = down.shape;
  const columns = weight.data.length / out;
  const data = Float32Array.from(weight.data, (value, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let k = 0; k < rank; k++) {
      sum += (up.data[row * rank + k] as number) * (down.data[k * columns + column] as number);
    }
    return value + scale * sum;
  });
  return { shape: weight.shape, data };
}

/** The largest difference between two videos' bytes. */
export function largestDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
