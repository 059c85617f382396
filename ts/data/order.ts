import { Random } from "./random.js";

/**
 * Which clip stands at each position of a run's endless sequence, as a pure function of the seed, the buckets and
 * the position.
 *
 * Every bucket goes through its clips in one seeded permutation after the other. An epoch has ceil(clips / batch)
 * micro-batches of each bucket, in a seeded order; each continues where the bucket's last one ended. So with one
 * bucket the sequence is one permutation after the other.
 */
export class Order {
  readonly #buckets: readonly Uint32Array[];
  readonly #batch: number;
  readonly #seed: number;
  /** Micro-batches that each bucket has in an epoch. */
  readonly #shares: number[];
  readonly #kept = new Map<string, Uint32Array>();

  /** `buckets`: the clips' indices by resolution; an empty one has no micro-batches. */
  constructor(buckets: readonly Uint32Array[], batch: number, seed: number) {
    this.#buckets = buckets;
    this.#batch = batch;
    this.#seed = seed;
    this.#shares = buckets.map(({ length }) => Math.ceil(length / batch));
  }

  /** The bucket of the micro-batch that `position` is in, and the clip there. */
  at(position: number): { bucket: number; clip: number } {
    const { bucket, turn } = this.#microBatch(Math.floor(position / this.#batch));
    const clips = this.#buckets[bucket] as Uint32Array;
    const place = turn * this.#batch + (position % this.#batch);
    const permutation = this.#permutation(bucket, Math.floor(place / clips.length));
    return { bucket, clip: permutation[place % clips.length] as number };
  }

  /** What stands at `position` in the place of a clip that can't be read: `attempt` counts from 1. */
  replacement(position: number, bucket: number, attempt: number): number {
    // A bucket may have no clip that can be read: then those of all others are taken, too.
    const own = this.#buckets[bucket] as Uint32Array;
    const clips = attempt <= 2 * own.length ? [own] : this.#buckets;
    const total = clips.reduce((sum, { length }) => sum + length, 0);
    let place = new Random(this.#seed, "replacement", position, attempt).below(total);
    for (const each of clips) {
      if (place < each.length) return each[place] as number;
      place -= each.length;
    }
    throw new RangeError("there are no clips");
  }

  /** The micro-batch's bucket, and how many of that bucket's are before it in the sequence. */
  #microBatch(index: number): { bucket: number; turn: number } {
    const inEpoch = this.#shares.reduce((sum, share) => sum + share, 0);
    const [epoch, place] = [Math.floor(index / inEpoch), index % inEpoch];
    const buckets = this.#keep(`buckets of epoch ${epoch}`, () => {
      const all = Uint32Array.from(this.#shares.flatMap((share, bucket) => Array(share).fill(bucket)));
      return new Random(this.#seed, "micro-batches", epoch).shuffle(all);
    });
    const turns = this.#keep(`turns of epoch ${epoch}`, () => {
      const counts = new Uint32Array(this.#shares.length);
      return buckets.map((bucket) => {
        const turn = counts[bucket] as number;
        counts[bucket] = turn + 1;
        return turn;
      });
    });
    const bucket = buckets[place] as number;
    return { bucket, turn: epoch * (this.#shares[bucket] as number) + (turns[place] as number) };
  }

  #permutation(bucket: number, epoch: number): Uint32Array {
    return this.#keep(`bucket ${bucket}, epoch ${epoch}`, () =>
      new Random(this.#seed, "permutation", bucket, epoch).shuffle(
        Uint32Array.from(this.#buckets[bucket] ?? []),
      ),
    );
  }

  /** What was made last is kept: positions are asked for nearly in order. */
  #keep(key: string, make: () => Uint32Array): Uint32Array {
    const made = this.#kept.get(key) ?? make();
    this.#kept.delete(key);
    this.#kept.set(key, made);
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size > 2 * (this.#buckets.length + 2) && oldest !== undefined) this.#kept.delete(oldest);
    return made;
  }
}
