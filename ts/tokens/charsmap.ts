const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Longer clusters are replaced character by character. */
const longestCluster = 5;

/**
 * Sentencepiece's table of replacements (`precompiled_charsmap`): a double array of bytes (Darts), in whose leaves are places
 * in a list of texts that end in 0. Used as Hugging Face's tokenizers do.
 */
export class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Buffer;

  /** Throws a RangeError where `bytes` are no such table. */
  constructor(bytes: Buffer) {
    const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
    if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) throw new RangeError("its table is cut off");
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.#texts = bytes.subarray(4 + size);
  }

  normalize(text: string): string {
    let result = "";
    for (const { segment } of graphemes.segment(text)) {
      const whole = Buffer.byteLength(segment) <= longestCluster ? this.#replaced(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const character of segment) result += this.#replaced(character) ?? character;
    }
    return result;
  }

  /** What stands for the shortest of the table's keys with which the text begins; the rest of the text goes with it. */
  #replaced(text: string): string | undefined {
    let place = this.#offset(0);
    for (const byte of Buffer.from(text)) {
      place ^= byte;
      const unit = this.#unit(place);
      if (byte === 0 || (unit & 0x800000ff) !== byte) return undefined;
      place ^= this.#offset(place);
      if ((unit & 0x100) !== 0) return this.#textAt(this.#unit(place) & 0x7fffffff);
    }
    return undefined;
  }

  #unit(place: number): number {
    return this.#units[place] ?? 0;
  }

  #offset(place: number): number {
    const unit = this.#unit(place);
    return (unit >>> 10) << ((unit & 0x200) >>> 6);
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return this.#texts.toString("utf8", start, end === -1 ? this.#texts.length : end);
  }
}
