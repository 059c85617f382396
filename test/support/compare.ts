import type { Test } from "tap";
import type { Tensor, Tensors } from "./tensors.js";

export interface Difference {
  /** The largest difference, as a part of the largest magnitude expected. */
  largest: number;
  /** The root mean square of the difference, as a part of the expected values' standard deviation. */
  rms: number;
}

export function compare(actual: ArrayLike<number>, expected: Tensor["data"]): Difference {
  let largest = 0;
  let magnitude = 0;
  let sum = 0;
  let squares = 0;
  let errors = 0;
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i] as number;
    const error = Math.abs((actual[i] as number) - want);
    // Not Math.max alone, which a NaN would have to reach first.
    largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(largest, error);
    magnitude = Math.max(magnitude, Math.abs(want));
    sum += want;
    squares += want * want;
    errors += error * error;
  }
  const mean = sum / expected.length;
  const deviation = Math.sqrt(squares / expected.length - mean * mean);
  return {
    largest: largest === 0 ? 0 : largest / magnitude,
    rms: errors === 0 ? 0 : Math.sqrt(errors / expected.length) / deviation,
  };
}

/** Same shape, and no value further off than `tolerance` times the largest magnitude expected. */
export function assertClose(
  t: Test,
  actual: Tensor | undefined,
  expected: Tensor | undefined,
  tolerance: number,
  name: string,
): void {
  if (!actual || !expected) {
    t.fail(`${name} is missing${expected ? "" : " in what is expected"}`);
    return;
  }
  t.same(actual.shape, expected.shape, `${name} has the shape`);
  const { largest } = compare(actual.data, expected.data);
  t.ok(largest <= tolerance, `${name} is within ${tolerance}: ${largest.toExponential(1)}`, {
    largest,
    tolerance,
  });
}

/** The same names, shapes and numbers, bit by bit. Faster than `t.same`, which looks at every number. */
export function assertSameTensors(t: Test, actual: Tensors, expected: Tensors, name = "tensors"): void {
  t.same(Object.keys(actual).sort(), Object.keys(expected).sort(), `${name}' names`);
  const bytes = ({ data }: Tensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const different = Object.entries(expected).filter(([key, tensor]) => {
    const own = actual[key];
    return !own || `${own.shape}` !== `${tensor.shape}` || !bytes(own).equals(bytes(tensor));
  });
  t.same(
    different.map(([key]) => key),
    [],
    `${name} that differ`,
  );
}
