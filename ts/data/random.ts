import { createHash } from "node:crypto";

/**
 * A stream of random numbers that its key alone determines: sfc32 (Chris Doty-Humphrey's small fast counting
 * generator), seeded with the key's SHA-256.
 */
export class Random {
  readonly #state: Uint32Array;

  constructor(...key: (string | number)[]) {
    const hash = createHash("sha256").update(JSON.stringify(key)).digest();
    this.#state = Uint32Array.from({ length: 4 }, (_, i) => hash.readUInt32LE(4 * i));
  }

  /** 0 to below 1, in steps of 2^-32. */
  next(): number {
    const [a = 0, b = 0, c = 0, counter = 0] = this.#state;
    const result = (a + b + counter) >>> 0;
    this.#state[0] = b ^ (b >>> 9);
    this.#state[1] = c + (c << 3);
    this.#state[2] = ((c << 21) | (c >>> 11)) + result;
    this.#state[3] = counter + 1;
    return result / 2 ** 32;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  between(least: number, most: number): number {
    return least + (most - least) * this.next();
  }

  shuffle<T extends Uint32Array | unknown[]>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const item = items[i];
      items[i] = items[j] as never;
      items[j] = item as never;
    }
    return items;
  }
}
