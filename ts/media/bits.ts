/** Reads bits from the first on, the highest of a byte first; an Error where there are none left. */
export class Bits {
  readonly #bytes: Uint8Array;
  /** Bits that were read. */
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** An unsigned number of up to 32 bits. */
  read(count: number): number {
    if (this.at + count > 8 * this.#bytes.length) throw new Error("its header is cut short");
    let value = 0;
    for (const end = this.at + count; this.at < end; this.at++) {
      value = 2 * value + (((this.#bytes[this.at >> 3] ?? 0) >> (7 - (this.at & 7))) & 1);
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  skip(count: number): void {
    for (let left = count; left > 0; left -= 32) this.read(Math.min(32, left));
  }

  /** Exp-Golomb code of an unsigned number (ITU-T H.264, 9.1); a signed one takes as many bits. */
  golomb(): number {
    let zeros = 0;
    while (!this.flag()) if (++zeros > 31) throw new Error("its header is damaged");
    return 2 ** zeros - 1 + this.read(zeros);
  }

  skipGolombs(count: number): void {
    for (let i = 0; i < count; i++) this.golomb();
  }
}
